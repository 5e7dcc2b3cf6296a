// Package grafana_test freezes what Grafana cannot change without harm: uids, and how people get in.
package grafana_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/jsonnet/basetest"
)

const cluster = `{
	name: "prod", domain: "obs.example.com", capacity: {metrics: {scrapeInterval: "30s"}},
	sizing: {grafana: {
		grafana: {replicas: 1, cpu: "100m", memory: "512Mi", memoryBytes: 536870912},
		sidecar: {replicas: 1, cpu: "50m", memory: "64Mi", memoryBytes: 67108864},
	}},
}`

// objects are what the base makes for the tenant payments, by kind and name.
func objects(t *testing.T, fields string) basetest.Objects {
	t.Helper()
	tenant := `{
		name: "payments",
		metrics: {activeSeries: 150000, samplesPerSecond: 10000, retention: "30d"},
		logs: {bytesPerDay: 2e10, streams: 5000, retention: "14d"},
	} + {` + fields + `}`
	return basetest.Evaluate(t, "bases/grafana/tenant.jsonnet", map[string]string{
		"cluster": cluster, "bundle": "{}", "tenant": tenant,
	})
}

// A data source that keeps its name and changes its uid stops Grafana from starting (grafana/grafana#110740), and every
// dashboard refers to the uids.
func TestUIDsOfDataSourcesAreFrozen(t *testing.T) {
	var provisioned struct {
		Prune       bool `json:"prune"`
		Datasources []struct{ Name, UID, Type, URL string }
	}
	if err := yaml.Unmarshal([]byte(objects(t, "").File(t, "grafana", "datasources.yaml")), &provisioned); err != nil {
		t.Fatal(err)
	}
	if provisioned.Prune {
		t.Error("prune makes Grafana 13 fail")
	}
	want := []struct{ Name, UID, Type, URL string }{
		{"Metrics", "metrics", "prometheus", "http://127.0.0.1:8081/prometheus"},
		{"Logs", "logs", "loki", "http://127.0.0.1:8082"},
		{"Alerts", "alerts", "alertmanager", "http://127.0.0.1:8081"},
	}
	if diff := cmp.Diff(want, provisioned.Datasources); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProvisioningEscapesDollarSigns(t *testing.T) {
	text := objects(t, "").File(t, "grafana", "datasources.yaml")
	if plain := strings.ReplaceAll(text, "$$", ""); strings.Contains(plain, "$") {
		t.Errorf("Grafana would expand a single dollar sign:\n%s", text)
	}
}

func TestConfiguration(t *testing.T) {
	text := objects(t, "").File(t, "grafana", "grafana.ini")
	for _, line := range []string{
		"root_url = https://payments.obs.example.com/",
		"disable_initial_admin_creation = true",
		"disable_login_form = true",
		"allow_embedding = false",
		"cookie_secure = true",
		"preinstall_disabled = true",
		"preinstall_auto_update = false",
		"check_for_updates = false",
		"execute_alerts = false",
		"cache_ttl = 5m",
		"role_attribute_strict = true",
		"allow_assign_grafana_admin = false",
		"url_login = false",
		`expect_claims = {"aud":"grafana:payments","iss":"https://auth.obs.example.com"}`,
	} {
		if !strings.Contains(text, "\n    "+line+"\n") && !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("grafana.ini lacks %q", line)
		}
	}
	for _, section := range []string{"auth.basic", "auth.anonymous", "auth.proxy"} {
		if !strings.Contains(text, "["+section+"]\nenabled = false\n") {
			t.Errorf("%s is not switched off", section)
		}
	}
	if strings.Contains(text, "$") {
		t.Error("Grafana would expand a dollar sign in grafana.ini")
	}
}

// SQLite bears one pod and no network file system (grafana/grafana#16638).
func TestOnePodWithItsDatabaseInside(t *testing.T) {
	deployment := objects(t, "")["Deployment/grafana"]
	replicas, _, _ := unstructured.NestedFloat64(deployment.Object, "spec", "replicas")
	strategy, _, _ := unstructured.NestedString(deployment.Object, "spec", "strategy", "type")
	if replicas != 1 || strategy != "Recreate" {
		t.Errorf("%v replicas with strategy %q; want 1 with Recreate", replicas, strategy)
	}
	if text, _ := deployment.MarshalJSON(); strings.Contains(string(text), "persistentVolumeClaim") {
		t.Error("the database is on a volume")
	}
}

func TestDashboards(t *testing.T) {
	all := objects(t, `files: {dashboards: {"orders.json": '{"title": "${x}"}', "network/dns.json": "{}", "Two Words.json": "{}"}}`)
	var names []string
	for name := range all {
		if strings.HasPrefix(name, "ConfigMap/dashboard-") {
			names = append(names, strings.TrimPrefix(name, "ConfigMap/dashboard-"))
		}
	}
	if len(names) != 4 { // the three, and the one about usage
		t.Errorf("dashboards are %v, want four", names)
	}
	// A name without a hash of the content: a change changes one file and restarts nothing.
	if got := all.File(t, "dashboard-orders", "dashboard.json"); got != `{"title": "${x}"}` {
		t.Errorf("a dashboard is changed on its way: %s", got)
	}
	providers := all.File(t, "grafana", "dashboards.yaml")
	if strings.Count(providers, "allowUiUpdates: false") != 3 || strings.Count(providers, "folder:") != 3 {
		t.Errorf("want one provider for each of three folders, and no edits:\n%s", providers)
	}
}

func TestNoGrafana(t *testing.T) {
	if all := objects(t, "grafana: {enabled: false}"); len(all) != 0 {
		t.Errorf("grafana.enabled is false, and these are made: %v", all)
	}
}
