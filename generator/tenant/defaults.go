package tenant

import (
	"math"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/quantity"
)

// Classes of tenants.
const (
	Small  = "small"
	Medium = "medium"
	Large  = "large"
)

// Everywhere stands for every cluster in a tenant's list.
const Everywhere = "*"

// Class is what a size means: limits that a tenant of that size should never notice.
type Class struct {
	// Name is what tenant.yaml says ("small").
	Name string `json:"name"`
	// ActiveSeries is the most series that may receive samples at a time.
	ActiveSeries quantity.Count `json:"activeSeries"`
	// BytesPerDay is the volume of log lines in a day.
	BytesPerDay quantity.Bytes `json:"bytesPerDay"`
	// Streams is the most log streams that may be active at a time. Loki's advice is to stay below 100,000 in one tenant.
	Streams quantity.Count `json:"streams"`
}

// Classes are all classes, from small to large.
func Classes() []Class {
	return []Class{
		{Name: Small, ActiveSeries: 150e3, BytesPerDay: 20e9, Streams: 5e3},
		{Name: Medium, ActiveSeries: 1e6, BytesPerDay: 100e9, Streams: 20e3},
		{Name: Large, ActiveSeries: 5e6, BytesPerDay: 500e9, Streams: 50e3},
	}
}

const (
	// outOfOrder is enough for an agent that was cut off for a moment and sends its queue in several streams.
	outOfOrder = quantity.Duration(10 * time.Minute)
	// scrapeInterval is the shortest interval that the default of samples a second allows for all series at once.
	scrapeInterval = 15 * time.Second
)

// On says whether the tenant lives on the cluster.
func (t *Tenant) On(clusterName string) bool {
	return slices.Contains(t.Clusters, clusterName) || slices.Contains(t.Clusters, Everywhere)
}

// For is a copy of the tenant with everything filled in that was left out: limits from its class, but not above the
// cluster's capacity, all else from the cluster, which must have its defaults. What is written in tenant.yaml stays as it
// is; package advice says where that does not fit the cluster. A tenant of an unknown class gets the limits of class
// small.
func (t *Tenant) For(c *cluster.Cluster) *Tenant {
	resolved, _ := t.Resolve(c)
	return resolved
}

// Origin says where a resolved value comes from.
type Origin string

// The origins of values.
const (
	Written       Origin = "tenant.yaml"
	FromClass     Origin = "class"
	FromDefaults  Origin = "tenantDefaults"
	FromCapacity  Origin = "capacity"
	FromGenerator Origin = "default"
	// Derived values follow from another value of the tenant.
	Derived Origin = "derived"
)

// Resolve is For with the origin of each value, by its path in tenant.yaml ("metrics.retention").
func (t *Tenant) Resolve(c *cluster.Cluster) (*Tenant, map[string]Origin) {
	r := *t
	o := origins{}
	d := c.TenantDefaults
	r.ID = t.DataID()
	first(o, "displayName", &r.DisplayName, choice[string]{r.Name, Derived})
	first(o, "class", &r.Class, choice[string]{d.Class, FromDefaults}, choice[string]{Small, FromGenerator})
	class := classOf(r.Class)
	resolveMetrics(o, &r.Metrics, class, c)
	resolveLogs(o, &r.Logs, class, c)
	if o["grafana.enabled"] = Written; r.Grafana.Enabled == nil {
		enabled := true
		r.Grafana.Enabled, o["grafana.enabled"] = &enabled, FromGenerator
		if d.Grafana.Enabled != nil {
			r.Grafana.Enabled, o["grafana.enabled"] = d.Grafana.Enabled, FromDefaults
		}
	}
	if memory, err := resource.ParseQuantity(r.Grafana.Memory); err == nil {
		r.Grafana.MemoryBytes = memory.Value()
	}
	r.Exporters = t.Exporters.WithDefaults()
	return &r, o
}

