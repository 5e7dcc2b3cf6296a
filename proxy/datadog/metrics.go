package datadog

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The metrics of this package, besides the proxy's own of requests.
const (
	// MetricWritten counts samples and log lines that Cortex and Loki took, by tenant and type (gauge, rate, count,
	// sketch, check, host, log).
	MetricWritten = "opsgen_proxy_datadog_written_total"
	// MetricDropped counts what was not written although the agent was told so, or was refused for good, by tenant and
	// reason: one of Reasons.
	MetricDropped = "opsgen_proxy_datadog_dropped_total"
	// MetricTagOverLimit is 1 for each tag (at most 20 of a tenant) that had too many values in this hour.
	MetricTagOverLimit = "opsgen_proxy_datadog_tag_over_limit"
)

// What was dropped: the values of MetricDropped's label reason.
const (
	droppedPath        = "path"            // a request whose path carries nothing for Cortex or Loki
	droppedEvent       = "event"           // events
	droppedRefused     = "refused"         // samples or lines of a request that Cortex or Loki answered with 400
	droppedName        = "name"            // series without a name
	droppedPoint       = "point"           // points without a usable time or value
	droppedLabels      = "labels"          // tags above the number of labels
	droppedCardinality = "tag_cardinality" // tags above the number of values
	droppedHosts       = "hosts"           // host tags without room
	droppedSketch      = "sketch"          // distributions of the form of agents before version 6
)

// Reasons are the values of MetricDropped's label reason.
func Reasons() []string {
	return []string{
		droppedPath, droppedEvent, droppedRefused, droppedName, droppedPoint, droppedLabels, droppedCardinality, droppedHosts, droppedSketch,
	}
}

// tenantState is what a process knows of one tenant.
type tenantState struct {
	hosts hostTags
	tags  *cardinality // of series
	logs  *cardinality // of log streams
}

// tenants are all states. There are no more of them than tenants in the configuration, as only their callers get here.
type tenants struct {
	mutex  sync.RWMutex
	states map[string]*tenantState
}

func (t *tenants) state(name string) *tenantState {
	t.mutex.RLock()
	state := t.states[name]
	t.mutex.RUnlock()
	if state != nil {
		return state
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if state = t.states[name]; state == nil {
		state = &tenantState{tags: newCardinality(maxValuesOfTag), logs: newCardinality(maxValuesOfLabel)}
		t.states[name] = state
	}
	return state
}

// meters are the handler's metrics.
type meters struct {
	written, dropped *prometheus.CounterVec
	overLimit        *prometheus.Desc
	tenants          *tenants
	now              func() time.Time
}

func newMeters(registerer prometheus.Registerer, t *tenants, now func() time.Time) *meters {
	m := &meters{
		written: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: MetricWritten, Help: "Samples and log lines of Datadog agents that Cortex and Loki took.",
		}, []string{"tenant", "type"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: MetricDropped, Help: "What Datadog agents sent and nobody keeps.",
		}, []string{"tenant", "reason"}),
		overLimit: prometheus.NewDesc(MetricTagOverLimit, "Tags with too many values, which are left out.", []string{"tenant", "tag"}, nil),
		tenants:   t,
		now:       now,
	}
	if registerer != nil {
		registerer.MustRegister(m.written, m.dropped, m)
	}
	return m
}

// Describe is part of prometheus.Collector.
func (m *meters) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- m.overLimit }

// Collect is part of prometheus.Collector.
func (m *meters) Collect(metrics chan<- prometheus.Metric) {
	m.tenants.mutex.RLock()
	defer m.tenants.mutex.RUnlock()
	now := m.now()
	for name, state := range m.tenants.states {
		named := map[string]bool{}
		for _, tag := range append(state.tags.named(now), state.logs.named(now)...) {
			if !named[tag] {
				named[tag] = true
				metrics <- prometheus.MustNewConstMetric(m.overLimit, prometheus.GaugeValue, 1, name, tag)
			}
		}
	}
}

func (m *meters) drop(tenant, reason string, n int) {
	if n > 0 {
		m.dropped.WithLabelValues(tenant, reason).Add(float64(n))
	}
}
