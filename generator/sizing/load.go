package sizing

import (
	"math"
	"time"

	"github.com/opsgen/opsgen/generator/cluster"
)

// load is a cluster's capacity in the numbers that the formulas need.
type load struct {
	// series is the number of active series, before replication; samples the number of samples a second.
	series, samples float64
	// interval is the time between two samples of a series, retention how long they are kept.
	interval, retention time.Duration
	// queries is the number of metric queries a second, reach the longest range of one.
	queries float64
	reach   time.Duration
	// blocks is the size of all compacted blocks.
	blocks float64
	// lines is the number of bytes of log lines a day.
	lines                  float64
	logRetention, logReach time.Duration
	logQueries             float64
	// copies is the replication factor, zones the number of zones that hold one copy each.
	copies, zones int
	tenants       int
	// single is the topology single-binary.
	single bool
	// bundled is an object storage inside the cluster.
	bundled bool
	// autoscaler is one of ours for the nodes: other clouds have their own.
	autoscaler bool
}

// newLoad takes a cluster that has its defaults.
func newLoad(c *cluster.Cluster, tenants int) load {
	m, l := c.Capacity.Metrics, c.Capacity.Logs
	in := load{
		series:       float64(m.ActiveSeries),
		interval:     time.Duration(m.ScrapeInterval),
		retention:    time.Duration(m.Retention),
		queries:      m.QueriesPerSecond,
		reach:        time.Duration(m.MaxQueryRange),
		lines:        float64(l.BytesPerDay),
		logRetention: time.Duration(l.Retention),
		logReach:     time.Duration(l.MaxQueryRange),
		logQueries:   l.QueriesPerSecond,
		copies:       c.Options.Replication,
		zones:        len(c.Zones()),
		tenants:      tenants,
		single:       c.Options.Topology == cluster.SingleBinary,
		bundled:      c.BundledStorage(),
		autoscaler:   c.Provider.Name == cluster.AWS,
	}
	in.samples = in.series / in.interval.Seconds()
	in.blocks = in.samples * in.retention.Seconds() * blockBytesPerSample
	return in
}

// several is the least number of pods of a workload without state: n with replication, one without.
func (in load) several(n int) int {
	if in.copies < 2 {
		return 1
	}
	return n
}

// months is a query range in months, for figures that grow with it; more than a year counts as a year, since long queries
// are split by day.
func months(d time.Duration) float64 { return min(float64(d)/float64(month), 12) }

// spread divides a load over pods that take at most perPod each, and says for how much each is built. That never
// becomes less when the load grows: first the pods grow, then their number does.
func spread(total, perPod float64, least int) (pods int, each float64) {
	return max(least, podsFor(total, perPod)), min(perPod, total/float64(least))
}

// grow is spread for pods that are wanted in pairs once they are half full: two halves restart sooner than one whole, and the
// step from one full pod to the next is smaller.
func grow(total, perPod float64) (pods int, each float64) {
	switch {
	case total <= perPod/2:
		return 1, total
	case total <= perPod:
		return 2, perPod / 2
	}
	return max(2, podsFor(total, perPod)), min(perPod, total/2)
}

// podsFor is the number of pods for a load of which each takes perPod.
func podsFor(total, perPod float64) int { return int(math.Ceil(total/perPod - 1e-9)) }
