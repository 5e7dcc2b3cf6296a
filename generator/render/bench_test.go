package render_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opsgen/opsgen/generator/render"
)

// The benchmarks state ratios of runs in one process, since timings of one run on a shared machine mean little. Each
// wants one iteration: go test ./generator/render -run xxx -bench . -benchtime 1x.

// timed renders and returns how long it took.
func timed(b *testing.B, o render.Options) time.Duration {
	b.Helper()
	started := time.Now()
	run(b, o)
	return time.Since(started)
}

// BenchmarkColdWarm renders example-aws without and with what an earlier run left.
func BenchmarkColdWarm(b *testing.B) {
	for b.Loop() {
		root, cache := repository(b), b.TempDir()
		run(b, options(repository(b), "", "example-aws")) // packages are fetched and the program is warm
		cold := timed(b, options(root, cache, "example-aws"))
		warm := timed(b, options(root, cache, "example-aws"))
		b.ReportMetric(cold.Seconds(), "cold-s")
		b.ReportMetric(warm.Seconds(), "warm-s")
		b.ReportMetric(cold.Seconds()/warm.Seconds(), "cold/warm")
	}
}

// BenchmarkTenants renders example-aws with 10, 100 and 1,000 tenants: in full, with nothing changed, and with one
// tenant changed. Growth is linear when the time a tenant stays the same.
func BenchmarkTenants(b *testing.B) {
	for b.Loop() {
		base := timed(b, options(onlyAWS(b), b.TempDir()))
		for _, n := range []int{10, 100, 1000} {
			root, cache := onlyAWS(b), b.TempDir()
			addTenants(b, root, "example-aws", n)
			full := timed(b, options(root, cache))
			warm := timed(b, options(root, cache))
			write(b, root, "tenants/team-0005/tenant.yaml", "clusters: [example-aws]\nmetrics: {activeSeries: 2000}\n")
			one := timed(b, options(root, cache))
			b.ReportMetric(full.Seconds(), fmt.Sprintf("full-%d-s", n))
			b.ReportMetric(warm.Seconds(), fmt.Sprintf("warm-%d-s", n))
			b.ReportMetric(one.Seconds(), fmt.Sprintf("one-of-%d-s", n))
			b.ReportMetric((full-base).Seconds()*1000/float64(n), fmt.Sprintf("ms/tenant-of-%d", n))
		}
	}
}

// onlyAWS is a repository with the one cluster example-aws, the shipped tenant system and nobody else.
func onlyAWS(b testing.TB) string {
	b.Helper()
	root := repository(b)
	for _, folder := range []string{"clusters/example-gcp", "clusters/example-local", "tenants/payments", "tenants/search"} {
		if err := os.RemoveAll(filepath.Join(root, folder)); err != nil {
			b.Fatal(err)
		}
	}
	replace(b, root, "clusters/example-aws/cluster.yaml", "  maxNodes: 24\n", "") // 1,000 Grafanas need more
	return root
}
