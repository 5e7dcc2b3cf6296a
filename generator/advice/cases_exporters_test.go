package advice_test

import (
	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/exporter"
	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/generator/tenant"
)

func exporterCases() []ruleCase {
	probes := func(allowed, named []string) func(*world) {
		return func(w *world) {
			w.cluster.Exporters.Networks = allowed
			w.tenants[0].Exporters = &exporter.Exporters{Networks: named, Blackbox: &exporter.Blackbox{}}
		}
	}
	google := func(place, provider string) func(*world) {
		return func(w *world) {
			w.cluster.Provider.Name = place
			w.tenants[0].Exporters = &exporter.Exporters{CloudMonitoring: &exporter.CloudMonitoring{WorkloadIdentityProvider: provider}}
		}
	}
	off := func(component string, then func(*world)) func(*world) {
		no := false
		return func(w *world) {
			w.cluster.Components = map[string]cluster.Component{component: {Enabled: &no}}
			then(w)
		}
	}
	nothing := func(*world) {}
	collector := func(w *world) { w.components = append(w.components, "collector") }
	system := func(w *world) { collector(w); w.tenants[0].Name = tenant.System }
	sends := func(series quantity.Count) func(*world) {
		return func(w *world) { system(w); w.tenants[0].Metrics.ActiveSeries = series }
	}
	tiny := func(w *world) { system(w); w.cluster.Capacity.Metrics.ActiveSeries = 20e3 }
	return []ruleCase{
		{"exporter-networks", "none allowed", probes(nil, []string{"10.20.4.0/24"}), "allows exporters no network 10.20.4.0/24", refused},
		{"exporter-networks", "a wider one", probes([]string{"10.20.4.0/24"}, []string{"10.20.0.0/16"}), "allows exporters no network 10.20.0.0/16", refused},
		{"exporter-networks", "allowed", probes([]string{"10.20.0.0/16"}, []string{"10.20.4.0/24"}), "", false},
		{"exporter-networks", "the node's neighbours", probes([]string{"169.254.0.0/16"}, nil), "which no exporter may reach", refused},
		{"exporter-google", "on aws", google(cluster.AWS, ""), "nothing says to Google who the exporter is", refused},
		{"exporter-google", "by a provider", google(cluster.AWS, "projects/1/…"), "", false},
		{"exporter-google", "on gcp", google(cluster.GCP, ""), "", false},
		{"exporter-component", "off", off("exporters", probes(nil, nil)), "runs no exporters", warned},
		{"exporter-component", "off, and nobody minds", off("exporters", nothing), "", false},
		{"collector-tenant", "no tenant", collector, "the tenant system does not live on this cluster", warned},
		{"collector-tenant", "with the tenant", system, "", false},
		{"collector-series", "more than a small tenant may send", sends(50e3), "and the tenant system may send 50k: what is above is refused", warned},
		{"collector-series", "more than the cluster takes in all", tiny, "and the tenant system may send 20k", warned},
		{"collector-series", "a class for it", func(w *world) { system(w); w.tenants[0].Class = tenant.Medium }, "", false},
		{"collector-series", "off", off("collector", sends(50e3)), "", false},
		{"collector-tenant", "off", off("collector", collector), "", false},
	}
}
