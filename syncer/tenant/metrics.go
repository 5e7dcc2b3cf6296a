package tenant

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// measures are the metrics. A tenant's series go with it.
type measures struct {
	objects  *prometheus.GaugeVec   // tenant, kind
	healthy  *prometheus.GaugeVec   // tenant, condition
	failures *prometheus.CounterVec // tenant, reason
	drift    *prometheus.CounterVec // tenant, kind
	success  *prometheus.GaugeVec   // tenant
	writes   *prometheus.CounterVec // kind, operation
}

func newMeasures(registry prometheus.Registerer) (*measures, error) {
	m := &measures{
		objects: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "opsgen_syncer_objects", Help: "Rule groups and Alertmanager configurations that are in force as in Git.",
		}, []string{"tenant", "kind"}),
		healthy: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "opsgen_syncer_condition", Help: "1 where a tenant's condition is True, 0 where something is not as in Git.",
		}, []string{"tenant", "condition"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "opsgen_syncer_failures_total", Help: "Attempts that did not bring about what is in Git, by tenant and reason.",
		}, []string{"tenant", "reason"}),
		drift: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "opsgen_syncer_drift_corrected_total", Help: "What somebody changed behind Git's back and was put back.",
		}, []string{"tenant", "kind"}),
		success: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "opsgen_syncer_last_success_timestamp_seconds", Help: "When a tenant was last found or made to be as in Git.",
		}, []string{"tenant"}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "opsgen_syncer_writes_total", Help: "Changes made in Cortex and Loki, by kind and operation.",
		}, []string{"kind", "operation"}),
	}
	for _, c := range []prometheus.Collector{m.objects, m.healthy, m.failures, m.drift, m.success, m.writes} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of tenants: %w", err)
		}
	}
	return m, nil
}

// forget drops all series of a tenant.
func (m *measures) forget(tenant string) {
	of := prometheus.Labels{"tenant": tenant}
	for _, v := range []interface {
		DeletePartialMatch(prometheus.Labels) int
	}{m.objects, m.healthy, m.failures, m.drift, m.success} {
		v.DeletePartialMatch(of)
	}
}
