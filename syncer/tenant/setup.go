package tenant

import (
	"context"
	"fmt"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// concurrency is how many tenants are worked on at a time. The requests a second are what bounds the work.
const concurrency = 4

type queue = workqueue.TypedRateLimitingInterface[ctrl.Request]

func request(tenant string) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Name: tenant}}
}

// SetupWithManager adds the controller and the watches, which run on the leader.
func (s *Syncer) SetupWithManager(mgr ctrl.Manager) error {
	c, err := controller.New("tenant", mgr, controller.Options{Reconciler: s, MaxConcurrentReconciles: concurrency})
	if err != nil {
		return fmt.Errorf("prepare the controller of tenants: %w", err)
	}
	if err := c.Watch(source.Kind(mgr.GetCache(), &core.Namespace{}, s.handler())); err != nil {
		return fmt.Errorf("watch namespaces: %w", err)
	}
	if err := c.Watch(source.Func(s.begin)); err != nil {
		return fmt.Errorf("watch tenants: %w", err)
	}
	return mgr.Add(s.Watcher)
}

// handler turns what happens to a namespace into the tenants that it concerns.
func (s *Syncer) handler() handler.TypedEventHandler[*core.Namespace, ctrl.Request] {
	enqueue := func(q queue, namespace *core.Namespace, gone bool) {
		for _, tenant := range s.see(namespace, gone) {
			q.Add(request(tenant))
		}
	}
	return handler.TypedFuncs[*core.Namespace, ctrl.Request]{
		CreateFunc: func(_ context.Context, e event.TypedCreateEvent[*core.Namespace], q queue) {
			enqueue(q, e.Object, false)
		},
		UpdateFunc: func(_ context.Context, e event.TypedUpdateEvent[*core.Namespace], q queue) {
			enqueue(q, e.ObjectNew, false)
		},
		DeleteFunc: func(_ context.Context, e event.TypedDeleteEvent[*core.Namespace], q queue) {
			enqueue(q, e.Object, true)
		},
	}
}

// begin takes the controller's queue, and wakes the tenants that something was written for before: some of them may have
// no namespace any more.
func (s *Syncer) begin(ctx context.Context, q queue) error {
	s.mutex.Lock()
	s.queue = q
	s.mutex.Unlock()
	go func() {
		for {
			tenants, err := s.ledger.all(ctx)
			for _, tenant := range tenants {
				q.Add(request(tenant))
			}
			if err == nil || ctx.Err() != nil {
				return
			}
			s.Log.Warn("the list of tenants cannot be read; trying again", "error", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(5 * time.Second):
			}
		}
	}()
	return nil
}

// Ready is nil once the namespaces of all tenants are known and watched.
func (s *Syncer) Ready() error { return s.Watcher.Ready() }
