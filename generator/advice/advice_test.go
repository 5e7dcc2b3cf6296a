package advice_test

import (
	"strings"
	"testing"
	"time"

	"github.com/opsgen/opsgen/generator/advice"
	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/generator/sizing"
	"github.com/opsgen/opsgen/generator/tenant"
)

const day = quantity.Duration(24 * time.Hour)

// world is what a test may change before the input is made from it.
type world struct {
	cluster *cluster.Cluster
	bundle  *bundle.Bundle
	tenants []*tenant.Tenant
	// components are the names of those that the bundle has.
	components []string
}

// good is a cluster that nobody has anything to say about.
func good() *world {
	c := &cluster.Cluster{Name: "prod", Domain: "obs.example.com", Kubernetes: "1.35"}
	c.Provider = cluster.Provider{
		Name: cluster.AWS, Account: "123456789012", Region: "eu-central-1", MaxNodes: 30,
		Zones:   []string{"eu-central-1a", "eu-central-1b", "eu-central-1c"},
		Storage: cluster.Storage{Metrics: "acme-metrics", Logs: "acme-logs", Rules: "acme-rules"},
	}
	c.Source = cluster.Source{URL: "https://github.com/acme/observability", Semver: "1.x"}
	c.Capacity.Metrics = cluster.MetricsCapacity{ActiveSeries: 5e6, Retention: 90 * day}
	c.Capacity.Logs = cluster.LogsCapacity{BytesPerDay: 500e9, Retention: 30 * day}
	c.Certificates.Email = "platform@example.com"
	b := &bundle.Bundle{
		Version: "1.4.2", Kubernetes: bundle.KubernetesRange{Minimum: "1.34", Maximum: "1.36"},
		Images: map[string]bundle.Image{"cortex": {Repository: "quay.io/a/cortex", Tag: "v1", Digest: "sha256:1"}},
	}
	payments := &tenant.Tenant{Name: "payments", Clusters: []string{"prod"}, Access: []tenant.Access{
		{Namespace: "payments", ServiceAccount: "agent", Scopes: []string{"metrics:write"}},
	}}
	search := &tenant.Tenant{Name: "search", Clusters: []string{"*"}, Class: tenant.Medium}
	return &world{cluster: c, bundle: b, tenants: []*tenant.Tenant{payments, search}, components: []string{"cortex", "external-dns", "grafana", "loki", "proxy"}}
}

// existing turns the world into a cluster on machines of one's own.
func existing(w *world) {
	c := w.cluster
	c.Provider = cluster.Provider{Name: cluster.Existing, Zones: []string{"a", "b", "c"}, Storage: cluster.Storage{
		Metrics: "acme-metrics", Logs: "acme-logs", Rules: "acme-rules", Endpoint: "s3.example.com", Secret: "s3",
	}}
	c.Certificates = cluster.Certificates{}
}

func gcp(w *world) {
	p := &w.cluster.Provider
	p.Name, p.Account, p.Region = cluster.GCP, "acme-observability", "europe-west3"
	p.Zones = []string{"europe-west3-a", "europe-west3-b", "europe-west3-c"}
}

func single(w *world) {
	existing(w)
	c := w.cluster
	c.Options.Topology = cluster.SingleBinary
	c.Capacity.Metrics.ActiveSeries, c.Capacity.Logs.BytesPerDay = 100e3, 10e9
	w.tenants = w.tenants[:1]
}

// input fills in defaults and computes sizes, as rendering does.
func (w *world) input(t *testing.T) advice.Input {
	t.Helper()
	w.cluster.SetDefaults(w.bundle.Kubernetes.Maximum)
	s, err := sizing.Compute(w.cluster, len(w.tenants))
	if err != nil {
		t.Fatalf("compute sizes: %v", err)
	}
	in := advice.Input{
		Bundle: w.bundle, Cluster: w.cluster, Sizing: s,
		Components: w.components,
	}
	for _, tenant := range w.tenants {
		in.Tenants = append(in.Tenants, advice.Tenant{Resolved: tenant.For(w.cluster), Written: tenant})
	}
	return in
}

