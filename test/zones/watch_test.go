package zones

import (
	"testing"

	apps "k8s.io/api/apps/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// set is a zone's stateful set of two ingesters at a generation, of which so many are updated and ready.
func set(zone string, generation int64, updated, ready int32) *apps.StatefulSet {
	return named("ingester", zone, generation, updated, ready)
}

func named(kind, zone string, generation int64, updated, ready int32) *apps.StatefulSet {
	replicas := int32(2)
	s := &apps.StatefulSet{
		ObjectMeta: meta.ObjectMeta{
			Namespace: "cortex", Name: kind + "-zone-" + zone, Generation: generation, Labels: map[string]string{Label: zone},
		},
		Spec: apps.StatefulSetSpec{Replicas: &replicas},
		Status: apps.StatefulSetStatus{
			ObservedGeneration: generation, UpdatedReplicas: updated, ReadyReplicas: ready, CurrentRevision: "old", UpdateRevision: "new",
		},
	}
	if updated == replicas && ready == replicas {
		s.Status.CurrentRevision = "new"
	}
	return s
}

func TestTheWatchSeesAZoneThatComesTooEarly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		seen []*apps.StatefulSet
		fine bool
	}{
		"one after the other":         {[]*apps.StatefulSet{set("a", 2, 0, 2), set("a", 2, 1, 1), set("a", 2, 2, 2), set("b", 2, 0, 2)}, true},
		"a change of the status only": {[]*apps.StatefulSet{set("b", 1, 2, 1), set("b", 1, 2, 2)}, true},
		"the second zone first":       {[]*apps.StatefulSet{set("b", 2, 0, 2)}, false},
		"both at once":                {[]*apps.StatefulSet{set("a", 2, 0, 2), set("b", 2, 0, 2)}, false},
		"the first not ready":         {[]*apps.StatefulSet{set("a", 2, 2, 1), set("b", 2, 0, 2)}, false},
		"the first half updated":      {[]*apps.StatefulSet{set("a", 2, 1, 2), set("b", 2, 0, 2)}, false},
		"another kind, not yet ready": {[]*apps.StatefulSet{named("store", "a", 2, 0, 2), set("a", 2, 2, 2), set("b", 2, 0, 2)}, false},
		"another kind, too late":      {[]*apps.StatefulSet{set("a", 2, 2, 2), set("b", 2, 0, 2), named("store", "a", 2, 0, 2)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &Rollout{sets: map[string]*apps.StatefulSet{}, began: map[string]int64{}}
			for _, zone := range []string{"a", "b"} {
				for _, kind := range []string{"ingester", "store"} {
					s := named(kind, zone, 1, 2, 2)
					r.sets[setName(s)], r.began[setName(s)] = s, 1
				}
			}
			for _, s := range c.seen {
				r.see(s)
			}
			if _, err := r.Changed(); (err == nil) != c.fine {
				t.Errorf("the watch says %v", err)
			}
		})
	}
}
