package syncertest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/opsgen/opsgen/test/build"
)

const (
	tenant = "payments"
	place  = "tenant-payments"
	// id is the tenant's name in Cortex and Loki.
	id = "payments-k7x2q"

	metricsRules = `
groups:
  - name: shop
    interval: 2s
    query_offset: 0s
    labels: {team: shop}
    rules:
      - alert: FromMetrics
        expr: |
          vector(1) > 0
        labels: {severity: page}
        annotations: {summary: "value {{ $value }}"}
      - record: shop:one
        expr: "1"
        labels: {empty: ""}
`
	logsRules = `
groups:
  - name: errors
    interval: 2s
    rules:
      - alert: FromLogs
        expr: vector(1) > 0
        for: 0s
`
	alertmanagerFile = `
route:
  receiver: oncall
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
receivers:
  - name: oncall
    webhook_configs:
      - url: ${secret:oncall/url}
        send_resolved: false
templates: [page.tmpl]
`
)

// webhook is a receiver that remembers what it was told.
type webhook struct {
	*httptest.Server

	mutex sync.Mutex
	told  bytes.Buffer
}

func newWebhook(t *testing.T) *webhook {
	t.Helper()
	w := &webhook{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		_, _ = io.Copy(&w.told, r.Body)
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *webhook) heard(text string) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if !strings.Contains(w.told.String(), text) {
		return fmt.Errorf("it was told %d bytes without %s", w.told.Len(), text)
	}
	return nil
}

// call asks a component itself, as the tenant.
func call(ctx context.Context, method, url, body string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("X-Scope-OrgID", id)
	return do(request)
}

func do(request *http.Request) (int, string, error) {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// must makes a change behind the syncer's back.
func must(t *testing.T, method, url, body string) {
	t.Helper()
	status, text, err := call(t.Context(), method, url, body)
	if err != nil || status/100 != 2 {
		t.Fatalf("%s %s: %d %s %v", method, url, status, text, err)
	}
}

// holds waits until a URL's answer contains a text, or with "!" before it, does not.
func holds(t *testing.T, url, want string) {
	t.Helper()
	want, without := strings.CutPrefix(want, "!")
	eventually(t, fmt.Sprintf("%s with %q (without: %t)", url, want, without), func(ctx context.Context) error {
		_, text, err := call(ctx, http.MethodGet, url, "")
		if err == nil && strings.Contains(text, want) == without {
			err = fmt.Errorf("it is %s", text)
		}
		return err
	})
}

// TestATenantsStory goes from a ConfigMap to a webhook that is called, and to the removal.
func TestATenantsStory(t *testing.T) {
	programs, err := build.Ensure(t.Context(), []string{
		"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "cortex", "loki", "proxy", "syncer",
	}, build.Options{})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	c := startCluster(t, programs, folder)
	c.giveRights(t)
	cortex := startCortex(t, programs["cortex"], folder)
	loki := startLoki(t, programs["loki"], folder, cortex)
	proxy := startProxy(t, programs["proxy"], folder, c, cortex, loki)
	syncer := startSyncer(t, programs["syncer"], folder, c, proxy)
	receiver := newWebhook(t)
	metrics, logs, alerts := cortex+"/api/v1/rules", loki+"/loki/api/v1/rules", cortex+"/api/v1/alerts"

	// A tenant without anything has an Alertmanager that tells nobody.
	holds(t, alerts, "receiver: nobody")

	c.put(t, "rules", "opsgen.dev/rules", "metrics", map[string]string{"base.yaml": metricsRules})
	c.put(t, "log-rules", "opsgen.dev/rules", "logs", map[string]string{"base.yaml": logsRules})
	c.put(t, "alerting", "opsgen.dev/alertmanager", "true", map[string]string{
		"alertmanager.yaml": alertmanagerFile, "page.tmpl": `{{ define "page" }}x{{ end }}`,
	})
	holds(t, metrics, "git/base:")
	holds(t, logs, "git:base:")
	c.status(t, "secret tenant-payments/oncall is missing")
	c.event(t, "alerting", "SecretMissing")

	secret := &core.Secret{ObjectMeta: meta.ObjectMeta{Name: "oncall"}, StringData: map[string]string{"url": receiver.URL + "/S3CRET\n"}}
	if _, err := c.CoreV1().Secrets(place).Create(t.Context(), secret, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	holds(t, alerts, receiver.URL+"/S3CRET")
	c.status(t, "as in Git")
	for _, alert := range []string{"FromMetrics", "FromLogs"} {
		eventually(t, alert+" reaches the receiver", func(context.Context) error { return receiver.heard(alert) })
	}

	// What is deleted or changed through the API comes back, and what is somebody else's stays.
	must(t, http.MethodPost, metrics+"/grafana", "name: mine\nrules: [{record: a, expr: '1'}]\n")
	must(t, http.MethodDelete, metrics+"/git%2Fbase", "")
	must(t, http.MethodDelete, logs+"/git:base/errors", "")
	must(t, http.MethodPost, alerts, "alertmanager_config: |\n  route: {receiver: mine}\n  receivers: [{name: mine}]\n")
	holds(t, metrics, "git/base:")
	holds(t, logs, "git:base:")
	holds(t, alerts, receiver.URL+"/S3CRET")
	holds(t, syncer+"/metrics", `opsgen_syncer_drift_corrected_total{kind="metrics_rules",tenant="payments"} 1`)
	settled(t, syncer)

	// What the components refuse is told where it stands.
	c.put(t, "wrong", "opsgen.dev/rules", "metrics", map[string]string{"wrong.yaml": "groups: [{name: w, rules: [{record: a, expr: 'sum('}]}]"})
	c.status(t, `configmap/wrong: group "w" is refused: `)
	c.event(t, "wrong", "Refused")
	c.remove(t, "wrong")

	c.operator(t)
	holds(t, metrics, "git/prometheusrule/app:")

	// The tenant leaves Git: the proxy's list first, then its objects. Its namespace stays, and nobody knows its ID any more
	// but the syncer's list.
	write(t, folder, "tenants.yaml", tenants(""))
	for _, name := range []string{"rules", "log-rules", "alerting"} {
		c.remove(t, name)
	}
	c.status(t, "there is no such tenant") // the PrometheusRule is still there: nothing is removed by the proxy's word alone
	c.removeOperator(t)
	holds(t, metrics, "!git/")
	holds(t, logs, "!git:base")
	holds(t, alerts, "alertmanager storage object not found")
	holds(t, metrics, "grafana:")
	c.status(t, "NotInGit")
}

// settled checks that once everything is equal nothing more is written: what a component gives back is what it was given.
func settled(t *testing.T, syncer string) {
	t.Helper()
	const requests = `opsgen_syncer_requests_total{method="GET"`
	count := func(prefix string) (lines string) {
		_, text, err := call(t.Context(), http.MethodGet, syncer+"/metrics", "")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, prefix) {
				lines += line
			}
		}
		return lines
	}
	const writes = "opsgen_syncer_writes_total"
	before, reads := count(writes), count(requests)
	eventually(t, "another comparison", func(context.Context) error {
		if count(requests) == reads {
			return fmt.Errorf("%s", reads)
		}
		return nil
	})
	if after := count(writes); after != before {
		t.Errorf("without a difference it wrote:\n%sbefore:\n%s", after, before)
	}
}

