package engine_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/fakecloud"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
)

// Latencies of the fake cloud, as those of real ones.
const (
	controlPlane = 10 * time.Minute
	nodes        = 3 * time.Minute
)

// newCloud is a cloud whose control planes and nodes take that long.
func newCloud(controlPlane, nodes time.Duration) *fakecloud.Cloud {
	c := fakecloud.New(map[string]fakecloud.Kind{
		"network":  {Making: 2 * time.Second, Going: time.Second},
		"subnet":   {Making: time.Second, Going: time.Second},
		"address":  {Making: time.Second},
		"nat":      {Making: nodes / 2, Going: nodes / 4, Tokens: true},
		"role":     {Making: time.Second, Named: true},
		"bucket":   {Making: time.Second, Named: true},
		"cluster":  {Making: controlPlane, Going: controlPlane / 2, Named: true, Tokens: true},
		"nodes":    {Making: nodes, Going: nodes / 2, Tokens: true, Makes: "balancer"},
		"balancer": {Going: nodes / 4},
	})
	c.Throttle = 11
	return c
}

// world is what is made in the fake cloud: a network, a cluster in it, and buckets.
type world struct {
	client *fakecloud.Client
	graph  *engine.Graph
	// version is a setting of the cluster that can drift.
	version string
}

type output = engine.Output[fakecloud.Item]

func newWorld(transport http.RoundTripper) *world {
	w := &world{client: &fakecloud.Client{Transport: transport}, graph: engine.NewGraph("prod", "1.0.0"), version: "1.35"}
	network := w.add(engine.Resource[fakecloud.Item]{Name: "network/network", Expected: 2 * time.Second}, "network", nil)
	address := w.add(engine.Resource[fakecloud.Item]{Name: "network/address", Expected: time.Second}, "address", nil)
	refs := map[string]output{}
	var subnets []output
	for _, zone := range []string{"a", "b", "c"} {
		s := w.add(engine.Resource[fakecloud.Item]{Name: "network/subnet-" + zone, Expected: time.Second}, "subnet", map[string]output{"network": network})
		subnets, refs["subnet-"+zone] = append(subnets, s), s
	}
	nat := w.add(engine.Resource[fakecloud.Item]{Name: "network/nat", Expected: 90 * time.Second}, "nat",
		map[string]output{"subnet": subnets[0], "address": address})
	for _, use := range []string{"metrics", "logs", "rules"} {
		w.add(engine.Resource[fakecloud.Item]{Name: "buckets/" + use, ID: "prod-" + use, Data: true, Expected: time.Second}, "bucket", nil)
	}
	swept := w.sweep(subnets)
	role := w.add(engine.Resource[fakecloud.Item]{Name: "identities/cluster", ID: "prod-cluster", Expected: time.Second}, "role", nil)
	refs["role"] = role
	cluster := w.add(engine.Resource[fakecloud.Item]{Name: "cluster/control-plane", ID: "prod", Expected: controlPlane}, "cluster", refs, swept)
	for i, subnet := range subnets {
		w.add(engine.Resource[fakecloud.Item]{Name: fmt.Sprintf("cluster/nodes-%d", i), Expected: nodes}, "nodes",
			map[string]output{"cluster": cluster, "subnet": subnet, "nat": nat})
	}
	return w
}