func TestNothingToSay(t *testing.T) {
	for name, edit := range map[string]func(*world){"aws": func(*world) {}, "gcp": gcp, "existing": existing} {
		t.Run(name, func(t *testing.T) {
			w := good()
			edit(w)
			for _, a := range advice.Check(w.input(t)) {
				t.Errorf("%s: %v", a.Rule, a)
			}
		})
	}
}

// TestRules has for each rule at least one input that it must speak up about, and inputs that come near without deserving
// it.
func TestRules(t *testing.T) {
	failing := map[string]bool{}
	for _, tc := range cases() {
		t.Run(tc.rule+"/"+tc.name, func(t *testing.T) {
			w := good()
			tc.edit(w)
			var found []advice.Advice
			for _, a := range advice.Check(w.input(t)) {
				if a.Rule == tc.rule {
					found = append(found, a)
				}
			}
			if tc.want == "" {
				if len(found) > 0 {
					t.Errorf("it should not say: %v", found[0])
				}
				return
			}
			failing[tc.rule] = true
			for _, a := range found {
				if strings.Contains(a.Message, tc.want) && a.Refuse == tc.refuse {
					if a.Hint == "" {
						t.Errorf("no hint says what to write instead: %v", a)
					}
					return
				}
			}
			t.Errorf("want %q (refuse %v), got %+v", tc.want, tc.refuse, found)
		})
	}
	for _, rule := range advice.Rules() {
		if !failing[rule.Name] {
			t.Errorf("rule %s has no failing case", rule.Name)
		}
	}
}

func TestRulesAreDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, rule := range advice.Rules() {
		if rule.Name == "" || !strings.HasSuffix(rule.Explains, ".") || seen[rule.Name] {
			t.Errorf("rule %q is not described, or twice there: %q", rule.Name, rule.Explains)
		}
		seen[rule.Name] = true
	}
	if len(seen) < 20 {
		t.Errorf("only %d rules", len(seen))
	}
}

// TestPlace checks that a problem is shown at the line that has to be changed, in the file where it stands.
func TestPlace(t *testing.T) {
	text := "domain: obs.example.com\nprovider:\n  name: aws\n  account: \"123456789012\"\n  region: eu-central-1\n  zones: [eu-central-1a, eu-central-1b]\n" +
		"source: {url: \"https://github.com/acme/observability\", semver: 1.x}\ncapacity:\n  metrics: {activeSeries: 5M, retention: 90d}\n  logs: {bytesPerDay: 500GB, retention: 30d}\n"
	w := good()
	c := &cluster.Cluster{Name: "prod"}
	file, err := document.Decode("clusters/prod/cluster.yaml", []byte(text), c)
	if err != nil {
		t.Fatal(err)
	}
	w.cluster = c
	in := w.input(t)
	in.File = file
	for _, a := range advice.Check(in) {
		if a.Rule != "zones-count" {
			continue
		}
		if got := a.Error(); !strings.HasPrefix(got, "clusters/prod/cluster.yaml:6:") || !strings.Contains(got, "replication 3 needs three zones, 2 are listed") || !strings.Contains(got, "Add a zone") {
			t.Errorf("the problem reads:\n%s", got)
		}
		return
	}
	t.Error("two zones were accepted")
}

// TestOrder checks that the same input gives the same text, whatever the order of maps.
func TestOrder(t *testing.T) {
	text := func() string {
		w := good()
		w.cluster.Provider.Identities = map[string]string{"a": "x", "b": "y", "c": "z", "d": "w"}
		var b strings.Builder
		for _, a := range advice.Check(w.input(t)) {
			b.WriteString(a.Rule + a.Error() + "\n")
		}
		return b.String()
	}
	first := text()
	for range 10 {
		if text() != first {
			t.Fatal("two runs differ")
		}
	}
}
