package tenant

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/opsgen/opsgen/syncer/backendtest"
	"github.com/opsgen/opsgen/syncer/tenantsource"
)

const (
	oneRule = "groups: [{name: one, rules: [{record: a, expr: '1'}]}]"
	twoRule = "groups: [{name: two, rules: [{alert: b, expr: '2', for: 5m}]}]"
	logRule = `groups: [{name: log, rules: [{alert: b, expr: 'rate({a="b"}[1m]) > 1'}]}]`
)

func held(b *bed, path string) []string {
	return slices.Sorted(maps.Keys(b.Held(path, "payments")))
}

func TestATenantArrives(t *testing.T) {
	b := newBed(
		t, namespace(),
		rulesMap(map[string]string{"base.yaml": oneRule, "more.yml": twoRule}),
		configMap("log-rules", "opsgen.dev/rules=logs", map[string]string{"base.yaml": logRule}),
		configMap("alerting", "opsgen.dev/alertmanager=true", map[string]string{"alertmanager.yaml": "route: {receiver: a}\nreceivers: [{name: a}]\n", "a.tmpl": "x"}),
		configMap("dashboard", "other=x", map[string]string{"x": "y"}),
	)
	result := b.run(t)
	if want := []string{"git/base/one", "git/more/two"}; !slices.Equal(held(b, metricsPath), want) {
		t.Errorf("Cortex holds %q, want %q", held(b, metricsPath), want)
	}
	if want := []string{"git:base/log"}; !slices.Equal(held(b, logsPath), want) {
		t.Errorf("Loki holds %q, want %q", held(b, logsPath), want)
	}
	if text := b.alerting(); !strings.HasPrefix(text, "# Written by opsgen's syncer from Git") || !strings.Contains(text, "receiver: a") {
		t.Errorf("the Alertmanager holds %q", text)
	}
	for _, kind := range []string{alertmanagerType, metricsType, logsType} {
		b.expect(t, kind, "True", reasonSynced, "in force")
	}
	if !near(result.RequeueAfter, 5*time.Minute) || result.Priority == nil || *result.Priority >= 0 {
		t.Errorf("it is compared again with %+v", result)
	}
	if got := len(b.told()); got != 3 {
		t.Errorf("%d events for 3 objects that are now in force", got)
	}
	// The Alertmanager comes first: an alert shall find it.
	order := b.Requests("")
	if alerts, rules := slices.Index(order, "POST /api/v1/alerts"), slices.Index(order, "POST /api/v1/rules/git%2Fbase"); alerts > rules {
		t.Errorf("rules were written before the Alertmanager: %q", order)
	}
	b.run(t)
	if want := []string{"GET /api/v1/alerts", "GET /api/v1/rules", "GET /loki/api/v1/rules"}; !slices.Equal(b.Requests(""), want) || len(b.told()) != 0 {
		t.Error("a comparison without a difference wrote or told something")
	}
	if got := testutil.ToFloat64(b.syncer.measures.objects.WithLabelValues("payments", "metrics_rules")); got != 2 {
		t.Errorf("the metric says %v rule groups", got)
	}
}

func TestARestartTellsNothingNew(t *testing.T) {
	b := newBed(t, namespace(), rulesMap(map[string]string{"base.yaml": oneRule}))
	b.run(t)
	b.told()
	before := b.condition(t, metricsType).Since
	b.restart(t)
	b.Requests("")
	b.run(t)
	if got := b.Requests("POST"); len(got) != 0 || len(b.told()) != 0 {
		t.Errorf("after a restart it wrote %q or told what was known", got)
	}
	if after := b.condition(t, metricsType).Since; !after.Equal(before) {
		t.Errorf("the condition holds since %s, and since %s before the restart", after, before)
	}
}

