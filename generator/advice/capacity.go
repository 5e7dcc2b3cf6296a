package advice

import (
	"fmt"
	"time"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/generator/sizing"
)

const (
	day  = quantity.Duration(24 * time.Hour)
	year = 365 * day
	// blockRange is the span of the smallest block in Cortex.
	blockRange = quantity.Duration(2 * time.Hour)
)

// capacityRules look at what the cluster is built for.
func capacityRules() []rule {
	return []rule{
		{"metrics-retention", "Cortex deletes whole blocks: they span two hours at first and a day once compacted.", checkMetricsRetention},
		{"logs-retention", "Loki keeps its index by day and refuses less than a day.", checkLogsRetention},
		{"query-range", "Queries beyond the retention find nothing, and one over years takes a store-gateway with it.", checkQueryRange},
		{"scrape-interval", "Intervals of a few seconds multiply the cost; long ones leave gaps in graphs, since queries look back five minutes.", checkScrapeInterval},
		{"capacity-unit", "A handful of series or bytes is most likely a number whose unit was forgotten.", checkUnits},
		{"capacity-sources", "The formula's sources end at about 100M series and 33 TB of logs a day.", checkSources},
		{"nodes", "The capacity must fit on the nodes that the cluster may have, or pods stay pending.", checkNodes},
		{"limits-sum", "Limits are promises: when all tenants use theirs, the cluster must carry it.", checkLimitsSum},
	}
}

func checkMetricsRetention(r *report) {
	const path = "capacity.metrics.retention"
	switch retention := r.Cluster.Capacity.Metrics.Retention; {
	case retention < blockRange:
		r.refuse(path, "Write 1d or more.", "a retention of %s is shorter than one block (2h)", retention)
	case retention < day:
		r.warn(path, "Write 1d or more.", "a retention of %s is shorter than a compacted block (1d): samples are deleted a day late", retention)
	}
}

func checkLogsRetention(r *report) {
	retention := r.Cluster.Capacity.Logs.Retention
	if why := logRetentionProblem(retention); why != "" {
		r.refuse("capacity.logs.retention", wholeDays(retention), "a retention of %s %s", retention, why)
	}
}

// logRetentionProblem says what is wrong with a retention of logs.
func logRetentionProblem(retention quantity.Duration) string {
	switch {
	case retention < day:
		return "is less than a day, which Loki refuses"
	case retention%day != 0:
		return "is not a whole number of days, as Loki's index is"
	}
	return ""
}

func wholeDays(retention quantity.Duration) string {
	return fmt.Sprintf("Write whole days, such as %s.", max(1, (retention+day-1)/day)*day)
}

func checkQueryRange(r *report) {
	check := func(path string, reach, retention quantity.Duration) {
		switch {
		case reach > retention:
			r.refuse(path, fmt.Sprintf("Write at most %s, or a longer retention.", retention), "queries over %s reach past the retention of %s", reach, retention)
		case reach > year:
			r.warn(path, "Write 1y or less; longer spans are still there, in several queries.", "one query may read %s of data", reach)
		}
	}
	m, l := r.Cluster.Capacity.Metrics, r.Cluster.Capacity.Logs
	check("capacity.metrics.maxQueryRange", m.MaxQueryRange, m.Retention)
	check("capacity.logs.maxQueryRange", l.MaxQueryRange, l.Retention)
}

func checkScrapeInterval(r *report) {
	const path = "capacity.metrics.scrapeInterval"
	switch interval := r.Cluster.Capacity.Metrics.ScrapeInterval; {
	case interval < quantity.Duration(5*time.Second):
		r.warn(path, "Write 15s or more, unless every series needs it.",
			"an interval of %s costs %.0f times what 30s costs", interval, 30/time.Duration(interval).Seconds())
	case interval > quantity.Duration(150*time.Second):
		r.warn(path, "Write 2m or less.", "with an interval of %s a single failed scrape is a gap: queries look back 5m", interval)
	}
}

func checkUnits(r *report) {
	if series := r.Cluster.Capacity.Metrics.ActiveSeries; series > 0 && series < 1000 {
		r.warn("capacity.metrics.activeSeries", fmt.Sprintf(`Is a unit missing, as in "%dk"?`, series), "%d series are less than one machine has", series)
	}
	if bytes := r.Cluster.Capacity.Logs.BytesPerDay; bytes > 0 && bytes < 10e6 {
		r.warn("capacity.logs.bytesPerDay", `Is a unit missing, as in "10GB"?`, "%s of logs a day are next to nothing", bytes)
	}
}

func checkSources(r *report) {
	hint := "Read docs/sizing.md, test with your own load, and consider several clusters."
	if series := r.Cluster.Capacity.Metrics.ActiveSeries; series > 100e6 {
		r.warn("capacity.metrics.activeSeries", hint, "nobody has described how %s series are sized: the figures are carried on in proportion", series)
	}
	if bytes := r.Cluster.Capacity.Logs.BytesPerDay; bytes > 33e12 {
		r.warn("capacity.logs.bytesPerDay", hint, "Loki's own table ends at 33TB a day, %s are carried on in proportion", bytes)
	}
}

func checkNodes(r *report) {
	most := r.Cluster.Provider.MaxNodes
	if most == 0 || r.Sizing == nil {
		return
	}
	if need := sizing.Nodes(r.Sizing, ""); need > most {
		sum := sizing.Total(r.Sizing)
		r.refuse("provider.maxNodes", fmt.Sprintf("Allow %d nodes, or lower the capacity; `opsgen size %s` shows what needs most.", need, r.Cluster.Name),
			"the capacity needs about %d nodes with 8 CPU and 32 GiB (%.0f CPU, %d GiB requested), %d are allowed", need, sum.CPU, sum.Memory>>30, most)
	}
}

func checkLimitsSum(r *report) {
	var series, bytes float64
	for _, t := range r.Tenants {
		series += float64(t.Resolved.Metrics.ActiveSeries)
		bytes += float64(t.Resolved.Logs.BytesPerDay)
	}
	capacity := r.Cluster.Capacity
	check := func(path, what string, factor float64) {
		if factor > 1.005 && len(r.Tenants) > 1 {
			r.warn(path, "Raise the capacity, lower limits, or watch the use: limits are rarely reached all at once.",
				"the limits of %d tenants add up to %.3g times the %s that the cluster is built for", len(r.Tenants), factor, what)
		}
	}
	check("capacity.metrics.activeSeries", "series", series/max(1, float64(capacity.Metrics.ActiveSeries)))
	check("capacity.logs.bytesPerDay", "log volume", bytes/max(1, float64(capacity.Logs.BytesPerDay)))
}

// without is the cluster as if cluster.yaml said nothing about the size of workloads.
func without(c *cluster.Cluster) *cluster.Cluster {
	plain := *c
	plain.Components = map[string]cluster.Component{}
	for name, component := range c.Components {
		component.Workloads = nil
		plain.Components[name] = component
	}
	return &plain
}
