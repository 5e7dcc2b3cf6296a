package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/fakecloud"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
)

// inFakeTime runs a test against a cloud with the latencies of real ones.
func inFakeTime(t *testing.T, test func(t *testing.T, cloud *fakecloud.Cloud, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(controlPlane, nodes)
		test(t, cloud, newWorld(killtest.Direct(cloud)))
	})
}

func mustUp(t *testing.T, w *world) engine.Report {
	t.Helper()
	report, err := w.graph.Up(t.Context(), options())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestNothingButTheControlPlaneAndNodesTakesTime(t *testing.T) {
	inFakeTime(t, func(t *testing.T, _ *fakecloud.Cloud, w *world) {
		began := time.Now()
		mustUp(t, w)
		limit := (controlPlane + nodes) * 105 / 100
		if took := time.Since(began); took > limit {
			t.Errorf("took %s, at most %s is right", took, limit)
		}
		path, expected := w.graph.LongestPath(nil)
		want := []string{"network/network", "network/subnet-a", "cluster/control-plane", "cluster/nodes-0"}
		path[1], path[len(path)-1] = "network/subnet-a", "cluster/nodes-0" // the zones are alike
		if !slices.Equal(slices.DeleteFunc(path, func(n string) bool { return n == "network/balancers" }), want) || expected > limit {
			t.Errorf("longest path %v, %s", path, expected)
		}
	})
}

func TestSecondRunFindsEverything(t *testing.T) {
	inFakeTime(t, func(t *testing.T, _ *fakecloud.Cloud, w *world) {
		first := mustUp(t, w)
		second := mustUp(t, w)
		if first.Count(engine.Created) != w.graph.Len()-1 || second.Count(engine.Found) != w.graph.Len() {
			t.Errorf("created %d, found %d of %d", first.Count(engine.Created), second.Count(engine.Found), w.graph.Len())
		}
	})
}

func TestDriftIsShownAndMended(t *testing.T) {
	inFakeTime(t, func(t *testing.T, cloud *fakecloud.Cloud, w *world) {
		mustUp(t, w)
		newer := newWorld(killtest.Direct(cloud))
		newer.version = "1.36"
		plan, err := newer.graph.Plan(t.Context(), options())
		if err != nil || plan.Count(engine.ActionChange) != 1 || !plan.Differs() {
			t.Fatalf("plan: %v, %+v", err, plan)
		}
		if report := mustUp(t, newer); report.Count(engine.Changed) != 1 {
			t.Errorf("changed %d resources, want 1", report.Count(engine.Changed))
		}
		if err := settled(t.Context(), killtest.Direct(cloud)); err == nil {
			t.Error("the older version sees no drift")
		}
	})
}

func TestForeignResourcesAreNeverTouched(t *testing.T) {
	foreign := []map[string]string{
		{},
		{engine.TagCluster: "other", engine.TagName: "buckets/metrics"},
		{engine.TagCluster: "prod", engine.TagName: "buckets/logs"},
	}
	for _, tags := range foreign {
		inFakeTime(t, func(t *testing.T, cloud *fakecloud.Cloud, w *world) {
			cloud.Put(fakecloud.Item{Kind: "bucket", Name: "prod-metrics", Tags: tags})
			_, err := w.graph.Up(t.Context(), options())
			if !errors.Is(err, engine.ErrForeign) || !strings.Contains(err.Error(), "prod-metrics") {
				t.Errorf("up: %v", err)
			}
			o := options()
			o.DeleteData = true
			report, err := w.graph.Down(t.Context(), o)
			if err != nil || report.Count(engine.Kept) != 1 {
				t.Errorf("down: %v, %+v", err, report)
			}
			if left := cloud.Snapshot(); !strings.Contains(left, "prod-metrics") || strings.Contains(left, "\n") {
				t.Errorf("left:\n%s", left)
			}
		})
	}
}

func TestRefusalStopsOnlyWhatNeedsIt(t *testing.T) {
	inFakeTime(t, func(t *testing.T, cloud *fakecloud.Cloud, w *world) {
		cloud.Refuse["cluster/nodes-1"] = "there is no capacity in this zone"
		cloud.Refuse["buckets/logs"] = "denied by an organization policy"
		report, err := w.graph.Up(t.Context(), options())
		var failures engine.Failures
		if !errors.As(err, &failures) || len(failures) != 2 || report.Count(engine.Created) != w.graph.Len()-3 {
			t.Fatalf("%v, %+v", err, report)
		}
		if text := err.Error(); !strings.Contains(text, "no capacity") || !strings.Contains(text, "organization policy") {
			t.Error(text)
		}
		cloud.Refuse = map[string]string{}
		if again := mustUp(t, w); again.Count(engine.Created) != 2 {
			t.Errorf("the next run created %d, want 2", again.Count(engine.Created))
		}
	})
}

func TestStoppedRunIsNotAFailure(t *testing.T) {
	inFakeTime(t, func(t *testing.T, cloud *fakecloud.Cloud, w *world) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 4*time.Minute, errors.New("interrupted"))
		defer cancel()
		_, err := w.graph.Up(ctx, options())
		var failures engine.Failures
		if err == nil || errors.As(err, &failures) || !strings.Contains(err.Error(), "interrupted") {
			t.Fatalf("got %v", err)
		}
		again := mustUp(t, newWorld(killtest.Direct(cloud)))
		if again.Count(engine.Created) != 3 {
			t.Errorf("the next run created %d, want the nodes only", again.Count(engine.Created))
		}
	})
}

