package advice

import (
	"github.com/opsgen/opsgen/generator/quantity"
)

// shapeRules look at topology and replication.
func shapeRules() []rule {
	return []rule{
		{"replication", "With one copy, a lost node loses the samples and lines that were not in the bucket yet.", checkReplication},
		{"topology-replication", "A single binary is one process: it cannot hold three copies.", checkTopologyReplication},
		{"topology-size", "One process takes about 500k series and 50 GB of logs a day; well above that it cannot be made larger.", checkTopologySize},
		{"topology-production", "A single binary is down while it restarts, and is updated without a second one to take over.", checkTopologyProduction},
	}
}

// What one process is good for, and what it can be stretched to. Ours.
const (
	singleSeries    = quantity.Count(500e3)
	singleBytes     = quantity.Bytes(50e9)
	singleMaxSeries = 4 * singleSeries
	singleMaxBytes  = 4 * singleBytes
)

func checkReplication(r *report) {
	if r.Cluster.Options.Replication == 1 && !r.isSingle() {
		r.warn("options.replication", "Set options.replication: 3, with three zones, for production.", "one copy only: losing a node loses recent data")
	}
}

func checkTopologyReplication(r *report) {
	if r.isSingle() && r.Cluster.Options.Replication == 3 {
		r.refuse("options.replication", "Remove options.replication, or set options.topology: microservices.", "topology single-binary holds one copy, not three")
	}
}

func checkTopologySize(r *report) {
	if !r.isSingle() {
		return
	}
	series, bytes := r.Cluster.Capacity.Metrics.ActiveSeries, r.Cluster.Capacity.Logs.BytesPerDay
	hint := "Set options.topology: microservices."
	switch {
	case series > singleMaxSeries:
		r.refuse("capacity.metrics.activeSeries", hint, "%s series are too many for topology single-binary, which takes %s at most", series, singleMaxSeries)
	case series > singleSeries:
		r.warn("capacity.metrics.activeSeries", hint, "%s series are many for topology single-binary; it is meant for %s", series, singleSeries)
	}
	switch {
	case bytes > singleMaxBytes:
		r.refuse("capacity.logs.bytesPerDay", hint, "%s of logs a day are too much for topology single-binary, which takes %s at most", bytes, singleMaxBytes)
	case bytes > singleBytes:
		r.warn("capacity.logs.bytesPerDay", hint, "%s of logs a day are much for topology single-binary; it is meant for %s", bytes, singleBytes)
	}
}

func checkTopologyProduction(r *report) {
	if !r.isSingle() {
		return
	}
	if r.onCloud() {
		r.warn("options.topology", "Set options.topology: microservices.", "topology single-binary on %s: one replica each, on machines that the cloud may replace at any time", r.Cluster.Provider.Name)
		return
	}
	r.warn("options.topology", "Set options.topology: microservices for production.", "one replica each, not for production")
}
