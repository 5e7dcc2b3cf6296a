package advice

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/exporter"
	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/generator/tenant"
)

// exporterRules look at the tenants' exporters, and at the collector of the platform's own metrics.
func exporterRules() []rule {
	return []rule{
		{"exporter-networks", "Exporters reach private networks only where the cluster's owner allows it: a probe is asked from within.", checkExporterNetworks},
		{"exporter-google", "Outside of Google Cloud, a provider that trusts the cluster says who an exporter is.", checkExporterGoogle},
		{"exporter-component", "Exporters of tenants are not made on a cluster where the component is off.", checkExporterComponent},
		{"collector-tenant", "The platform's own metrics are written into the tenant system.", checkCollectorTenant},
		{"collector-series", "A cluster with many pods has more series of itself than a small tenant may send: alerts about the platform would be blind.", checkCollectorSeries},
	}
}

func checkExporterNetworks(r *report) {
	allowed := r.Cluster.Exporters.Networks
	for i, text := range allowed {
		if _, err := exporter.Network(text); err != nil {
			r.refuse(fmt.Sprintf("exporters.networks[%d]", i), "Write a private network of yours, such as 10.20.4.0/24.", "%s", err.Error())
		}
	}
	for _, t := range r.Tenants {
		if t.Resolved.Exporters == nil {
			continue
		}
		for i, text := range t.Resolved.Exporters.Networks {
			if exporter.Within(text, allowed) {
				continue
			}
			are := "none"
			if len(allowed) > 0 {
				are = strings.Join(allowed, ", ")
			}
			r.refuseTenant(t, fmt.Sprintf("exporters.networks[%d]", i),
				fmt.Sprintf("Those allowed are: %s. Ask the cluster's owner to add it to exporters.networks in clusters/%s/cluster.yaml, or take it out.", are, r.Cluster.Name),
				"cluster %s allows exporters no network %s", r.Cluster.Name, text)
		}
	}
}

func checkExporterGoogle(r *report) {
	if r.Cluster.Provider.Name == cluster.GCP {
		return
	}
	for _, t := range r.Tenants {
		if e := t.Resolved.Exporters; e != nil && e.CloudMonitoring != nil && e.CloudMonitoring.WorkloadIdentityProvider == "" {
			r.refuseTenant(t, "exporters.cloudMonitoring", "Write workloadIdentityProvider (docs/exporters.md), or leave this cluster out.",
				"cluster %s is not Google's, and nothing says to Google who the exporter is", r.Cluster.Name)
		}
	}
}

// off says that a component is switched off; all that are asked for here are on by default.
func (r *report) off(component string) bool {
	enabled := r.Cluster.Components[component].Enabled
	return enabled != nil && !*enabled
}

func checkExporterComponent(r *report) {
	if !r.off("exporters") {
		return
	}
	for _, t := range r.Tenants {
		if t.Resolved.Exporters.Any() {
			r.warnTenant(t, "exporters", "Enable the component exporters in cluster.yaml, or leave this cluster out.", "cluster %s runs no exporters", r.Cluster.Name)
		}
	}
}

func checkCollectorTenant(r *report) {
	if slices.Contains(r.Components, "collector") && !r.off("collector") && !r.hasTenant(tenant.System) {
		r.warn("components.collector", "Let the tenant system live here, or write components: {collector: {enabled: false}}.",
			"the platform's metrics are refused: the tenant system does not live on this cluster")
	}
}

// checkCollectorSeries compares what the platform has of itself with what the tenant system may send. A limit that follows
// from the cluster's capacity cannot be raised without it.
func checkCollectorSeries(r *report) {
	at := slices.IndexFunc(r.Tenants, func(t Tenant) bool { return t.Resolved.Name == tenant.System })
	if at < 0 || r.Sizing == nil || !slices.Contains(r.Components, "collector") || r.off("collector") {
		return
	}
	t := r.Tenants[at]
	series, why := r.Sizing.PlatformSeries(len(r.Tenants))
	need, limit := thousands(series), t.Resolved.Metrics.ActiveSeries
	message := fmt.Sprintf("the platform has about %s series of itself (%s), and the tenant system may send %s: what is above is refused", need, why, limit)
	switch {
	case limit >= need:
	case r.Cluster.Capacity.Metrics.ActiveSeries >= need:
		r.warnTenant(t, "metrics.activeSeries", fmt.Sprintf("Write metrics: {activeSeries: %s}, or a larger class.", need), "%s", message)
	default:
		r.warn("capacity.metrics.activeSeries", fmt.Sprintf("Write at least %s: the platform's own series are among those of the cluster.", need), "%s", message)
	}
}

// thousands rounds a number of series up to whole thousands.
func thousands(series float64) quantity.Count { return quantity.Count(math.Ceil(series/1000)) * 1000 }
