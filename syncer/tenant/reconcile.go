package tenant

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/opsgen/opsgen/syncer/frontdoor"
	"github.com/opsgen/opsgen/syncer/ruler"
	"github.com/opsgen/opsgen/syncer/tenantsource"
)

// missingSecret is how soon a Secret that was missing is looked for again: nothing tells when it comes.
const missingSecret = 20 * time.Second

// attempt is one reconciliation of one tenant.
type attempt struct {
	*Syncer
	tenant     string
	state      *state
	content    tenantsource.Content
	conditions []Condition
	notes      notes
	// failure is the first error that may go away by itself.
	failure error
	// again says that something was refused that may be taken now.
	again bool
}

// Reconcile brings one tenant, named by the request, to what is in Git. The error is always nil: what goes wrong decides
// when the tenant is looked at again, and is told in its status.
func (s *Syncer) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	tenant := request.Name
	t := s.state(tenant)
	namespaces, err := s.namespaces(ctx, s.Namespaces, tenant)
	if err == nil && len(namespaces) == 0 {
		return s.removed(ctx, tenant, t), nil
	}
	if err != nil {
		return s.failed(ctx, tenant, t, err), nil
	}
	a := &attempt{Syncer: s, tenant: tenant, state: t}
	a.content, err = s.source.Read(ctx, namespaces)
	if err == nil {
		err = s.ledger.add(ctx, tenant)
	}
	if err != nil {
		s.measures.failures.WithLabelValues(tenant, reasonUnreadable).Inc()
		s.tellStatus(ctx, namespaces[0], tenant, t, s.unreadable(err))
		return s.failed(ctx, tenant, t, err), nil
	}
	a.run(ctx)
	if ctx.Err() != nil {
		return ctrl.Result{}, nil // the syncer ends; what was cut off is no failure
	}
	a.notes.tell(s.Events, t)
	s.tellStatus(ctx, namespaces[0], tenant, t, a.conditions)
	return a.next(ctx), nil
}

// run does everything, in order.
func (a *attempt) run(ctx context.Context) {
	if a.alertmanager != nil {
		a.add(a.alerting(ctx))
	}
	for _, part := range []struct {
		kind  ruler.Kind
		named string
		rules *tenantsource.Rules
	}{{ruler.Metrics, metricsType, &a.content.Metrics}, {ruler.Logs, logsType, &a.content.Logs}} {
		if api := a.rulers[part.kind]; api != nil {
			a.add(a.rules(ctx, api, part.kind, part.named, part.rules))
		}
	}
}

func (a *attempt) add(c Condition) {
	a.conditions = append(a.conditions, c)
	healthy := 0.0
	if c.Status == "True" {
		healthy = 1
	} else {
		a.measures.failures.WithLabelValues(a.tenant, c.Reason).Inc()
	}
	a.measures.healthy.WithLabelValues(a.tenant, c.Type).Set(healthy)
}

// unavailable is the condition of an error that may go away by itself.
func (a *attempt) unavailable(kind string, err error) Condition {
	if a.failure == nil {
		a.failure = err
	}
	return fails(kind, reasonUnavailable, err.Error()+"; what is held stays")
}

// next says when to look again.
func (a *attempt) next(ctx context.Context) ctrl.Result {
	broken := slices.IndexFunc(a.conditions, func(c Condition) bool { return c.Status != "True" })
	switch {
	case a.failure != nil:
		return a.failed(ctx, a.tenant, a.state, a.failure)
	case a.again:
		return a.retry(a.state, nil)
	case slices.ContainsFunc(a.conditions, func(c Condition) bool { return c.Reason == tenantsource.SecretMissing }):
		return a.later(min(missingSecret, time.Duration(a.Config.Resync)))
	}
	a.state.failures = 0
	if broken < 0 {
		a.measures.success.WithLabelValues(a.tenant).SetToCurrentTime()
	}
	return a.later(time.Duration(a.Config.Resync))
}

func (s *Syncer) unreadable(err error) []Condition {
	var conditions []Condition
	named := map[ruler.Kind]string{ruler.Metrics: metricsType, ruler.Logs: logsType}
	if s.alertmanager != nil {
		conditions = append(conditions, fails(alertmanagerType, reasonUnreadable, err.Error()))
	}
	for _, kind := range slices.Backward(slices.Sorted(maps.Keys(s.rulers))) {
		conditions = append(conditions, fails(named[kind], reasonUnreadable, err.Error()))
	}
	return conditions
}

// failed logs the first failure and each doubling of their number, and says when to try again.
func (s *Syncer) failed(ctx context.Context, tenant string, t *state, err error) ctrl.Result {
	if ctx.Err() == nil && t.failures&(t.failures-1) == 0 {
		s.Log.Warn("not in force as in Git", "tenant", tenant, "error", err, "failures", t.failures+1)
	}
	return s.retry(t, err)
}

func (s *Syncer) tellStatus(ctx context.Context, namespace, tenant string, t *state, conditions []Condition) {
	if err := s.writeStatus(ctx, namespace, t, conditions); err != nil && ctx.Err() == nil {
		s.Log.Warn("the status cannot be written", "tenant", tenant, "error", err)
	}
}

// removed deletes everything that was written for a tenant without a namespace. The cache has said so, and the API
// server is asked once more: nothing is deleted by a cache.
func (s *Syncer) removed(ctx context.Context, tenant string, t *state) ctrl.Result {
	namespaces, err := s.namespaces(ctx, s.API, tenant)
	if err == nil && len(namespaces) > 0 {
		return s.later(time.Second) // the cache will know it by then
	}
	var written []string
	if err == nil {
		written, err = s.ledger.all(ctx)
	}
	if err == nil && !slices.Contains(written, tenant) {
		s.forget(tenant)
		return ctrl.Result{}
	}
	if err == nil {
		err = s.clean(ctx, tenant, t)
	}
	if err == nil {
		err = s.ledger.remove(ctx, tenant)
	}
	if err != nil {
		s.measures.failures.WithLabelValues(tenant, reasonUnavailable).Inc()
		return s.failed(ctx, tenant, t, err)
	}
	s.Log.Info("removed the rules and alerting of a tenant that is gone", "tenant", tenant)
	s.forget(tenant)
	return ctrl.Result{}
}

// clean removes rules first: an alert that still fires should reach somebody until it is gone.
func (s *Syncer) clean(ctx context.Context, tenant string, t *state) error {
	var failures []error
	for kind, api := range s.rulers {
		_, err := api.Sync(ctx, tenant, ruler.Wanted{Prefix: s.prefix(kind)}, t.memory[kind])
		failures = append(failures, err)
	}
	if s.alertmanager != nil && errors.Join(failures...) == nil {
		_, err := s.alertmanager.Remove(ctx, tenant)
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// prefix begins the syncer's rule namespaces in one ruler.
func (s *Syncer) prefix(kind ruler.Kind) string {
	if kind == ruler.Logs {
		return s.Config.Sources.LogsRulePrefix
	}
	return s.Config.Sources.RulePrefix
}

// unknown says that the proxy knows no such tenant: it is gone from Git, or so new that the proxy has not read it yet.
func unknown(err error) bool {
	e := frontdoor.As(err)
	return e != nil && e.Status == 403 && strings.Contains(e.Message, "there is no such tenant")
}