// add adds a resource of a kind that refers to others.
func (w *world) add(r engine.Resource[fakecloud.Item], kind string, refs map[string]output, after ...engine.Dependency) output {
	r.Kind = kind
	r.Find = func(ctx context.Context) (engine.State[fakecloud.Item], error) {
		search := map[string]string{engine.TagCluster: "prod", engine.TagName: r.Name}
		if r.ID != "" {
			search = map[string]string{"name": r.ID}
		}
		items, err := w.client.List(ctx, kind, search)
		if err != nil || len(items) == 0 {
			return engine.State[fakecloud.Item]{}, err
		}
		if len(items) > 1 {
			return engine.State[fakecloud.Item]{}, fmt.Errorf("there are %d of %s", len(items), r.Name)
		}
		return w.state(items[0]), nil
	}
	r.Create = func(ctx context.Context) error {
		item := fakecloud.Item{Kind: kind, Name: r.ID, Tags: w.graph.Tags(r.Name), Refs: map[string]string{}, Token: w.graph.Token(r.Name), Props: map[string]string{}}
		if kind == "cluster" {
			item.Props["version"] = w.version
		}
		for field, ref := range refs {
			other, err := ref.Get(ctx)
			if err != nil {
				return err
			}
			item.Refs[field] = other.ID
		}
		return w.client.Create(ctx, item)
	}
	r.Reconcile = func(ctx context.Context, have engine.State[fakecloud.Item]) error {
		return w.client.Change(ctx, have.Output, map[string]string{"version": w.version})
	}
	r.Delete = func(ctx context.Context, have engine.State[fakecloud.Item]) error {
		return w.client.Delete(ctx, have.Output)
	}
	for _, ref := range refs {
		after = append(after, ref)
	}
	return engine.Add(w.graph, r, after...)
}

func (w *world) state(item fakecloud.Item) engine.State[fakecloud.Item] {
	conditions := map[string]engine.Condition{"creating": engine.Pending, "ready": engine.Ready, "deleting": engine.Deleting, "failed": engine.Failed}
	s := engine.State[fakecloud.Item]{Condition: conditions[item.State], Output: item, Tags: item.Tags, Detail: item.State}
	if have := item.Props["version"]; have != "" && have != w.version {
		s.Drift = []engine.Change{{Field: "version", Have: have, Want: w.version}}
	}
	return s
}

// sweep is what Kubernetes makes: it is removed after the cluster, which could make more, and before the subnets.
func (w *world) sweep(subnets []output) engine.Dependency {
	return engine.Add(w.graph, engine.Resource[[]fakecloud.Item]{
		Name: "network/balancers", Kind: "load balancers made by Kubernetes", Part: true,
		Find: func(ctx context.Context) (engine.State[[]fakecloud.Item], error) {
			items, err := w.client.List(ctx, "balancer", map[string]string{"made-by": "kubernetes"})
			if err != nil || len(items) == 0 {
				return engine.State[[]fakecloud.Item]{}, err
			}
			return engine.State[[]fakecloud.Item]{Condition: engine.Ready, Output: items}, nil
		},
		Delete: func(ctx context.Context, have engine.State[[]fakecloud.Item]) error {
			for _, item := range have.Output {
				if err := w.client.Delete(ctx, item); err != nil {
					return err
				}
			}
			return nil
		},
	}, engine.After(subnets)...)
}

func options() engine.Options { return engine.Options{Classify: fakecloud.Classify} }

// run does something under the lease, as the program does.
func (w *world) run(ctx context.Context, command string, do func(context.Context) error) error {
	h := engine.Holding{
		Leases: fakecloud.Leases{Client: w.client}, Classify: fakecloud.Classify,
		Mine: engine.Lease{Run: fmt.Sprintf("%p", w), Holder: "test", Command: command, Began: time.Now()},
	}
	return engine.Hold(ctx, h, do)
}

func up(ctx context.Context, transport http.RoundTripper) error {
	w := newWorld(transport)
	return w.run(ctx, "up", func(ctx context.Context) error {
		_, err := w.graph.Up(ctx, options())
		return err
	})
}

func down(deleteData bool) killtest.Run {
	return func(ctx context.Context, transport http.RoundTripper) error {
		w := newWorld(transport)
		return w.run(ctx, "down", func(ctx context.Context) error {
			o := options()
			o.DeleteData = deleteData
			_, err := w.graph.Down(ctx, o)
			return err
		})
	}
}

// settled fails when a plan has anything to do.
func settled(ctx context.Context, transport http.RoundTripper) error {
	plan, err := newWorld(transport).graph.Plan(ctx, options())
	if err == nil && plan.Differs() {
		err = fmt.Errorf("plan still has something to do: %+v", plan)
	}
	return err
}
