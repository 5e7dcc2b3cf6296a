package secret

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/opsgen/opsgen/syncer/config"
)

// Maker reconciles namespaces: it makes every secret that is configured for one.
type Maker struct {
	// client reads namespaces from its cache and Secrets from the API server, by name.
	client   client.Client
	recorder events.EventRecorder
	secrets  []generated
	again    time.Duration
	made     *prometheus.CounterVec
	broken   *prometheus.GaugeVec

	mu sync.Mutex
	// settled are the namespaces for which everything was done that can be.
	settled map[string]bool
}

// generated is a configured secret with its parsed selector; the selector is nil when namespaces are listed.
type generated struct {
	config.GeneratedSecret
	selector labels.Selector
}

// New reads the selectors. again is the time after which a namespace is looked at again without a change: a deleted
// Secret is noticed then, since the syncer may not watch any.
func New(c client.Client, recorder events.EventRecorder, secrets []config.GeneratedSecret, again time.Duration, metrics prometheus.Registerer) (*Maker, error) {
	m := &Maker{
		client: c, recorder: recorder, again: again, settled: map[string]bool{},
		made: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "opsgen_syncer_secrets_made_total", Help: "Secrets that were made, by name.",
		}, []string{"name"}),
		broken: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "opsgen_syncer_secret_broken", Help: "1 where a Secret exists but cannot be used: a person must look.",
		}, []string{"namespace", "name"}),
	}
	for _, s := range secrets {
		g := generated{GeneratedSecret: s}
		if s.NamespaceSelector != "" {
			selector, err := labels.Parse(s.NamespaceSelector)
			if err != nil {
				return nil, fmt.Errorf("read the namespaceSelector of secret %s: %w", s.Name, err)
			}
			g.selector = selector
		}
		m.secrets = append(m.secrets, g)
	}
	for _, metric := range []prometheus.Collector{m.made, m.broken} {
		if err := metrics.Register(metric); err != nil {
			return nil, fmt.Errorf("register metrics of secrets: %w", err)
		}
	}
	return m, nil
}

// SetupWithManager watches namespaces.
func (m *Maker) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("secret").For(&core.Namespace{}).Complete(m)
}

// Reconcile makes what a namespace lacks. One namespace is worked on at a time (controller-runtime's default), so that
// two of them never draw values for one shared secret.
func (m *Maker) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var namespace core.Namespace
	if err := m.client.Get(ctx, request.NamespacedName, &namespace); err != nil {
		m.settle(request.Name, false)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if namespace.DeletionTimestamp != nil {
		m.settle(namespace.Name, false)
		return ctrl.Result{}, nil
	}
	wanted := false
	var failures []error
	for _, s := range m.secrets {
		switch {
		case s.selector != nil && s.selector.Matches(labels.Set(namespace.Labels)):
			failures = append(failures, m.ensure(ctx, s, []string{namespace.Name}))
		case slices.Contains(s.Namespaces, namespace.Name):
			failures = append(failures, m.ensure(ctx, s, s.Namespaces))
		default:
			continue
		}
		wanted = true
	}
	if err := errors.Join(failures...); err != nil {
		return ctrl.Result{}, err
	}
	m.settle(namespace.Name, true)
	if !wanted {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{RequeueAfter: m.again}, nil
}

// ensure gives all namespaces the secret with the same values, as far as they exist.
func (m *Maker) ensure(ctx context.Context, s generated, namespaces []string) error {
	var without []string
	var values map[string][]byte
	for _, namespace := range namespaces {
		var found core.Secret
		err := m.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: s.Name}, &found)
		if apierrors.IsNotFound(err) {
			without = append(without, namespace)
			continue
		}
		if err != nil {
			return fmt.Errorf("read secret %s/%s: %w", namespace, s.Name, err)
		}
		switch keys := absent(s.Keys, found.Data); {
		case keys != "":
			m.complain(ctx, &found, fmt.Sprintf("has no key %s; add it, or delete the Secret and it is made anew", keys))
			return nil
		case values == nil:
			values = found.Data
		case !equal(s.Keys, values, found.Data):
			m.complain(ctx, &found, "has other values than the Secret of this name in the namespaces before it; delete the wrong one")
			return nil
		}
		m.broken.DeleteLabelValues(namespace, s.Name)
	}
	if values == nil {
		var err error
		if values, err = newValues(s.Keys); err != nil {
			return err
		}
	}
	for _, namespace := range without {
		if err := m.create(ctx, s, namespace, values); err != nil {
			return err
		}
	}
	return nil
}

// create makes one Secret. It is immutable: nobody changes by accident what others have already encrypted with. A
// namespace that does not exist yet is no failure; its creation is an event that leads here again.
func (m *Maker) create(ctx context.Context, s generated, namespace string, values map[string][]byte) error {
	immutable := true
	err := m.client.Create(ctx, &core.Secret{
		ObjectMeta: meta.ObjectMeta{
			Namespace: namespace, Name: s.Name,
			Labels: map[string]string{"app.kubernetes.io/managed-by": "opsgen-syncer", "app.kubernetes.io/part-of": "opsgen"},
		},
		Type: core.SecretTypeOpaque, Immutable: &immutable, Data: chosen(s.Keys, values),
	})
	var status apierrors.APIStatus
	switch {
	case err == nil:
		m.made.WithLabelValues(s.Name).Inc()
		log.FromContext(ctx).Info("made a secret", "secret", namespace+"/"+s.Name)
		return nil
	case apierrors.IsNotFound(err) && errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Kind == "namespaces":
		return nil
	case apierrors.HasStatusCause(err, core.NamespaceTerminatingCause):
		return nil
	}
	return fmt.Errorf("make secret %s/%s: %w", namespace, s.Name, err)
}

// complain tells a person what the syncer will not repair: it has no right to change a Secret, and guessing which of two
// values is right could make stored data unreadable.
func (m *Maker) complain(ctx context.Context, found *core.Secret, what string) {
	m.broken.WithLabelValues(found.Namespace, found.Name).Set(1)
	log.FromContext(ctx).Error(nil, "secret "+found.Namespace+"/"+found.Name+" "+what)
	m.recorder.Eventf(found, nil, core.EventTypeWarning, "BrokenSecret", "Check", "the Secret %s", what)
}

func (m *Maker) settle(namespace string, done bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if done {
		m.settled[namespace] = true
	} else {
		delete(m.settled, namespace)
	}
}

// Ready is nil once every listed namespace that exists has its secrets.
func (m *Maker) Ready(ctx context.Context) error {
	for _, s := range m.secrets {
		for _, name := range s.Namespaces {
			var namespace core.Namespace
			err := m.client.Get(ctx, client.ObjectKey{Name: name}, &namespace)
			if apierrors.IsNotFound(err) || (err == nil && namespace.DeletionTimestamp != nil) {
				continue
			}
			if err != nil {
				return fmt.Errorf("read namespace %s: %w", name, err)
			}
			m.mu.Lock()
			done := m.settled[name]
			m.mu.Unlock()
			if !done {
				return fmt.Errorf("secret %s/%s is not made yet", name, s.Name)
			}
		}
	}
	return nil
}
