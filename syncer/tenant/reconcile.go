package tenant

import (
	"context"
	"errors"
	"net/http"
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
	if err != nil {
		s.measures.failures.WithLabelValues(tenant, reasonUnreadable).Inc()
		s.tellStatus(ctx, namespaces[0], tenant, t, s.conditions(func(kind string) Condition { return fails(kind, reasonUnreadable, err.Error()) }))
		return s.failed(ctx, tenant, t, err), nil
	}
	if err := s.identify(ctx, tenant); err == nil {
		a.run(ctx)
	} else {
		a.conditions = s.conditions(func(kind string) Condition { return a.unavailable(kind, err) })
		a.measures.failures.WithLabelValues(tenant, reasonUnavailable).Inc()
	}
	if unknown(a.failure) && a.content.Empty() {
		return s.left(ctx, namespaces[0], tenant, t), nil
	}
	if ctx.Err() != nil {
		return ctrl.Result{}, nil // the syncer ends; what was cut off is no failure
	}
	a.notes.tell(s.Events, t)
	s.tellStatus(ctx, namespaces[0], tenant, t, a.conditions)
	return a.next(ctx), nil
}

// identify learns a tenant's ID in Cortex and Loki, and puts it into the list of those that something is written for,
// before anything is. What was written for another ID, of a tenant of the same name that was removed, goes first.
func (s *Syncer) identify(ctx context.Context, tenant string) error {
	id := s.Door.ID(tenant)
	if id == "" {
		err := s.knock(ctx, tenant)
		if id = s.Door.ID(tenant); id == "" {
			return err
		}
	}
	before, err := s.ledger.id(ctx, tenant)
	if err == nil && before != "" && before != id {
		// If the ID is another tenant's now, what was written for it is that one's to keep or to remove.
		if err = s.clean(ctx, before); known(err) {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	return s.ledger.add(ctx, tenant, id)
}

// knock makes a request for a tenant, for the sake of the proxy's answer.
func (s *Syncer) knock(ctx context.Context, tenant string) error {
	for _, kind := range []ruler.Kind{ruler.Metrics, ruler.Logs} {
		if api := s.rulers[kind]; api != nil {
			_, err := api.List(ctx, tenant)
			return err
		}
	}
	return nil
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

// conditions makes one condition of each type that this cluster has.
func (s *Syncer) conditions(of func(kind string) Condition) []Condition {
	var conditions []Condition
	if s.alertmanager != nil {
		conditions = append(conditions, of(alertmanagerType))
	}
	for _, kind := range []ruler.Kind{ruler.Metrics, ruler.Logs} {
		if s.rulers[kind] != nil {
			conditions = append(conditions, of(map[ruler.Kind]string{ruler.Metrics: metricsType, ruler.Logs: logsType}[kind]))
		}
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

// left clears away what was written for a tenant that has a namespace and nothing in it, and that the proxy does not know:
// it left Git. One that is so new that the proxy has not read of it yet is in no list, and is looked at again soon.
func (s *Syncer) left(ctx context.Context, namespace, tenant string, t *state) ctrl.Result {
	if err := s.sweep(ctx, tenant); err != nil {
		s.measures.failures.WithLabelValues(tenant, reasonUnavailable).Inc()
		return s.failed(ctx, tenant, t, err)
	}
	s.tellStatus(ctx, namespace, tenant, t, s.conditions(func(kind string) Condition {
		return holds(kind, reasonLeft, "the proxy knows no such tenant and the namespace holds nothing for it; what was written for it is removed")
	}))
	for kind := range t.memory {
		clear(t.memory[kind])
	}
	return s.retry(t, nil)
}

// removed deletes everything that was written for a tenant without a namespace. The cache has said so, and the API
// server is asked once more: nothing is deleted by a cache.
func (s *Syncer) removed(ctx context.Context, tenant string, t *state) ctrl.Result {
	namespaces, err := s.namespaces(ctx, s.API, tenant)
	if err == nil && len(namespaces) > 0 {
		return s.later(time.Second) // the cache will know it by then
	}
	if err == nil {
		err = s.sweep(ctx, tenant)
	}
	if err != nil {
		s.measures.failures.WithLabelValues(tenant, reasonUnavailable).Inc()
		return s.failed(ctx, tenant, t, err)
	}
	s.forget(tenant)
	return ctrl.Result{}
}

// sweep removes what was written for a tenant, if anything was.
func (s *Syncer) sweep(ctx context.Context, tenant string) error {
	id, err := s.ledger.id(ctx, tenant)
	if err != nil || id == "" {
		return err
	}
	err = s.clean(ctx, id)
	if known(err) {
		// The namespace went before the tenant left Git; or the ID is another tenant's now, which has its own rules.
		if err = s.cleanAs(ctx, tenant); unknown(err) {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	s.Log.Info("removed the rules and alerting of a tenant that is gone", "tenant", tenant, "id", id)
	return s.ledger.remove(ctx, tenant)
}

func (s *Syncer) clean(ctx context.Context, id string) error {
	return s.cleanAs(ctx, frontdoor.Removed(id))
}

// cleanAs removes rules first: an alert that still fires should reach somebody until it is gone.
func (s *Syncer) cleanAs(ctx context.Context, tenant string) error {
	var failures []error
	for kind, api := range s.rulers {
		_, err := api.Sync(ctx, tenant, ruler.Wanted{Prefix: s.prefix(kind)}, ruler.Memory{})
		failures = append(failures, err)
	}
	if s.alertmanager != nil && errors.Join(failures...) == nil {
		_, err := s.alertmanager.Remove(ctx, tenant)
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// known says that the proxy still knows a tenant, and wants it to be named by its name.
func known(err error) bool {
	e := frontdoor.As(err)
	return e != nil && e.Status == http.StatusForbidden && strings.Contains(e.Message, "this tenant is not removed")
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
	return e != nil && e.Status == http.StatusForbidden && strings.Contains(e.Message, "there is no such tenant")
}
