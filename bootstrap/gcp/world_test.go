package gcp

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/bootstrap/gcp/gcpfake"
	"github.com/opsgen/opsgen/bootstrap/price"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/cluster"
)

// serviceAccountKey is a key file as Google gives them.
var serviceAccountKey = sync.OnceValues(func() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]string{
		"type": "service_account", "project_id": "acme-observability", "private_key_id": "1", "client_email": "deployer@acme-observability.iam.gserviceaccount.com",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})), "token_uri": "https://oauth2.googleapis.com/token",
	})
})

// credentials are read by Google's client as they would be on a machine; none of the machine's own are used.
func credentialsOf(t *testing.T) {
	t.Helper()
	key, err := serviceAccountKey()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(file, key, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
}

// target is a cluster called prod in three zones.
func target(transport http.RoundTripper) provider.Target {
	c := &cluster.Cluster{Name: "prod", Kubernetes: "1.35", Domain: "obs.example.com", DNS: cluster.DNS{Zone: "obs.example.com"}, Provider: cluster.Provider{
		Name: cluster.GCP, Account: "acme-observability", Region: "europe-west3", Zones: []string{"europe-west3-a", "europe-west3-b", "europe-west3-c"},
		Storage: cluster.Storage{Metrics: "acme-metrics", Logs: "acme-logs", Rules: "acme-rules"},
	}}
	nobody := func(context.Context, string) ([]*net.NS, error) { return nil, &net.DNSError{IsNotFound: true} }
	return provider.Target{Cluster: c, Bundle: &bundle.Bundle{Version: "1.0.0"}, Amounts: price.Amounts{Nodes: 5}, Transport: transport, LookupNS: nobody}
}

// world is one run of the program: it knows nothing of those before.
type world struct {
	*cloud
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
	c, ok := p.(*cloud)
	if !ok {
		return nil, fmt.Errorf("New gives a %T", p)
	}
	w := &world{cloud: c, graph: engine.NewGraph("prod", "1.0.0")}
	if _, err := c.Resources(w.graph); err != nil {
		return nil, err
	}
	return w, w.graph.Err()
}

func (w *world) options() engine.Options { return engine.Options{Classify: w.Classify} }

func (w *world) hold(ctx context.Context, do func(context.Context) error) error {
	mine := engine.Lease{Run: fmt.Sprint(time.Now().UnixNano()), Holder: "test", Began: time.Now()}
	return engine.Hold(ctx, engine.Holding{Leases: w.Leases(), Classify: w.Classify, Mine: mine}, do)
}

func (w *world) up(ctx context.Context) error {
	return w.hold(ctx, func(ctx context.Context) error {
		_, err := w.graph.Up(ctx, w.options())
		return err
	})
}

func up(ctx context.Context, transport http.RoundTripper) error {
	w, err := open(ctx, transport)
	if err != nil {
		return err
	}
	return w.up(ctx)
}

func down(deleteData bool) killtest.Run {
	return func(ctx context.Context, transport http.RoundTripper) error {
		w, err := open(ctx, transport)
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
	plan, err := w.graph.Plan(ctx, w.options())
	for _, step := range plan {
		if step.Action != engine.ActionNone {
			err = errors.Join(err, fmt.Errorf("plan still has something to do: %+v", step))
		}
	}
	return err
}

// fresh is a project in which things are quick, since every call is disturbed and a long wait is the same call many times.
func fresh() killtest.Cloud {
	c := gcpfake.New(20*time.Second, 10*time.Second)
	c.Throttle = 37
	c.Disabled["dns.googleapis.com"] = true
	return killable(c)
}

func killable(c *gcpfake.Cloud) killtest.Cloud {
	return killtest.Cloud{Handler: c, Snapshot: c.Snapshot, View: c.View, Copy: func() killtest.Cloud { return killable(c.Copy()) }}
}