func (c *cluster) remove(t *testing.T, name string) {
	t.Helper()
	if err := c.CoreV1().ConfigMaps(place).Delete(t.Context(), name, meta.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// event waits for an event at a ConfigMap.
func (c *cluster) event(t *testing.T, name, reason string) {
	t.Helper()
	eventually(t, "an event "+reason+" of "+name, func(ctx context.Context) error {
		list, err := c.EventsV1().Events(place).List(ctx, meta.ListOptions{})
		if err != nil {
			return err
		}
		var seen []string
		for _, e := range list.Items {
			if e.Regarding.Name == name && e.Reason == reason {
				return nil
			}
			seen = append(seen, e.Regarding.Name+" "+e.Reason)
		}
		return fmt.Errorf("there are %q", seen)
	})
}

// operator brings the Prometheus operator's definition and one object of it, while the syncer runs.
func (c *cluster) operator(t *testing.T) {
	t.Helper()
	definitions := c.objects.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	_, err := definitions.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "prometheusrules.monitoring.coreos.com"},
		"spec": map[string]any{
			"group": "monitoring.coreos.com", "scope": "Namespaced",
			"names": map[string]any{"kind": "PrometheusRule", "listKind": "PrometheusRuleList", "plural": "prometheusrules", "singular": "prometheusrule"},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
			}},
		},
	}}, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rules := c.objects.Resource(schema.GroupVersionResource{Group: "monitoring.coreos.com", Version: "v1", Resource: "prometheusrules"}).Namespace(place)
	eventually(t, "a PrometheusRule can be made", func(ctx context.Context) error {
		_, err := rules.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": map[string]any{"name": "app"},
			"spec": map[string]any{"groups": []any{map[string]any{
				"name": "app", "partial_response_strategy": "warn", "rules": []any{map[string]any{"record": "app:one", "expr": int64(1)}},
			}}},
		}}, meta.CreateOptions{})
		return err
	})
}

func (c *cluster) removeOperator(t *testing.T) {
	t.Helper()
	rules := c.objects.Resource(schema.GroupVersionResource{Group: "monitoring.coreos.com", Version: "v1", Resource: "prometheusrules"}).Namespace(place)
	if err := rules.Delete(t.Context(), "app", meta.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}
