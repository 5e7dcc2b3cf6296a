package sizing

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/tenant"
)

// What every exporter and every scraper requests: bases/exporters, whose test compares.
const (
	exporterCPU   = "20m"
	scraperMemory = 192 * miB
)

// Counted is a sizing of the cluster with what its tenants run in it, as the bases render it: a Grafana for those who have
// one and of the size that they ask for, and exporters with their scraper. The tenants must have their defaults
// (tenant.For). It is for adding up; bases get the sizing that does not depend on what single tenants ask for.
func (s Sizing) Counted(c *cluster.Cluster, tenants []*tenant.Tenant) Sizing {
	counted := maps.Clone(s)
	delete(counted, "grafana")
	if grafana := grafanas(s["grafana"], tenants); len(grafana) > 0 {
		counted["grafana"] = grafana
	}
	if off := c.Components["exporters"].Enabled; off != nil && !*off {
		return counted
	}
	if all := exporters(tenants); len(all) > 0 {
		counted["exporters"] = all
	}
	return counted
}

// grafanas are the tenants' Grafanas by what they ask for, and the containers beside them.
func grafanas(computed map[string]Workload, tenants []*tenant.Tenant) map[string]Workload {
	counted := map[string]Workload{}
	grafana, ok := computed["grafana"]
	if !ok {
		return nil
	}
	for _, t := range tenants {
		if on := t.Grafana.Enabled; on != nil && !*on {
			continue
		}
		own, name := grafana, []string{"grafana"}
		for _, field := range []struct {
			asked string
			size  *string
		}{{t.Grafana.CPU, &own.CPU}, {t.Grafana.Memory, &own.Memory}, {t.Grafana.Storage, &own.Storage}} {
			if field.asked != "" {
				*field.size, name = field.asked, append(name, field.asked)
			}
		}
		if t.Grafana.Memory != "" {
			own.MemoryBytes = t.Grafana.MemoryBytes
		}
		if len(name) > 1 {
			own.Why, own.Overridden = "what tenants ask for in grafana", false
		}
		add(counted, strings.Join(name, "-"), own)
		if sidecar, ok := computed["sidecar"]; ok {
			add(counted, "sidecar", sidecar)
		}
	}
	return counted
}

// exporters are the tenants' exporters by kind and memory, and their scrapers.
func exporters(tenants []*tenant.Tenant) map[string]Workload {
	counted := map[string]Workload{}
	for _, t := range tenants {
		kinds := t.Exporters.Memory()
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			memory, err := resource.ParseQuantity(kinds[kind])
			if err != nil {
				continue // refused where tenants are read
			}
			add(counted, kind+"-"+kinds[kind], Workload{
				Replicas: 1, CPU: exporterCPU, Memory: kinds[kind], MemoryBytes: memory.Value(),
				Why: "one for each tenant that writes exporters." + kind,
			})
		}
		if len(kinds) > 0 {
			add(counted, "scraper", Workload{
				Replicas: 1, CPU: exporterCPU, Memory: binary(scraperMemory), MemoryBytes: scraperMemory,
				Why: "one for each tenant with exporters",
			})
		}
	}
	return counted
}

// add counts a workload for one more tenant.
func add(counted map[string]Workload, name string, w Workload) {
	w.Tenants = counted[name].Tenants + 1
	counted[name] = w
}

// scraped are the components whose pods the collector scrapes (bases/collector/targets.libsonnet), but for those of one pod.
func scraped() []string { return []string{"cortex", "loki", "proxy", "syncer", "flux", "cert-manager"} }

// PlatformSeries is how many series the platform has of itself, all of which the collector writes into the tenant system:
// as many as the collector is sized for. The text is the arithmetic.
func (s Sizing) PlatformSeries(tenants int) (series float64, why string) {
	pods := 0
	for _, component := range scraped() {
		for _, w := range s[component] {
			pods += w.Count()
		}
	}
	return platformSeries(pods, tenants)
}

// platformSeries is what pods of the platform show of themselves; Cortex and Loki count some things for each tenant.
func platformSeries(pods, tenants int) (series float64, why string) {
	return float64(pods)*collectorSeriesPerPod + float64(tenants)*collectorSeriesPerTenant,
		fmt.Sprintf("%s × %s series and %s × %s", plural(pods, "pod"), amount(collectorSeriesPerPod), plural(tenants, "tenant"), amount(collectorSeriesPerTenant))
}
