package fleet

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

// zoneLabel names the zone of a stateful set that exists in each.
const zoneLabel = "opsgen.dev/zone"

// A rollout is what a watch saw of all stateful sets of zones since it began. The API server sends the changes of one kind
// in the order in which they were made, so that what was seen first was first.
type rollout struct {
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

// watchZones begins to watch.
func watchZones(ctx context.Context, client kubernetes.Interface) (*rollout, error) {
	list, err := client.AppsV1().StatefulSets("").List(ctx, meta.ListOptions{LabelSelector: zoneLabel})
	if err != nil {
		return nil, fmt.Errorf("listing stateful sets: %w", err)
	}
	r := &rollout{sets: map[string]*apps.StatefulSet{}, began: map[string]int64{}, done: make(chan struct{})}
	for i := range list.Items {
		s := &list.Items[i]
		r.sets[setName(s)], r.began[setName(s)] = s, s.Generation
	}
	r.watcher, err = client.AppsV1().StatefulSets("").Watch(ctx, meta.ListOptions{
		LabelSelector: zoneLabel, ResourceVersion: list.ResourceVersion,
	})
	if err != nil {
		return nil, fmt.Errorf("watching stateful sets: %w", err)
	}
	go r.follow()
	return r, nil
}

func setName(s *apps.StatefulSet) string { return s.Namespace + "/" + s.Name }

func (r *rollout) follow() {
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

// see takes a change. The first new generation of a set may be there only when the zone before is ready.
func (r *rollout) see(s *apps.StatefulSet) {
	name := setName(s)
	if s.Generation > r.began[name] && r.sets[name].Generation == r.began[name] {
		r.order = append(r.order, name)
		for _, before := range r.sets {
			if before.Namespace == s.Namespace && before.Labels[zoneLabel] < s.Labels[zoneLabel] {
				if fault := r.unfinished(before); fault != "" {
					r.problems = append(r.problems, fmt.Errorf("%s was changed while %s %s", name, setName(before), fault))
				}
			}
		}
	}
	r.sets[name] = s
}

// unfinished says what a set lacks of being ready at a new revision.
func (r *rollout) unfinished(s *apps.StatefulSet) string {
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

// changed names the sets that have a new generation, in the order in which they got it, and what was out of order.
func (r *rollout) changed() ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.order), errors.Join(r.problems...)
}

// stop ends the watch when it saw all that was done until now. A watch that ended by itself did not.
func (r *rollout) stop(ctx context.Context, client kubernetes.Interface) error {
	list, err := client.AppsV1().StatefulSets("").List(ctx, meta.ListOptions{LabelSelector: zoneLabel})
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
func (r *rollout) knows(sets []apps.StatefulSet) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range sets {
		if seen := r.sets[setName(&sets[i])]; seen == nil || seen.Generation < sets[i].Generation {
			return false
		}
	}
	return true
}

// zoneOf is the zone in the name "cortex/ingester-zone-a".
func zoneOf(set string) string { return set[strings.LastIndexByte(set, '-')+1:] }

// upgradeZones releases another version of Cortex and watches the zones follow one by one.
func (f *Fleet) upgradeZones(ctx context.Context) (string, error) {
	r, err := watchZones(ctx, f.Client)
	if err != nil {
		return "", err
	}
	defer r.watcher.Stop()
	const row = "    repository: quay.io/cortexproject/cortex\n    tag: "
	if err := f.Fork.Edit("versions.yaml", row+"v1.21.1\n", row+"v1.21.2\n"); err != nil {
		return "", err
	}
	if err := f.Release(ctx, "Upgrade Cortex"); err != nil {
		return "", err
	}
	began := time.Now()
	if err := f.Follow(ctx); err != nil {
		return "", err
	}
	took := time.Since(began)
	if err := r.stop(ctx, f.Client); err != nil {
		return "", err
	}
	order, err := r.changed()
	if err != nil {
		return "", err
	}
	zones := ""
	count := 0
	for name := range r.began {
		if strings.HasPrefix(name, "cortex/") {
			count++
		}
	}
	for _, name := range order {
		if !strings.HasPrefix(name, "cortex/") {
			return "", fmt.Errorf("%s was changed for Cortex", name)
		}
		if z := zoneOf(name); !strings.HasSuffix(zones, z) {
			zones += z
		}
	}
	if len(order) != count || zones != "abc" {
		return "", fmt.Errorf("%d of %d stateful sets followed, in the order %v", len(order), count, order)
	}
	return fmt.Sprintf("%d sets, zone after zone, each ready before the next: %.0f s", count, took.Seconds()), nil
}