func TestUntilAPhase(t *testing.T) {
	inFakeTime(t, func(t *testing.T, cloud *fakecloud.Cloud, w *world) {
		o := options()
		o.Until = "buckets"
		report, err := w.graph.Up(t.Context(), o)
		if err != nil || len(report) != 10 || strings.Contains(cloud.Snapshot(), "control-plane") {
			t.Errorf("%v, %+v", err, report)
		}
		o.Until = "nodes"
		if _, err := w.graph.Up(t.Context(), o); err == nil || !strings.Contains(err.Error(), "network, buckets, identities, cluster") {
			t.Errorf("got %v", err)
		}
	})
}

func TestFailedResourceIsMadeAnewOnce(t *testing.T) {
	for _, data := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := engine.NewGraph("prod", "1")
			condition, deleted := engine.Failed, 0
			engine.Add(g, engine.Resource[int]{
				Name: "a/b", Data: data, Limit: 5 * time.Minute,
				Find: func(context.Context) (engine.State[int], error) {
					return engine.State[int]{Condition: condition, Tags: g.Tags("a/b"), Detail: "out of capacity"}, nil
				},
				Create: func(context.Context) error { condition = engine.Failed; return nil },
				Delete: func(context.Context, engine.State[int]) error { condition = engine.Absent; deleted++; return nil },
			})
			_, err := g.Up(t.Context(), options())
			if err == nil || !strings.Contains(err.Error(), "out of capacity") {
				t.Errorf("got %v", err)
			}
			if want := map[bool]int{false: 1, true: 0}[data]; deleted != want {
				t.Errorf("data %t: deleted %d times, want %d", data, deleted, want)
			}
		})
	}
}

// TestWhatIsNotWantedAnyMoreIsRemoved: the plan says so, and what is somebody else's stays.
func TestWhatIsNotWantedAnyMoreIsRemoved(t *testing.T) {
	for owner, want := range map[string]string{"prod": engine.Removed, "other": engine.Kept} {
		synctest.Test(t, func(t *testing.T) {
			g := engine.NewGraph("prod", "1")
			condition, wanted := engine.Ready, false
			changed := engine.Add(g, engine.Resource[int]{
				Name: "a/changed", Part: true,
				Find: func(context.Context) (engine.State[int], error) {
					if wanted {
						return engine.State[int]{Condition: engine.Ready}, nil
					}
					return engine.State[int]{}, nil
				},
				Create: func(context.Context) error { wanted = true; return nil },
			})
			engine.Add(g, engine.Resource[int]{
				Name: "a/b", Unwanted: true,
				Find: func(context.Context) (engine.State[int], error) {
					return engine.State[int]{Condition: condition, Tags: map[string]string{engine.TagCluster: owner, engine.TagName: "a/b"}}, nil
				},
				Create: func(context.Context) error { return errors.New("must not be called") },
				Delete: func(context.Context, engine.State[int]) error {
					if !wanted {
						t.Error("it went before what takes its place was there")
					}
					condition = engine.Absent
					return nil
				},
			}, changed)
			plan, err := g.Plan(t.Context(), options())
			if err != nil || plan.Count(engine.ActionDelete) != map[string]int{"prod": 1}[owner] {
				t.Errorf("plan: %+v, %v", plan, err)
			}
			report, err := g.Up(t.Context(), options())
			if err != nil || report.Count(want) != 1 || (condition == engine.Absent) != (want == engine.Removed) {
				t.Errorf("%+v, %v", report, err)
			}
			if plan, err := g.Plan(t.Context(), options()); err != nil || plan.Differs() {
				t.Errorf("plan after it: %+v, %v", plan, err)
			}
		})
	}
}

