package tenant

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/syncer/backendtest"
	"github.com/opsgen/opsgen/syncer/config"
	"github.com/opsgen/opsgen/syncer/frontdoor"
	"github.com/opsgen/opsgen/syncer/tenantsource"
)

const (
	metricsPath = "/api/v1/rules"
	logsPath    = "/loki/api/v1/rules"
	place       = "tenant-payments"
)

// bed is one syncer with a cluster in memory and a backend that speaks the real wire.
type bed struct {
	client.Client
	*backendtest.Backend
	syncer   *Syncer
	events   *events.FakeRecorder
	registry *prometheus.Registry
	log      bytes.Buffer
	// broken, when set, is the answer to every list of ConfigMaps and every get of a Secret.
	broken error
}

func newBed(t *testing.T, objects ...client.Object) *bed {
	t.Helper()
	b := &bed{Backend: backendtest.New(t), events: events.NewFakeRecorder(100)}
	b.Client = fake.NewClientBuilder().WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if _, ok := list.(*core.ConfigMapList); ok && b.broken != nil {
				return b.broken
			}
			return c.List(ctx, list, options...)
		},
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if _, ok := object.(*core.Secret); ok && b.broken != nil {
				return b.broken
			}
			return c.Get(ctx, key, object, options...)
		},
	}).Build()
	b.restart(t)
	return b
}

// restart begins a new syncer, which remembers nothing.
func (b *bed) restart(t *testing.T) {
	t.Helper()
	b.registry = prometheus.NewRegistry()
	c := config.Config{Proxy: b.Proxy(), RequestsPerSecond: 10000}
	c.SetDefaults()
	door, err := frontdoor.New(c.Proxy, c.RequestsPerSecond, b.registry)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	watcher, err := tenantsource.NewWatcher(&rest.Config{Host: "https://127.0.0.1:1"}, c.Sources, log)
	if err != nil {
		t.Fatal(err)
	}
	b.syncer, err = New(Options{
		Config: c, Ledger: client.ObjectKey{Namespace: "syncer", Name: "syncer-tenants"}, Door: door,
		Namespaces: b.Client, API: b.Client, Writer: b.Client, Watcher: watcher, Events: b.events, Metrics: b.registry, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// run reconciles the tenant once.
func (b *bed) run(t *testing.T) ctrl.Result {
	t.Helper()
	result, err := b.syncer.Reconcile(t.Context(), request("payments"))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// told are the events since the last call.
func (b *bed) told() []string {
	var all []string
	for {
		select {
		case e := <-b.events.Events:
			all = append(all, e)
		default:
			return all
		}
	}
}

// condition is the condition of a type in the namespace's status.
func (b *bed) condition(t *testing.T, kind string) Condition {
	t.Helper()
	var found core.ConfigMap
	if err := b.Get(t.Context(), statusKey(), &found); err != nil {
		t.Fatal(err)
	}
	var conditions []Condition
	if err := yaml.Unmarshal([]byte(found.Data["conditions"]), &conditions); err != nil {
		t.Fatal(err)
	}
	for _, c := range conditions {
		if c.Type == kind {
			return c
		}
	}
	t.Fatalf("no condition %s in %s", kind, found.Data["conditions"])
	return Condition{}
}

// expect checks a condition.
func (b *bed) expect(t *testing.T, kind, status, reason, says string) {
	t.Helper()
	if c := b.condition(t, kind); c.Status != status || c.Reason != reason || !strings.Contains(c.Message, says) {
		t.Errorf("%s is %s %s: %q, want %s %s with %q", kind, c.Status, c.Reason, c.Message, status, reason, says)
	}
}

func statusKey() client.ObjectKey { return client.ObjectKey{Namespace: place, Name: StatusName} }

// alerting is the configuration that Cortex holds.
func (b *bed) alerting() string {
	b.Lock()
	defer b.Unlock()
	text, _ := b.Alerting["payments"]["alertmanager_config"].(string)
	return text
}

func namespace() *core.Namespace {
	return &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: place, Labels: map[string]string{"opsgen.dev/tenant": "payments"}}}
}

func configMap(name, label string, data map[string]string) *core.ConfigMap {
	key, value, _ := strings.Cut(label, "=")
	return &core.ConfigMap{
		ObjectMeta: meta.ObjectMeta{Namespace: place, Name: name, UID: "1", Labels: map[string]string{key: value}}, Data: data,
	}
}

func rulesMap(files map[string]string) *core.ConfigMap {
	return configMap("rules", "opsgen.dev/rules=metrics", files)
}

func secret(name string, kind core.SecretType, data map[string]string) *core.Secret {
	s := &core.Secret{ObjectMeta: meta.ObjectMeta{Namespace: place, Name: name}, Type: kind, Data: map[string][]byte{}}
	for key, value := range data {
		s.Data[key] = []byte(value)
	}
	return s
}

func forbidden() error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "", nil)
}

func near(got, want time.Duration) bool {
	return got >= want*9/10 && got <= want*11/10
}
