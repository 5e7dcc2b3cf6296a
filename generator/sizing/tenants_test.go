package sizing_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/exporter"
	"github.com/opsgen/opsgen/generator/sizing"
	"github.com/opsgen/opsgen/generator/tenant"
)

// TestCountedIsWhatTenantsRun counts a tenant without Grafana, one with a larger Grafana and exporters, and a plain one.
func TestCountedIsWhatTenantsRun(t *testing.T) {
	no := false
	plain := &tenant.Tenant{Name: "plain"}
	without := &tenant.Tenant{Name: "without", Grafana: tenant.Grafana{Enabled: &no}}
	large := &tenant.Tenant{
		Name: "large", Grafana: tenant.Grafana{Memory: "2Gi", Storage: "5Gi"},
		Exporters: &exporter.Exporters{CloudWatch: &exporter.CloudWatch{}, Blackbox: &exporter.Blackbox{Memory: "256Mi"}},
	}
	c := capacity(100e3, 10e9)
	computed := compute(t, c, 3)
	resolved := func(tenants ...*tenant.Tenant) []*tenant.Tenant {
		for i, one := range tenants {
			tenants[i] = one.For(c)
		}
		return tenants
	}
	before := sizing.Total(computed.Counted(c, resolved(without)))
	for name, test := range map[string]struct {
		tenants []*tenant.Tenant
		want    sizing.Sum // besides the platform
	}{
		"no Grafana":                          {resolved(without), sizing.Sum{}},
		"a Grafana":                           {resolved(plain, without), sizing.Sum{Pods: 1, CPU: 0.15, Memory: 576 << 20}},
		"all":                                 {resolved(plain, without, large), sizing.Sum{Pods: 5, CPU: 0.36, Memory: (576 + 2048 + 64 + 128 + 256 + 192) << 20, Storage: 5 << 30}},
		"exporters are counted once a tenant": {resolved(large, large), sizing.Sum{Pods: 8, CPU: 0.42, Memory: 2 * (2048 + 64 + 128 + 256 + 192) << 20, Storage: 10 << 30}},
	} {
		sum := sizing.Total(computed.Counted(c, test.tenants))
		got := sizing.Sum{Pods: sum.Pods - before.Pods, CPU: sum.CPU - before.CPU, Memory: sum.Memory - before.Memory, Storage: sum.Storage - before.Storage}
		got.CPU = float64(int(got.CPU*1000+0.5)) / 1000
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	c.Components = map[string]cluster.Component{"exporters": {Enabled: &no}}
	if counted := computed.Counted(c, resolved(large)); counted["exporters"] != nil {
		t.Errorf("switched-off exporters are counted: %v", counted["exporters"])
	}
}

// TestPlatformSeriesFollowsThePods: what the tenant system must take grows with the pods, and fits what is shipped.
func TestPlatformSeriesFollowsThePods(t *testing.T) {
	last := 0.0
	for _, size := range []struct {
		c       *cluster.Cluster
		tenants int
	}{{capacity(50e3, 2e9, single), 3}, {example(t, "example-gcp"), 3}, {example(t, "example-aws"), 3}, {capacity(20e6, 10e12), 300}} {
		series, _ := compute(t, size.c, size.tenants).PlatformSeries(size.tenants)
		if series <= last {
			t.Errorf("%s series have %.0f of the platform, no more than %.0f of a smaller cluster", size.c.Capacity.Metrics.ActiveSeries, series, last)
		}
		last = series
	}
	if medium := float64(tenant.Classes()[1].ActiveSeries); last > medium {
		t.Errorf("20M series have %.0f of the platform, more than class medium takes", last)
	}
}
