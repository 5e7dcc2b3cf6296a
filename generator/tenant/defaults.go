package tenant

import (
	"math"
	"slices"
	"time"

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
// cluster's capacity, retention and query ranges from the cluster, which must have its defaults. What is written in
// tenant.yaml stays as it is; package advice says where that does not fit the cluster. A tenant of an unknown class gets
// the limits of class small.
func (t *Tenant) For(c *cluster.Cluster) *Tenant {
	r := *t
	orString(&r.DisplayName, r.Name)
	orString(&r.Class, Small)
	class := classOf(r.Class)
	capacity := c.Capacity

	m := &r.Metrics
	or(&m.Retention, capacity.Metrics.Retention)
	or(&m.ActiveSeries, atMost(class.ActiveSeries, capacity.Metrics.ActiveSeries))
	or(&m.SamplesPerSecond, samplesPerSecond(m.ActiveSeries, capacity.Metrics.ScrapeInterval))
	or(&m.MaxQueryRange, min(capacity.Metrics.MaxQueryRange, m.Retention))
	or(&m.OutOfOrder, outOfOrder)

	l := &r.Logs
	or(&l.Retention, capacity.Logs.Retention)
	or(&l.BytesPerDay, atMost(class.BytesPerDay, capacity.Logs.BytesPerDay))
	or(&l.Streams, class.Streams)
	or(&l.MaxQueryRange, min(capacity.Logs.MaxQueryRange, l.Retention))

	if r.Grafana.Enabled == nil {
		enabled := true
		r.Grafana.Enabled = &enabled
	}
	return &r
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

func orString(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// atMost is the smaller one, where the bound is known.
func atMost[T ~int64](value, bound T) T {
	if bound == 0 {
		return value
	}
	return min(value, bound)
}

func or[T ~int64](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
