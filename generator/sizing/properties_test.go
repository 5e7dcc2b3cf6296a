package sizing_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/generator/sizing"
)

// TestMoreNeverYieldsLess raises one figure of a random capacity and expects that no workload loses a pod, a core, memory or
// disk: a volume that has to shrink could not be rolled out.
func TestMoreNeverYieldsLess(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	factor := func() float64 { return 1 + random.Float64()*random.Float64()*4 }
	raise := map[string]func(c *cluster.Cluster, tenants *int){
		"active series": func(c *cluster.Cluster, _ *int) {
			c.Capacity.Metrics.ActiveSeries = scaled(c.Capacity.Metrics.ActiveSeries, factor())
		},
		"samples": func(c *cluster.Cluster, _ *int) {
			c.Capacity.Metrics.ScrapeInterval = max(1, scaled(c.Capacity.Metrics.ScrapeInterval, 1/factor()))
		},
		"metrics retention": func(c *cluster.Cluster, _ *int) {
			c.Capacity.Metrics.Retention = scaled(c.Capacity.Metrics.Retention, factor())
		},
		"metric queries":     func(c *cluster.Cluster, _ *int) { c.Capacity.Metrics.QueriesPerSecond *= factor() },
		"metric query range": func(c *cluster.Cluster, _ *int) { c.Capacity.Metrics.MaxQueryRange *= 2 },
		"log volume": func(c *cluster.Cluster, _ *int) {
			c.Capacity.Logs.BytesPerDay = scaled(c.Capacity.Logs.BytesPerDay, factor())
		},
		"log retention":   func(c *cluster.Cluster, _ *int) { c.Capacity.Logs.Retention *= 2 },
		"log queries":     func(c *cluster.Cluster, _ *int) { c.Capacity.Logs.QueriesPerSecond *= factor() },
		"log query range": func(c *cluster.Cluster, _ *int) { c.Capacity.Logs.MaxQueryRange *= 2 },
		"tenants":         func(_ *cluster.Cluster, tenants *int) { *tenants += 1 + random.IntN(100) },
	}
	for name, more := range raise {
		t.Run(name, func(t *testing.T) {
			for range 400 {
				c, tenants := randomCluster(random), 1+random.IntN(500)
				before := compute(t, c, tenants)
				more(c, &tenants)
				after := compute(t, c, tenants)
				compare(t, before, after)
				if sizing.Nodes(after, "") < sizing.Nodes(before, "") {
					t.Errorf("fewer nodes with more capacity")
				}
				if t.Failed() {
					t.Fatalf("capacity after: %+v", c.Capacity)
				}
			}
		})
	}
}

func compare(t *testing.T, before, after sizing.Sizing) {
	t.Helper()
	for _, b := range before.Entries() {
		a := after[b.Component][b.Name]
		if a.Replicas < b.Replicas || less(a.CPU, b.CPU) || a.MemoryBytes < b.MemoryBytes || less(a.Storage, b.Storage) {
			t.Errorf("%s/%s shrank\nbefore %+v\nafter  %+v", b.Component, b.Name, b.Workload, a)
		}
	}
}

// TestReplicationCosts compares the whole cluster with one and with three copies.
func TestReplicationCosts(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		c := randomCluster(random)
		c.Options.Topology, c.Options.Replication = cluster.Microservices, 1
		one := sizing.Total(compute(t, c, 5))
		c.Options.Replication = 3
		if three := sizing.Total(compute(t, c, 5)); three.Pods <= one.Pods || three.Memory <= one.Memory || three.Storage < one.Storage {
			t.Fatalf("three copies need no more than one: %+v against %+v for %+v", three, one, c.Capacity)
		}
	}
}

func randomCluster(random *rand.Rand) *cluster.Cluster {
	// Between 1k and 100M series, and between 100 MB and 50 TB a day, evenly over the orders of magnitude.
	magnitude := func(from, to float64) float64 {
		n := from
		for n < to && random.Float64() < 0.8 {
			n *= 1 + random.Float64()*2
		}
		return min(n, to)
	}
	return capacity(quantity.Count(magnitude(1e3, 100e6)), quantity.Bytes(magnitude(100e6, 50e12)), func(c *cluster.Cluster) {
		c.Capacity.Metrics.ScrapeInterval = quantity.Duration(time.Duration(1+random.IntN(120)) * time.Second)
		c.Capacity.Metrics.Retention = days(1 + random.IntN(800))
		c.Capacity.Metrics.QueriesPerSecond = magnitude(0.1, 5000)
		c.Capacity.Logs.Retention = days(1 + random.IntN(800))
		c.Capacity.Logs.QueriesPerSecond = magnitude(0.1, 500)
		c.Options.Replication = []int{1, 3}[random.IntN(2)]
		if random.IntN(4) == 0 {
			single(c)
		}
	})
}

func scaled[T ~int64](n T, by float64) T { return T(float64(n) * by) }

func less(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	x, y := resource.MustParse(a), resource.MustParse(b)
	return x.Cmp(y) < 0
}
