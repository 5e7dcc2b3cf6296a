package aws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/opsgen/opsgen/bootstrap/aws/awsfake"
	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/bootstrap/price"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/cluster"
)

// credentials are read by the SDK as they would be on a machine; none of the machine's own are used.
func credentials(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

// target is a cluster called prod in three zones.
func target(transport http.RoundTripper) provider.Target {
	c := &cluster.Cluster{Name: "prod", Kubernetes: "1.35", Domain: "obs.example.com", DNS: cluster.DNS{Zone: "obs.example.com"}, Provider: cluster.Provider{
		Name: cluster.AWS, Account: "123456789012", Region: "eu-central-1", Zones: []string{"eu-central-1a", "eu-central-1b", "eu-central-1c"},
		Storage: cluster.Storage{Metrics: "acme-metrics", Logs: "acme-logs", Rules: "acme-rules"},
	}}
	return provider.Target{Cluster: c, Bundle: &bundle.Bundle{Version: "1.0.0"}, Amounts: price.Amounts{Nodes: 5}, Transport: transport, LookupNS: delegated}
}

// delegated is a DNS in which the zone above delegates as it should.
func delegated(context.Context, string) ([]*net.NS, error) {
	return []*net.NS{{Host: "ns-1.example.com."}}, nil
}

// world is one run of the program: it knows nothing of those before.
type world struct {
	*amazon
	graph *engine.Graph
}

func open(ctx context.Context, transport http.RoundTripper) (*world, error) {
	return openTarget(ctx, target(transport))
}

func openTarget(ctx context.Context, t provider.Target) (*world, error) {
	p, err := New(ctx, t)
	if err != nil {
		return nil, err
	}
	a, ok := p.(*amazon)
	if !ok {
		return nil, fmt.Errorf("New gives a %T", p)
	}
	w := &world{amazon: a, graph: engine.NewGraph("prod", "1.0.0")}
	if _, err := a.Resources(w.graph); err != nil {
		return nil, err
	}
	return w, w.graph.Err()
}

func (w *world) options() engine.Options { return engine.Options{Classify: w.Classify} }

func (w *world) hold(ctx context.Context, do func(context.Context) error) error {
	return engine.Hold(ctx, engine.Holding{Leases: w.Leases(), Classify: w.Classify, Mine: engine.Lease{Run: w.run, Holder: "test", Began: time.Now()}}, do)
}

func up(ctx context.Context, transport http.RoundTripper) error {
	w, err := open(ctx, transport)
	if err != nil {
		return err
	}
	return w.hold(ctx, func(ctx context.Context) error {
		_, err := w.graph.Up(ctx, w.options())
		return err
	})
}

func down(deleteData bool) killtest.Run { return downAs(func(*cluster.Cluster) {}, deleteData) }

// downAs is down with another cluster.yaml.
func downAs(edit func(*cluster.Cluster), deleteData bool) killtest.Run {
	return func(ctx context.Context, transport http.RoundTripper) error {
		w, err := edited(ctx, transport, edit)
		if err != nil {
			return err
		}
		return w.hold(ctx, func(ctx context.Context) error {
			o := w.options()
			o.DeleteData = deleteData
			_, err := w.graph.Down(ctx, o)
			return err
		})
	}
}

// settled fails when a plan has anything to do.
func settled(ctx context.Context, transport http.RoundTripper) error {
	w, err := open(ctx, transport)
	if err != nil {
		return err
	}
	return w.settled(ctx)
}

func (w *world) settled(ctx context.Context) error {
	plan, err := w.graph.Plan(ctx, w.options())
	for _, step := range plan {
		if step.Action != engine.ActionNone {
			err = errors.Join(err, fmt.Errorf("plan still has something to do: %+v", step))
		}
	}
	return err
}

// fresh is an account in which things are quick, since every call is disturbed and a long wait is the same call many times.
func fresh() killtest.Cloud {
	c := awsfake.New(20*time.Second, 10*time.Second)
	c.Throttle = 37
	return killable(c)
}

func killable(c *awsfake.Cloud) killtest.Cloud {
	return killtest.Cloud{Handler: c, Snapshot: c.Snapshot, View: c.View, Copy: func() killtest.Cloud { return killable(c.Copy()) }}
}