func TestDriftIsPutBackAndTold(t *testing.T) {
	b := newBed(t, namespace(), rulesMap(map[string]string{"base.yaml": oneRule}), configMap("alerting", "opsgen.dev/alertmanager=true", map[string]string{"alertmanager.yaml": "route: {}"}))
	b.run(t)
	b.told()
	b.Lock()
	clear(b.Rules)
	b.Alerting["payments"] = map[string]any{"alertmanager_config": "route: {receiver: mine}"}
	b.Unlock()
	b.run(t)
	if !slices.Equal(held(b, metricsPath), []string{"git/base/one"}) || strings.Contains(b.alerting(), "mine") {
		t.Error("what was changed through the API did not come back")
	}
	want := []string{
		"Warning Reverted the Alertmanager's configuration was changed through the API; it is as in Git again",
		`Warning Reverted rule group "one" of git/base was changed through the API; it is as in Git again`,
	}
	if diff := cmp.Diff(want, b.told()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for _, kind := range []string{"metrics_rules", kindAlertmanager} {
		if got := testutil.ToFloat64(b.syncer.measures.drift.WithLabelValues("payments", kind)); got != 1 {
			t.Errorf("the metric of drift says %v for %s", got, kind)
		}
	}
}

func TestNothingIsDeletedWithoutCertainty(t *testing.T) {
	for name, test := range map[string]struct {
		change func(t *testing.T, b *bed)
		reason string
	}{
		"no rights in the namespace": {func(_ *testing.T, b *bed) { b.broken = forbidden() }, reasonUnreadable},
		"an API server that is away": {func(_ *testing.T, b *bed) { b.broken = io.ErrUnexpectedEOF }, reasonUnreadable},
		"a file that is no YAML": {func(t *testing.T, b *bed) {
			if err := b.Update(t.Context(), rulesMap(map[string]string{"new.yaml": "groups: ["})); err != nil {
				t.Fatal(err)
			}
		}, tenantsource.Invalid},
		"Cortex is away": {func(t *testing.T, b *bed) {
			b.Fail = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true }
			if err := b.Delete(t.Context(), rulesMap(nil)); err != nil {
				t.Fatal(err)
			}
		}, reasonUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, namespace(), rulesMap(map[string]string{"base.yaml": oneRule}))
			b.run(t)
			b.Requests("")
			test.change(t, b)
			b.run(t)
			if got := b.Requests("DELETE"); len(got) != 0 {
				t.Errorf("it sent %q", got)
			}
			b.expect(t, metricsType, "False", test.reason, "")
			if !slices.Equal(held(b, metricsPath), []string{"git/base/one"}) {
				t.Errorf("Cortex holds %q", held(b, metricsPath))
			}
		})
	}
}

func TestRetriesBecomeSlowerAndFollowTheAnswer(t *testing.T) {
	b := newBed(t, namespace(), rulesMap(map[string]string{"base.yaml": oneRule}))
	after := ""
	b.Fail = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != metricsPath {
			return false
		}
		w.Header().Set("Retry-After", after)
		w.WriteHeader(429)
		return true
	}
	for _, want := range []time.Duration{1, 2, 4, 8} {
		if got := b.run(t).RequeueAfter; !near(got, want*time.Second) {
			t.Errorf("tried again after %s, want about %ds", got, want)
		}
	}
	after = "60"
	if got := b.run(t).RequeueAfter; !near(got, time.Minute) {
		t.Errorf("Cortex asked for 60 s, and is asked again after %s", got)
	}
	after = ""
	for range 20 {
		b.run(t)
	}
	if got := b.run(t).RequeueAfter; !near(got, 5*time.Minute) {
		t.Errorf("after many failures tried again after %s", got)
	}
	b.expect(t, metricsType, "False", reasonUnavailable, "429")
	b.expect(t, logsType, "True", reasonSynced, "")
	b.Lock()
	b.Fail = nil
	b.Unlock()
	b.run(t)
	b.expect(t, metricsType, "True", reasonSynced, "1 rule group of 1 object")
	if lines := strings.Count(b.log.String(), "level=WARN"); lines > 8 {
		t.Errorf("25 failures made %d lines of warnings", lines)
	}
}

func TestARefusalIsToldWhereItBelongs(t *testing.T) {
	b := newBed(t, namespace(), rulesMap(map[string]string{"base.yaml": oneRule, "more.yaml": twoRule}))
	b.Refuse["name: two"] = "could not parse expression: 1:1: parse error"
	for range 3 {
		b.run(t)
	}
	b.expect(t, metricsType, "False", reasonRefused, `configmap/rules: group "two" is refused: could not parse expression`)
	if got := b.told(); len(got) != 1 || !strings.HasPrefix(got[0], "Warning Refused group") {
		t.Errorf("three attempts told %q", got)
	}
	if !slices.Equal(held(b, metricsPath), []string{"git/base/one"}) {
		t.Errorf("Cortex holds %q", held(b, metricsPath))
	}
	b.Lock()
	clear(b.Refuse)
	b.Unlock()
	b.run(t)
	if got := b.told(); len(got) != 1 || !strings.HasPrefix(got[0], "Normal Synced") {
		t.Errorf("that it is well again is told as %q", got)
	}
}

func TestTwoFilesOfOneNameAreAProblem(t *testing.T) {
	b := newBed(t, namespace(), rulesMap(map[string]string{"base.yaml": oneRule}), configMap("second", "opsgen.dev/rules=metrics", map[string]string{"base.yml": twoRule}))
	b.run(t)
	b.expect(t, metricsType, "False", tenantsource.Duplicate, "configmap/second: the rule namespace git/base is already configmap/rules's")
	if !slices.Equal(held(b, metricsPath), []string{"git/base/one"}) {
		t.Errorf("Cortex holds %q", held(b, metricsPath))
	}
}