func resolveMetrics(o origins, m *Metrics, class Class, c *cluster.Cluster) {
	capacity, d := c.Capacity.Metrics, c.TenantDefaults.Metrics
	first(o, "metrics.retention", &m.Retention, choice[quantity.Duration]{d.Retention, FromDefaults}, choice[quantity.Duration]{capacity.Retention, FromCapacity})
	first(o, "metrics.activeSeries", &m.ActiveSeries, bounded(class.ActiveSeries, capacity.ActiveSeries))
	first(o, "metrics.samplesPerSecond", &m.SamplesPerSecond, choice[quantity.Count]{samplesPerSecond(m.ActiveSeries, capacity.ScrapeInterval), Derived})
	first(o, "metrics.maxQueryRange", &m.MaxQueryRange, within(m.Retention, d.MaxQueryRange, capacity.MaxQueryRange))
	first(o, "metrics.outOfOrder", &m.OutOfOrder, choice[quantity.Duration]{d.OutOfOrder, FromDefaults}, choice[quantity.Duration]{outOfOrder, FromGenerator})
	first(o, "metrics.shardSize", &m.ShardSize, choice[int]{d.ShardSize, FromDefaults}, choice[int]{0, FromGenerator})
	if m.HADedup != nil {
		own := m.HADedup.withDefaults()
		m.HADedup = &own
	}
}

func resolveLogs(o origins, l *Logs, class Class, c *cluster.Cluster) {
	capacity, d := c.Capacity.Logs, c.TenantDefaults.Logs
	first(o, "logs.retention", &l.Retention, choice[quantity.Duration]{d.Retention, FromDefaults}, choice[quantity.Duration]{capacity.Retention, FromCapacity})
	first(o, "logs.bytesPerDay", &l.BytesPerDay, bounded(class.BytesPerDay, capacity.BytesPerDay))
	first(o, "logs.streams", &l.Streams, choice[quantity.Count]{class.Streams, FromClass})
	first(o, "logs.maxQueryRange", &l.MaxQueryRange, within(l.Retention, d.MaxQueryRange, capacity.MaxQueryRange))
}

func (h HADedup) withDefaults() HADedup {
	if h.ClusterLabel == "" {
		h.ClusterLabel = "cluster"
	}
	if h.ReplicaLabel == "" {
		h.ReplicaLabel = "__replica__"
	}
	return h
}

// origins are where values come from, by their path.
type origins map[string]Origin

// choice is a value that may stand for one that was left out.
type choice[T comparable] struct {
	value  T
	origin Origin
}

// first fills a field that was left out by the first choice that has a value, or by the last one.
func first[T comparable](o origins, path string, field *T, choices ...choice[T]) {
	var none T
	o[path] = Written
	for i := 0; i < len(choices) && *field == none; i++ {
		*field, o[path] = choices[i].value, choices[i].origin
	}
}

// bounded is the class's value, but not more than the whole cluster is built for.
func bounded[T ~int64](class, capacity T) choice[T] {
	if capacity != 0 && capacity < class {
		return choice[T]{capacity, FromCapacity}
	}
	return choice[T]{class, FromClass}
}

// within is how far queries reach: as the cluster says, but not past the tenant's retention.
func within(retention, defaults, capacity quantity.Duration) choice[quantity.Duration] {
	reach := choice[quantity.Duration]{capacity, FromCapacity}
	if defaults != 0 {
		reach = choice[quantity.Duration]{defaults, FromDefaults}
	}
	if retention < reach.value {
		return choice[quantity.Duration]{retention, Derived}
	}
	return reach
}

// samplesPerSecond is enough for all series at the cluster's scrape interval, and at 15 s where that is longer, in whole
// thousands.
func samplesPerSecond(series quantity.Count, interval quantity.Duration) quantity.Count {
	shortest := scrapeInterval
	if interval > 0 {
		shortest = min(shortest, time.Duration(interval))
	}
	return quantity.Count(math.Ceil(float64(series)/shortest.Seconds()/1000)) * 1000
}

func classOf(name string) Class {
	classes := Classes()
	for _, class := range classes {
		if class.Name == name {
			return class
		}
	}
	return classes[0]
}