func TestEveryWaitEnds(t *testing.T) {
	states := map[string]engine.State[int]{
		"pending":  {Condition: engine.Pending, Detail: "CREATING"},
		"deleting": {Condition: engine.Deleting, Detail: "DELETING"},
	}
	for name, s := range states {
		synctest.Test(t, func(t *testing.T) {
			g := engine.NewGraph("prod", "1")
			s.Tags = g.Tags("a/b")
			engine.Add(g, engine.Resource[int]{
				Name: "a/b", Limit: time.Minute,
				Find: func(context.Context) (engine.State[int], error) { return s, nil },
			})
			_, err := g.Up(t.Context(), options())
			if !errors.Is(err, engine.ErrLimit) || !strings.Contains(err.Error(), s.Detail) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestDriftThatStaysIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := engine.NewGraph("prod", "1")
		changed := 0
		engine.Add(g, engine.Resource[int]{
			Name: "a/b",
			Find: func(context.Context) (engine.State[int], error) {
				return engine.State[int]{Condition: engine.Ready, Tags: g.Tags("a/b"), Drift: []engine.Change{{Field: "audit", Have: "off", Want: "on"}}}, nil
			},
			Reconcile: func(context.Context, engine.State[int]) error { changed++; return nil },
		})
		_, err := g.Up(t.Context(), options())
		if err == nil || !strings.Contains(err.Error(), "audit: off → on") || changed != 1 {
			t.Errorf("%v after %d changes", err, changed)
		}
	})
}

func TestGivenResourcesAreOnlyUsed(t *testing.T) {
	g := engine.NewGraph("prod", "1")
	found := engine.State[int]{}
	engine.Add(g, engine.Resource[int]{
		Name: "a/given", ID: "vpc-1", Given: true,
		Find:      func(context.Context) (engine.State[int], error) { return found, nil },
		Create:    func(context.Context) error { return errors.New("must not be called") },
		Reconcile: func(context.Context, engine.State[int]) error { return errors.New("must not be called") },
		Delete:    func(context.Context, engine.State[int]) error { return errors.New("must not be called") },
	})
	if _, err := g.Up(t.Context(), options()); err == nil || !strings.Contains(err.Error(), "vpc-1") {
		t.Errorf("missing: %v", err)
	}
	found.Condition = engine.Ready
	if _, err := g.Up(t.Context(), options()); err != nil {
		t.Errorf("there: %v", err)
	}
	found.Drift = []engine.Change{{Field: "dns", Have: "off", Want: "on"}}
	if _, err := g.Up(t.Context(), options()); err == nil || strings.Contains(err.Error(), "must not be called") {
		t.Errorf("not as it must be: %v", err)
	}
	if report, err := g.Down(t.Context(), options()); err != nil || report.Count(engine.Kept) != 1 {
		t.Errorf("down: %v, %+v", err, report)
	}
}

func TestMistakesOfAProviderAreNamed(t *testing.T) {
	find := func(context.Context) (engine.State[int], error) { return engine.State[int]{}, nil }
	g := engine.NewGraph("prod", "1")
	engine.Add(g, engine.Resource[int]{Name: "a/b", Find: find})
	engine.Add(g, engine.Resource[int]{Name: "a/b", Find: find})
	engine.Add(g, engine.Resource[int]{Name: "nophase", Find: find})
	engine.Add(g, engine.Resource[int]{Name: "a/blind"})
	other := engine.Add(engine.NewGraph("prod", "1"), engine.Resource[int]{Name: "a/other", Find: find})
	engine.Add(g, engine.Resource[int]{Name: "a/strange", Find: find}, other)
	_, err := g.Up(t.Context(), options())
	for _, part := range []string{"two resources", "phase/name", "a/blind cannot be found", "not in its graph"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in %v", part, err)
		}
	}
	g = engine.NewGraph("prod", "1")
	secret := engine.Add(g, engine.Resource[int]{Name: "a/one", Find: find})
	engine.Add(g, engine.Resource[int]{Name: "a/two", Find: find, Create: func(ctx context.Context) error { _, err := secret.Get(ctx); return err }})
	refuse := engine.Options{Classify: func(error) engine.Verdict { return engine.Verdict{} }}
	if _, err := g.Up(t.Context(), refuse); err == nil || !strings.Contains(err.Error(), "without depending on it") {
		t.Errorf("an undeclared dependency: %v", err)
	}
}

