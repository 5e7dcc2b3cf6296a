package tenant

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/opsgen/opsgen/syncer/alertmanager"
	"github.com/opsgen/opsgen/syncer/config"
	"github.com/opsgen/opsgen/syncer/frontdoor"
	"github.com/opsgen/opsgen/syncer/ruler"
	"github.com/opsgen/opsgen/syncer/tenantsource"
)

// Door sends a request for a tenant; frontdoor.Client does.
type Door interface {
	Do(ctx context.Context, tenant, method, path string, body []byte) ([]byte, error)
	// ID is the tenant's name in Cortex and Loki, once there was an answer.
	ID(tenant string) string
}

// Options are what a Syncer works with.
type Options struct {
	// Config is syncer.yaml, with its defaults.
	Config config.Config
	// Ledger is the ConfigMap with the list of tenants that something was written for.
	Ledger client.ObjectKey
	// Door leads to Cortex and Loki.
	Door Door
	// Namespaces reads namespaces, from a cache if there is one.
	Namespaces client.Reader
	// API reads from the API server itself.
	API client.Reader
	// Writer writes the status and the list of tenants.
	Writer client.Writer
	// Watcher says when to look at a namespace.
	Watcher *tenantsource.Watcher
	// Events tells people.
	Events events.EventRecorder
	// Metrics gets the metrics.
	Metrics prometheus.Registerer
	// Log gets what happens; never a configuration or a secret.
	Log *slog.Logger
}

// Syncer reconciles tenants, by name.
type Syncer struct {
	Options

	selector     labels.Selector
	source       *tenantsource.Reader
	alertmanager *alertmanager.API // nil without metrics
	rulers       map[ruler.Kind]*ruler.API
	measures     *measures
	ledger       *ledger
	api          client.Reader
	writer       client.Writer

	mutex   sync.Mutex
	queue   queue // nil before the controller starts
	tenants map[string]*state
	// owners are the tenants of the namespaces that are watched.
	owners map[string]string
}

// state is what is remembered of one tenant. Only its own reconciliation uses it, and there is one at a time.
type state struct {
	memory     map[ruler.Kind]ruler.Memory
	stored     string // a hash of the Alertmanager's configuration that was last known to be in force
	failures   int
	conditions []Condition
	status     string
	told       map[tenantsource.Object]string
}

// New prepares a syncer.
func New(o Options) (*Syncer, error) {
	selector, err := labels.Parse(o.Config.Sources.Namespaces)
	if err != nil {
		return nil, fmt.Errorf("read sources.namespaces: %w", err)
	}
	source, err := tenantsource.NewReader(o.API, o.Watcher.Operator, o.Config.Sources)
	if err != nil {
		return nil, err
	}
	measures, err := newMeasures(o.Metrics)
	if err != nil {
		return nil, err
	}
	s := &Syncer{
		Options: o, selector: selector, source: source, rulers: map[ruler.Kind]*ruler.API{}, measures: measures,
		ledger: &ledger{api: o.API, writer: o.Writer, at: o.Ledger}, api: o.API, writer: o.Writer,
		tenants: map[string]*state{}, owners: map[string]string{},
	}
	if !o.Config.Metrics.Disabled {
		s.alertmanager = &alertmanager.API{Door: o.Door, Path: o.Config.Metrics.AlertmanagerPath}
		s.rulers[ruler.Metrics] = &ruler.API{Door: o.Door, Path: o.Config.Metrics.RulesPath}
	}
	if !o.Config.Logs.Disabled {
		s.rulers[ruler.Logs] = &ruler.API{Door: o.Door, Path: o.Config.Logs.RulesPath}
	}
	o.Watcher.Changed = s.changed
	return s, nil
}

// see takes note of a namespace as it is now, and answers the tenants that it concerns.
func (s *Syncer) see(namespace client.Object, gone bool) []string {
	name := namespace.GetName()
	owner := namespace.GetLabels()[s.Config.Sources.TenantLabel]
	if gone || !s.selector.Matches(labels.Set(namespace.GetLabels())) {
		owner = ""
	}
	s.mutex.Lock()
	before := s.owners[name]
	if owner == "" {
		delete(s.owners, name)
	} else {
		s.owners[name] = owner
	}
	s.mutex.Unlock()
	if owner == "" {
		s.Watcher.Leave(name)
	} else {
		s.Watcher.Follow(name)
	}
	return slices.DeleteFunc(slices.Compact([]string{before, owner}), func(tenant string) bool { return tenant == "" })
}

// changed asks for the tenant of a namespace to be looked at.
func (s *Syncer) changed(namespace string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if tenant := s.owners[namespace]; tenant != "" && s.queue != nil {
		s.queue.Add(request(tenant))
	}
}

// namespaces are the names of a tenant's namespaces, sorted.
func (s *Syncer) namespaces(ctx context.Context, from client.Reader, tenant string) ([]string, error) {
	var found core.NamespaceList
	if err := from.List(ctx, &found, client.MatchingLabels{s.Config.Sources.TenantLabel: tenant}); err != nil {
		return nil, fmt.Errorf("list the namespaces of tenant %s: %w", tenant, err)
	}
	var names []string
	for _, n := range found.Items {
		if s.selector.Matches(labels.Set(n.Labels)) {
			names = append(names, n.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (s *Syncer) state(tenant string) *state {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	t := s.tenants[tenant]
	if t == nil {
		t = &state{memory: map[ruler.Kind]ruler.Memory{}, told: map[tenantsource.Object]string{}}
		for kind := range s.rulers {
			t.memory[kind] = ruler.Memory{}
		}
		s.tenants[tenant] = t
	}
	return t
}

// forget drops what is remembered of a tenant.
func (s *Syncer) forget(tenant string) {
	s.mutex.Lock()
	delete(s.tenants, tenant)
	s.mutex.Unlock()
	s.measures.forget(tenant)
}

// later is when a tenant is looked at again without a change: about the configured time, spread by a tenth, and after
// whoever changed something.
func (s *Syncer) later(wait time.Duration) ctrl.Result {
	low := handler.LowPriority
	spread := 0.95 + rand.Float64()/10 //nolint:gosec // Nobody gains by guessing it.
	return ctrl.Result{RequeueAfter: time.Duration(float64(wait) * spread), Priority: &low}
}

// retry is when a tenant is looked at again after a failure: each time twice as late, up to the configured time, and not
// before the answer allows it.
func (s *Syncer) retry(t *state, err error) ctrl.Result {
	wait := time.Duration(s.Config.Resync)
	if t.failures < 16 {
		wait = min(wait, time.Second<<t.failures)
	}
	t.failures++
	if e := frontdoor.As(err); e != nil {
		wait = max(wait, e.RetryAfter)
	}
	return s.later(wait)
}
