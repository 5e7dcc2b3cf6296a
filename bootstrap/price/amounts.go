package price

import (
	"time"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/sizing"
)

// Amounts are what a cluster that carries its stated capacity uses.
type Amounts struct {
	// Nodes is the number of nodes of sizing.StandardNode that there are on a quiet day, and that prices are for; MostNodes is
	// how many the workloads need that autoscalers may make more of.
	Nodes, MostNodes int
	// CPU is in cores and MemoryGiB in GiB: what all pods request together.
	CPU, MemoryGiB float64
	// VolumeGiB is the size of all volumes.
	VolumeGiB float64
	// MetricsGB, LogsGB and RulesGB are what the buckets hold once the retention is reached.
	MetricsGB, LogsGB, RulesGB float64
	// MetricsWrites, LogsWrites, MetricsReads and LogsReads are thousands of requests a month.
	MetricsWrites, LogsWrites, MetricsReads, LogsReads float64
	// ReceivedGB is what agents send in a month, compressed, through the load balancer.
	ReceivedGB float64
}

// Figures of Measure. What is not quoted is ours, and rough.
const (
	// bytesPerSample is a sample in a compacted block; sizing uses the same (docs/sizing.md).
	bytesPerSample = 2
	// wireBytesPerSample is a sample in a remote write request; sizing measured it (docs/sizing.md).
	wireBytesPerSample = 43
	// logCompression is how much smaller chunks are than lines, as in sizing.
	logCompression = 5
	// beforeCompaction is what is there twice or thrice until it is compacted.
	beforeCompaction = 1.05
	// objectBytes is the size of a chunk of logs in the bucket.
	objectBytes = 1e6
	// blockWrites are the requests for one ingester's block, compactions included, and blocks are cut every two hours.
	blockWrites   = 40
	blockInterval = 2 * time.Hour
	// readsPerQuery are the requests that caches do not answer.
	readsPerQuery = 2
	daysPerMonth  = 365.0 / 12
	gigabyte      = 1e9
	thousand      = 1e3
)

// Measure says what follows from a cluster's capacity and size.
func Measure(c *cluster.Cluster, s sizing.Sizing) Amounts {
	metrics, logs := c.Capacity.Metrics, c.Capacity.Logs
	samplesPerSecond := float64(metrics.ActiveSeries) / time.Duration(metrics.ScrapeInterval).Seconds()
	month := daysPerMonth * 24 * time.Hour.Seconds()
	logBytes := float64(logs.BytesPerDay) / logCompression
	replicas := float64(max(1, c.Options.Replication))
	ingesters := 1
	for name, size := range s["cortex"] {
		if name == "ingester" {
			ingesters = size.Count()
		}
	}
	sum := sizing.Total(s)
	return Amounts{
		Nodes:         sizing.LeastNodes(s, ""),
		MostNodes:     sizing.Nodes(s, ""),
		CPU:           sum.CPU,
		MemoryGiB:     float64(sum.Memory) / (1 << 30),
		VolumeGiB:     float64(sum.Storage) / (1 << 30),
		MetricsGB:     samplesPerSecond * bytesPerSample * time.Duration(metrics.Retention).Seconds() * beforeCompaction / gigabyte,
		LogsGB:        logBytes * time.Duration(logs.Retention).Hours() / 24 / gigabyte,
		RulesGB:       1,
		MetricsWrites: float64(ingesters) * blockWrites * month / blockInterval.Seconds() / thousand,
		LogsWrites:    logBytes * daysPerMonth * replicas / objectBytes / thousand,
		MetricsReads:  metrics.QueriesPerSecond * readsPerQuery * month / thousand,
		LogsReads:     logs.QueriesPerSecond * readsPerQuery * month / thousand,
		ReceivedGB:    (samplesPerSecond*wireBytesPerSample*month + logBytes*daysPerMonth) / gigabyte,
	}
}

// Storage are the uses of one bucket, by what it is for ("metrics", "logs", "rules").
func (a Amounts) Storage(provider, use string) []engine.Use {
	held, writes, reads := a.RulesGB, 1.0, 1.0
	switch use {
	case "metrics":
		held, writes, reads = a.MetricsGB, a.MetricsWrites, a.MetricsReads
	case "logs":
		held, writes, reads = a.LogsGB, a.LogsWrites, a.LogsReads
	}
	return []engine.Use{
		{Item: provider + "/storage", Quantity: held},
		{Item: provider + "/storage-writes", Quantity: writes},
		{Item: provider + "/storage-reads", Quantity: reads},
	}
}

// LoadBalancer are the uses of the front door, which Kubernetes makes.
func (a Amounts) LoadBalancer(provider string) []engine.Use {
	return []engine.Use{
		{Item: provider + "/load-balancer", Quantity: HoursPerMonth},
		{Item: provider + "/load-balancer-traffic", Quantity: a.ReceivedGB},
	}
}