func TestRemoval(t *testing.T) {
	for name, test := range map[string]struct {
		remove func(t *testing.T, b *bed)
	}{
		"the namespace is deleted": {func(t *testing.T, b *bed) {
			if err := b.Delete(t.Context(), namespace()); err != nil {
				t.Fatal(err)
			}
		}},
		"the namespace was deleted while no syncer ran": {func(t *testing.T, b *bed) {
			if err := b.Delete(t.Context(), namespace()); err != nil {
				t.Fatal(err)
			}
			b.restart(t)
			if tenants, err := b.syncer.ledger.all(t.Context()); err != nil || !slices.Equal(tenants, []string{"payments"}) {
				t.Errorf("the new syncer knows of %q, %v", tenants, err)
			}
		}},
		"the tenant left Git and its namespace stays": {func(t *testing.T, b *bed) {
			for _, name := range []string{"rules", "alerting"} {
				if err := b.Delete(t.Context(), configMap(name, "a=b", nil)); err != nil {
					t.Fatal(err)
				}
			}
			delete(b.Tenants, "payments")
		}},
		"it left Git and then its namespace was deleted": {func(t *testing.T, b *bed) {
			if err := b.Delete(t.Context(), namespace()); err != nil {
				t.Fatal(err)
			}
			delete(b.Tenants, "payments")
			b.restart(t)
		}},
		"its ID is another tenant's now": {func(t *testing.T, b *bed) {
			if err := b.Delete(t.Context(), namespace()); err != nil {
				t.Fatal(err)
			}
			delete(b.Tenants, "payments")
			b.Tenants["pay"] = "payments"
			b.run(t)
			if len(held(b, metricsPath)) != 2 {
				t.Error("the other tenant's rules were removed")
			}
			delete(b.Rules[metricsPath]["payments"], "git/base")
			clear(b.Alerting)
		}},
		"a new tenant of the same name comes": {func(t *testing.T, b *bed) {
			for _, name := range []string{"rules", "alerting"} {
				if err := b.Delete(t.Context(), configMap(name, "a=b", nil)); err != nil {
					t.Fatal(err)
				}
			}
			b.Tenants["payments"] = "payments-k7x2q"
			b.restart(t)
			b.run(t)
			if b.Alerting["payments-k7x2q"] == nil {
				t.Error("the new tenant has no Alertmanager")
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, namespace(), rulesMap(map[string]string{"base.yaml": oneRule}), configMap("alerting", "opsgen.dev/alertmanager=true", map[string]string{"alertmanager.yaml": "route: {}"}))
			b.Put(metricsPath, "payments", "grafana", backendtest.Group{"name": "by hand"})
			b.run(t)
			test.remove(t, b)
			b.run(t)
			if got := held(b, metricsPath); !slices.Equal(got, []string{"grafana/by hand"}) {
				t.Errorf("Cortex holds %q", got)
			}
			if text := b.alerting(); text != "" {
				t.Errorf("the Alertmanager holds %q", text)
			}
		})
	}
}

func TestAFailedRemovalIsNotForgotten(t *testing.T) {
	b := newBed(t, namespace(), rulesMap(map[string]string{"base.yaml": oneRule}))
	b.run(t)
	if err := b.Delete(t.Context(), namespace()); err != nil {
		t.Fatal(err)
	}
	b.Fail = func(w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(500)
		return r.Method == http.MethodDelete || true
	}
	if result := b.run(t); result.RequeueAfter == 0 {
		t.Error("a removal that failed is not tried again")
	}
	b.Fail = nil
	if result := b.run(t); result.RequeueAfter != 0 || len(held(b, metricsPath)) != 0 {
		t.Errorf("after the removal %+v, Cortex holds %q", result, held(b, metricsPath))
	}
	if tenants, err := b.syncer.ledger.all(t.Context()); err != nil || len(tenants) != 0 {
		t.Errorf("the list of tenants is %q, %v", tenants, err)
	}
	if got := testutil.CollectAndCount(b.syncer.measures.healthy); got != 0 {
		t.Errorf("%d series of a tenant that is gone", got)
	}
	b.Requests("")
	b.run(t)
	if got := b.Requests(""); len(got) != 0 {
		t.Errorf("a tenant that nobody knows is asked for: %q", got)
	}
}

func TestADeletedFileIsRemovedAndAnAPIRuleStays(t *testing.T) {
	b := newBed(t, namespace(), rulesMap(map[string]string{"base.yaml": oneRule, "more.yaml": twoRule}))
	b.Put(metricsPath, "payments", "grafana", backendtest.Group{"name": "by hand"})
	b.run(t)
	var m core.ConfigMap
	if err := b.Get(t.Context(), client.ObjectKey{Namespace: place, Name: "rules"}, &m); err != nil {
		t.Fatal(err)
	}
	delete(m.Data, "more.yaml")
	if err := b.Update(t.Context(), &m); err != nil {
		t.Fatal(err)
	}
	b.told()
	b.run(t)
	if want := []string{"git/base/one", "grafana/by hand"}; !slices.Equal(held(b, metricsPath), want) {
		t.Errorf("Cortex holds %q, want %q", held(b, metricsPath), want)
	}
	if got := b.told(); len(got) != 0 {
		t.Errorf("a change in Git is told as %q", got)
	}
}
