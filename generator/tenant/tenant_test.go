package tenant_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/generator/tenant"
)

const day = quantity.Duration(24 * time.Hour)

func prod() *cluster.Cluster {
	c := &cluster.Cluster{Name: "prod"}
	c.Capacity.Metrics = cluster.MetricsCapacity{ActiveSeries: 5e6, Retention: 90 * day, MaxQueryRange: 60 * day}
	c.Capacity.Logs = cluster.LogsCapacity{BytesPerDay: 500e9, Retention: 60 * day}
	c.SetDefaults("1.36")
	return c
}

func TestDefaultsComeFromClassAndCluster(t *testing.T) {
	got := (&tenant.Tenant{Name: "payments", Clusters: []string{"prod"}}).For(prod())
	yes := true
	want := &tenant.Tenant{
		Name: "payments", ID: "payments", DisplayName: "payments", Clusters: []string{"prod"}, Class: tenant.Small,
		Metrics: tenant.Metrics{Retention: 90 * day, ActiveSeries: 150e3, SamplesPerSecond: 10e3, MaxQueryRange: 60 * day, OutOfOrder: quantity.Duration(10 * time.Minute)},
		Logs:    tenant.Logs{Retention: 60 * day, BytesPerDay: 20e9, Streams: 5e3, MaxQueryRange: 30 * day},
		Grafana: tenant.Grafana{Enabled: &yes},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("resolved tenant (-want +got):\n%s", diff)
	}
}

func TestWrittenValuesStay(t *testing.T) {
	no := false
	written := tenant.Tenant{
		Name: "search", DisplayName: "Search", Clusters: []string{"*"}, Class: tenant.Large,
		Metrics: tenant.Metrics{Retention: 7 * day, ActiveSeries: 2e6},
		Logs:    tenant.Logs{Retention: 7 * day, Streams: 100},
		Grafana: tenant.Grafana{Enabled: &no},
	}
	before := written
	got := written.For(prod())
	if got.DisplayName != "Search" || got.Metrics.Retention != 7*day || got.Metrics.ActiveSeries != 2e6 || got.Logs.Streams != 100 || *got.Grafana.Enabled {
		t.Errorf("a written value was changed: %+v", got)
	}
	if got.Metrics.SamplesPerSecond != 134e3 {
		t.Errorf("2M series every 15 s are 134k samples/s, got %s", got.Metrics.SamplesPerSecond)
	}
	if got.Metrics.MaxQueryRange != 7*day || got.Logs.MaxQueryRange != 7*day {
		t.Errorf("queries reach further than the retention of 7d: %s and %s", got.Metrics.MaxQueryRange, got.Logs.MaxQueryRange)
	}
	if got.Logs.BytesPerDay != 500e9 {
		t.Errorf("class large has 500 GB a day, got %s", got.Logs.BytesPerDay)
	}
	if diff := cmp.Diff(before, written); diff != "" {
		t.Errorf("the tenant itself was changed:\n%s", diff)
	}
}

func TestFastScrapingGetsMoreSamples(t *testing.T) {
	c := prod()
	c.Capacity.Metrics.ScrapeInterval = quantity.Duration(5 * time.Second)
	if got := (&tenant.Tenant{Name: "a"}).For(c); got.Metrics.SamplesPerSecond != 30e3 {
		t.Errorf("150k series every 5 s are 30k samples/s, got %s", got.Metrics.SamplesPerSecond)
	}
}

func TestDefaultsFitSmallClusters(t *testing.T) {
	c := prod()
	c.Capacity.Metrics.ActiveSeries, c.Capacity.Logs.BytesPerDay = 50e3, 2e9
	got := (&tenant.Tenant{Name: "a", Class: tenant.Large}).For(c)
	if got.Metrics.ActiveSeries != 50e3 || got.Logs.BytesPerDay != 2e9 {
		t.Errorf("a class promises more than the whole cluster: %s series, %s a day", got.Metrics.ActiveSeries, got.Logs.BytesPerDay)
	}
	written := tenant.Tenant{Name: "a", Metrics: tenant.Metrics{ActiveSeries: 60e3}}
	if got := written.For(c); got.Metrics.ActiveSeries != 60e3 {
		t.Errorf("a written limit was changed to %s", got.Metrics.ActiveSeries)
	}
}

func TestClassesGrow(t *testing.T) {
	classes := tenant.Classes()
	for i := 1; i < len(classes); i++ {
		a, b := classes[i-1], classes[i]
		if b.ActiveSeries <= a.ActiveSeries || b.BytesPerDay <= a.BytesPerDay || b.Streams <= a.Streams {
			t.Errorf("%s is not larger than %s", b.Name, a.Name)
		}
	}
}

func TestOn(t *testing.T) {
	cases := []struct {
		clusters []string
		want     bool
	}{
		{[]string{"prod"}, true},
		{[]string{"staging", "prod"}, true},
		{[]string{"*"}, true},
		{[]string{"production"}, false},
		{nil, false},
	}
	for _, tc := range cases {
		if got := (&tenant.Tenant{Clusters: tc.clusters}).On("prod"); got != tc.want {
			t.Errorf("clusters %q: on prod is %v", tc.clusters, got)
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"payments", "a", "team-7", "7up", "system", "shard", "logging", strings.Repeat("a", 40)} {
		if err := tenant.CheckName(name); err != nil {
			t.Errorf("%q was refused: %v", name, err)
		}
	}
	cases := map[string]string{
		"": "needs a name", strings.Repeat("a", 41): "at most 40", "Payments": `such as "payments"`, "my_team": `such as "my-team"`,
		"-a": "not a DNS label", "a-": "not a DNS label", "a.b": `such as "a-b"`, "größe": "not a DNS label", "..": "not a DNS label", "a|b": "not a DNS label", "a\n": "not a DNS label",
		"metrics": `such as "team-metrics"`, "logs": "reserved", "otlp": "reserved", "datadog": "reserved", "auth": "reserved", "www": "reserved",
		"api": "reserved", "cluster": "reserved", "shards": "reserved", "opsgen": "reserved", "flux-system": "reserved", "default": "reserved",
		"kube-system": "reserved", "fake": "reserved", "tenant-a": `use "a"`, "xn--a": "letters of a to z",
	}
	for name, want := range cases {
		if err := tenant.CheckName(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", name, err, want)
		}
	}
	if tenant.CheckNewName("system") == nil || tenant.CheckNewName("payments") != nil || tenant.CheckNewName("www") == nil {
		t.Error("new tenants: system and reserved names must be refused, others not")
	}
}

func FuzzCheckName(f *testing.F) {
	for _, seed := range []string{"payments", "", "A_b", "-", "xn--", "tenant-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if tenant.CheckName(name) != nil {
			return
		}
		if len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.HasPrefix(name, "-") || strings.HasSuffix(name, "-") {
			t.Errorf("%q was accepted", name)
		}
	})
}