func TestBorrowedResourcesAreUsedAndLeft(t *testing.T) {
	g := engine.NewGraph("prod", "1")
	engine.Add(g, engine.Resource[int]{
		Name: "a/bucket",
		Find: func(context.Context) (engine.State[int], error) {
			drift := []engine.Change{{Field: "tags", Have: "none", Want: "ours"}}
			return engine.State[int]{Condition: engine.Ready, Borrowed: true, Drift: drift}, nil
		},
		Create:    func(context.Context) error { return errors.New("must not be called") },
		Reconcile: func(context.Context, engine.State[int]) error { return errors.New("must not be called") },
		Delete:    func(context.Context, engine.State[int]) error { return errors.New("must not be called") },
	})
	plan, err := g.Plan(t.Context(), options())
	if err != nil || plan.Differs() || !plan[0].Borrowed {
		t.Errorf("plan: %v, %+v", err, plan)
	}
	if _, err := g.Up(t.Context(), options()); err != nil {
		t.Errorf("up: %v", err)
	}
	o := options()
	o.DeleteData = true
	if report, err := g.Down(t.Context(), o); err != nil || report.Count(engine.Kept) != 1 {
		t.Errorf("down: %v, %+v", err, report)
	}
}

// TestDataGoesLast keeps data until nothing is left that might still fail.
func TestDataGoesLast(t *testing.T) {
	inFakeTime(t, func(t *testing.T, _ *fakecloud.Cloud, w *world) {
		mustUp(t, w)
		var order []string
		o := options()
		o.DeleteData = true
		o.Events = func(e engine.Event) {
			if e.What == engine.Removed {
				order = append(order, e.Phase)
			}
		}
		if _, err := w.graph.Down(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if first := slices.Index(order, "buckets"); first != len(order)-3 {
			t.Errorf("removed in the order %v", order)
		}
	})
}

// TestDataThatIsGoneKeepsNothing: a network without its bucket is removed.
func TestDataThatIsGoneKeepsNothing(t *testing.T) {
	for _, there := range []bool{true, false} {
		g := engine.NewGraph("prod", "1")
		condition := map[string]engine.Condition{"a/key": engine.Ready}
		if there {
			condition["a/bucket"] = engine.Ready
		}
		add := func(name string, data bool, after ...engine.Dependency) engine.Dependency {
			return engine.Add(g, engine.Resource[int]{
				Name: name, Data: data,
				Find: func(context.Context) (engine.State[int], error) {
					return engine.State[int]{Condition: condition[name], Tags: g.Tags(name)}, nil
				},
				Create: func(context.Context) error { return nil },
				Delete: func(context.Context, engine.State[int]) error { delete(condition, name); return nil },
			}, after...)
		}
		add("a/bucket", true, add("a/key", false))
		if _, err := g.Down(t.Context(), options()); err != nil || (condition["a/key"] == engine.Ready) != there {
			t.Errorf("with the bucket %t, the key is %s: %v", there, condition["a/key"], err)
		}
	}
}
