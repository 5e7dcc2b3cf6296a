package zones

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	apps "k8s.io/api/apps/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
)

// Label names the zone of a stateful set that exists in each, and of its pods.
const Label = "opsgen.dev/zone"

// A Rollout is what a watch saw of all stateful sets of zones since it began. The API server sends the changes of one kind
// in the order in which they were made, so that what was seen first was first.
type Rollout struct {
	watcher watch.Interface
	done    chan struct{}

	mu sync.Mutex
	// stopped says that the end of the watch is wanted, and an error of its connection no longer matters.
	stopped bool
	// sets are the stateful sets as they were last seen, began their generations at first.
	sets  map[string]*apps.StatefulSet
	began map[string]int64
	// order is the sets in the order in which they were changed; problems is what was out of order.
	order    []string
	problems []error
}

// Watch begins to watch.
func Watch(ctx context.Context, client kubernetes.Interface) (*Rollout, error) {
	list, err := client.AppsV1().StatefulSets("").List(ctx, meta.ListOptions{LabelSelector: Label})
	if err != nil {
		return nil, fmt.Errorf("listing stateful sets: %w", err)
	}
	r := &Rollout{sets: map[string]*apps.StatefulSet{}, began: map[string]int64{}, done: make(chan struct{})}
	for i := range list.Items {
		s := &list.Items[i]
		r.sets[setName(s)], r.began[setName(s)] = s, s.Generation
	}
	r.watcher, err = client.AppsV1().StatefulSets("").Watch(ctx, meta.ListOptions{
		LabelSelector: Label, ResourceVersion: list.ResourceVersion,
	})
	if err != nil {
		return nil, fmt.Errorf("watching stateful sets: %w", err)
	}
	go r.follow()
	return r, nil
}

func setName(s *apps.StatefulSet) string { return s.Namespace + "/" + s.Name }

func (r *Rollout) follow() {
	defer close(r.done)
	for event := range r.watcher.ResultChan() {
		r.mu.Lock()
		s, ok := event.Object.(*apps.StatefulSet)
		switch {
		case r.stopped:
		case !ok || event.Type == watch.Deleted:
			r.problems = append(r.problems, fmt.Errorf("the watch saw %s of %v", event.Type, event.Object))
		default:
			r.see(s)
		}
		r.mu.Unlock()
	}
}

// see takes a change. The first new generation of a set may be there only when what was changed in the zones before is ready
// again, among it the set of the same kind, and nothing in a later zone was changed yet.
func (r *Rollout) see(s *apps.StatefulSet) {
	name := setName(s)
	if s.Generation > r.began[name] && r.sets[name].Generation == r.began[name] {
		r.order = append(r.order, name)
		for _, other := range r.sets {
			changed := other.Generation != r.began[setName(other)]
			switch {
			case other.Namespace != s.Namespace:
			case other.Labels[Label] < s.Labels[Label] && (changed || kind(other) == kind(s)):
				if fault := r.unfinished(other); fault != "" {
					r.problems = append(r.problems, fmt.Errorf("%s was changed while %s %s", name, setName(other), fault))
				}
			case other.Labels[Label] > s.Labels[Label] && changed:
				r.problems = append(r.problems, fmt.Errorf("%s was changed after %s", name, setName(other)))
			}
		}
	}
	r.sets[name] = s
}

// kind is a set's name without its zone.
func kind(s *apps.StatefulSet) string { return strings.TrimSuffix(s.Name, s.Labels[Label]) }

// unfinished says what a set lacks of being ready at a new revision.
func (r *Rollout) unfinished(s *apps.StatefulSet) string {
	replicas := int32(1)
	if s.Spec.Replicas != nil {
		replicas = *s.Spec.Replicas
	}
	switch {
	case s.Generation == r.began[setName(s)]:
		return "was not"
	case s.Status.ObservedGeneration != s.Generation:
		return "had not begun"
	case s.Status.UpdatedReplicas != replicas || s.Status.ReadyReplicas != replicas || s.Status.CurrentRevision != s.Status.UpdateRevision:
		return fmt.Sprintf("had %d updated and %d ready pods of %d", s.Status.UpdatedReplicas, s.Status.ReadyReplicas, replicas)
	}
	return ""
}

// Changed names the sets that have a new generation, in the order in which they got it, and what was out of order.
func (r *Rollout) Changed() ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.order), errors.Join(r.problems...)
}

// Stop ends the watch when it saw all that was done until now. A watch that ended by itself did not.
func (r *Rollout) Stop(ctx context.Context, client kubernetes.Interface) error {
	list, err := client.AppsV1().StatefulSets("").List(ctx, meta.ListOptions{LabelSelector: Label})
	if err != nil {
		return fmt.Errorf("listing stateful sets: %w", err)
	}
	for !r.knows(list.Items) {
		select {
		case <-r.done:
			return errors.New("the watch on the zones ended by itself")
		case <-ctx.Done():
			return fmt.Errorf("the watch on the zones is behind: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.watcher.Stop()
	<-r.done
	return nil
}

// knows says whether the watch has seen these generations.
func (r *Rollout) knows(sets []apps.StatefulSet) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range sets {
		if seen := r.sets[setName(&sets[i])]; seen == nil || seen.Generation < sets[i].Generation {
			return false
		}
	}
	return true
}

// Sets is how many sets there were when the watch began.
func (r *Rollout) Sets() int { return len(r.began) }

// Close ends the watch, whatever it saw.
func (r *Rollout) Close() { r.watcher.Stop() }

// Order names for each namespace the zones in the order in which their sets were changed: "abc" when one was done after the
// other.
func Order(changed []string) map[string]string {
	order := map[string]string{}
	for _, set := range changed {
		namespace, _, _ := strings.Cut(set, "/")
		if zone := set[strings.LastIndexByte(set, '-')+1:]; !strings.HasSuffix(order[namespace], zone) {
			order[namespace] += zone
		}
	}
	return order
}
