package tenantsource

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/opsgen/opsgen/syncer/config"
)

const (
	// lookForOperator is how often it is looked whether the cluster knows PrometheusRules.
	lookForOperator = 30 * time.Second
	// goneAfter is how many looks in a row must say that it does not, once it did: what is gone is removed from Cortex.
	goneAfter = 3
)

var configMaps = core.SchemeGroupVersion.WithResource("configmaps")

// Watcher says in which namespaces something changed. It watches each namespace by itself, since the syncer's rights are
// given by namespace, and receives no contents.
type Watcher struct {
	// Changed is told a namespace; it must not block long. It is set before Run.
	Changed func(namespace string)

	objects   metadata.Interface
	discovery discovery.DiscoveryInterface
	selectors []labels.Selector
	log       *slog.Logger

	mutex    sync.Mutex
	running  context.Context // nil before Run
	watched  map[string]*watched
	operator bool
	looked   bool
	misses   int
}

// watched is one namespace.
type watched struct {
	stop  context.CancelFunc
	ctx   context.Context
	rules context.CancelFunc // of the watch of PrometheusRules; nil without one
	// tried says that the API server has answered once, be it that the syncer has no rights there yet.
	tried bool
}

// NewWatcher prepares a watcher of a cluster.
func NewWatcher(cluster *rest.Config, s config.Sources, log *slog.Logger) (*Watcher, error) {
	objects, err := metadata.NewForConfig(cluster)
	if err != nil {
		return nil, fmt.Errorf("prepare to watch: %w", err)
	}
	found, err := discovery.NewDiscoveryClientForConfig(cluster)
	if err != nil {
		return nil, fmt.Errorf("prepare to look for PrometheusRules: %w", err)
	}
	w := &Watcher{objects: objects, discovery: found, log: log, watched: map[string]*watched{}}
	for _, text := range []string{s.MetricsRules, s.LogsRules, s.Alertmanager} {
		selector, err := labels.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("read the selector %q: %w", text, err)
		}
		w.selectors = append(w.selectors, selector)
	}
	return w, nil
}

// Start begins to look for PrometheusRules, and to watch the namespaces that are followed, until ctx ends.
func (w *Watcher) Start(ctx context.Context) error {
	w.look()
	w.mutex.Lock()
	w.running = ctx
	for namespace := range w.watched {
		w.begin(namespace)
	}
	w.mutex.Unlock()
	ticker := time.NewTicker(lookForOperator)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			w.look()
		}
	}
}

// Follow watches a namespace from now on. A second call changes nothing.
func (w *Watcher) Follow(namespace string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.watched[namespace] != nil {
		return
	}
	w.watched[namespace] = &watched{}
	if w.running != nil {
		w.begin(namespace)
	}
}

// Leave ends the watch of a namespace.
func (w *Watcher) Leave(namespace string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if seen := w.watched[namespace]; seen != nil && seen.stop != nil {
		seen.stop()
	}
	delete(w.watched, namespace)
}

// Operator says whether the cluster knows PrometheusRules.
func (w *Watcher) Operator() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.operator
}

// Ready is nil once every followed namespace was asked for once and the cluster for PrometheusRules.
func (w *Watcher) Ready() error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if !w.looked {
		return fmt.Errorf("it is not known yet whether the cluster has PrometheusRules")
	}
	for namespace, seen := range w.watched {
		if !seen.tried {
			return fmt.Errorf("namespace %s was not read yet", namespace)
		}
	}
	return nil
}

// begin starts the watches of a namespace; the lock is held.
func (w *Watcher) begin(namespace string) {
	seen := w.watched[namespace]
	seen.ctx, seen.stop = context.WithCancel(w.running)
	w.reflect(seen.ctx, namespace, configMaps, &trigger{selected: w.selected, tell: w.tell(namespace), names: map[string]bool{}})
	if w.operator {
		w.beginRules(namespace, seen)
	}
}

func (w *Watcher) beginRules(namespace string, seen *watched) {
	var ctx context.Context
	ctx, seen.rules = context.WithCancel(seen.ctx)
	every := func(labels.Set) bool { return true }
	w.reflect(ctx, namespace, monitoring, &trigger{selected: every, tell: w.tell(namespace), names: map[string]bool{}})
}

// selected says whether a ConfigMap with these labels is read.
func (w *Watcher) selected(set labels.Set) bool {
	return slices.ContainsFunc(w.selectors, func(s labels.Selector) bool { return s.Matches(set) })
}

func (w *Watcher) tell(namespace string) func() {
	return func() { w.Changed(namespace) }
}

// reflect keeps a trigger informed by client-go's reflector: it lists, watches, and lists again after what was missed.
func (w *Watcher) reflect(ctx context.Context, namespace string, resource schema.GroupVersionResource, t *trigger) {
	objects := w.objects.Resource(resource).Namespace(namespace)
	quiet := logr.Discard() // of what it tells, only errors are worth a line, and those come by another way
	lists := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options meta.ListOptions) (runtime.Object, error) {
			list, err := objects.List(ctx, options)
			w.tried(namespace, err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, options meta.ListOptions) (watch.Interface, error) {
			answer, err := objects.Watch(ctx, options)
			w.tried(namespace, err)
			return answer, err
		},
	}
	both := cache.ToListWatcherWithWatchListSemantics(lists, w.objects)
	r := cache.NewReflectorWithOptions(both, &meta.PartialObjectMetadata{}, t, cache.ReflectorOptions{Name: namespace, Logger: &quiet})
	go r.RunWithContext(ctx)
}

func (w *Watcher) tried(namespace string, err error) {
	if err != nil {
		w.log.Debug("a namespace cannot be watched", "namespace", namespace, "error", err)
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if seen := w.watched[namespace]; seen != nil {
		seen.tried = true
	}
}

// look asks whether the cluster knows PrometheusRules. There is no right to watch definitions, and none is needed.
func (w *Watcher) look() {
	resources, err := w.discovery.ServerResourcesForGroupVersion(monitoring.GroupVersion().String())
	known := err == nil && slices.ContainsFunc(resources.APIResources, func(r meta.APIResource) bool { return r.Name == monitoring.Resource })
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.looked = w.looked || err == nil || apierrors.IsNotFound(err)
	switch {
	case err != nil && !apierrors.IsNotFound(err):
		return // an API server that does not answer says nothing
	case known:
		w.misses = 0
	default:
		w.misses++
	}
	if w.operator && !known && w.misses < goneAfter || known == w.operator {
		return
	}
	w.operator = known
	w.log.Info("PrometheusRules", "known", known)
	for namespace, seen := range w.watched {
		switch {
		case seen.ctx == nil: // Start begins it
		case known:
			w.beginRules(namespace, seen)
		case seen.rules != nil:
			seen.rules()
			seen.rules = nil
			go w.Changed(namespace)
		}
	}
}
