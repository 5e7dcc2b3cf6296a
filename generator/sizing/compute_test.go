package sizing_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/generator/sizing"
)

var update = flag.Bool("update", false, "write the golden tables anew")

// capacity is a cluster with defaults; edits come before the defaults are filled in.
func capacity(series quantity.Count, perDay quantity.Bytes, edits ...func(*cluster.Cluster)) *cluster.Cluster {
	c := &cluster.Cluster{Name: "prod", Domain: "obs.example.com"}
	c.Provider = cluster.Provider{Name: cluster.AWS, Zones: []string{"eu-central-1a", "eu-central-1b", "eu-central-1c"}}
	c.Capacity.Metrics = cluster.MetricsCapacity{ActiveSeries: series, Retention: days(30)}
	c.Capacity.Logs = cluster.LogsCapacity{BytesPerDay: perDay, Retention: days(30)}
	for _, edit := range edits {
		edit(c)
	}
	c.SetDefaults("1.36")
	return c
}

func days(n int) quantity.Duration { return quantity.Duration(time.Duration(n) * 24 * time.Hour) }

func single(c *cluster.Cluster) {
	c.Provider = cluster.Provider{Name: cluster.Existing}
	c.Options.Topology = cluster.SingleBinary
}

func compute(t *testing.T, c *cluster.Cluster, tenants int) sizing.Sizing {
	t.Helper()
	s, err := sizing.Compute(c, tenants)
	if err != nil {
		t.Fatalf("compute: %v", err)
	}
	return s
}

// namedSize is a cluster of the golden tables.
type namedSize struct {
	name    string
	cluster *cluster.Cluster
	tenants int
}

func sizes() []namedSize {
	return []namedSize{
		{"single-50k-series-2GB-logs", capacity(50e3, 2e9, single), 3},
		{"unreplicated-100k-series-10GB-logs", capacity(100e3, 10e9, func(c *cluster.Cluster) { c.Options.Replication = 1 }), 3},
		{"tiny-10k-series-1GB-logs", capacity(10e3, 1e9), 1},
		{"small-100k-series-10GB-logs", capacity(100e3, 10e9), 3},
		{"medium-1M-series-100GB-logs", capacity(1e6, 100e9), 10},
		{"large-5M-series-500GB-logs", capacity(5e6, 500e9), 40},
		{"huge-20M-series-10TB-logs", capacity(20e6, 10e12, func(c *cluster.Cluster) {
			c.Capacity.Metrics.Retention, c.Capacity.Metrics.QueriesPerSecond = days(395), 200
			c.Capacity.Logs.Retention, c.Capacity.Logs.QueriesPerSecond = days(90), 20
		}), 300},
	}
}

// TestGolden shows the sizes of clusters from tiny to huge as tables that a reviewer can read.
func TestGolden(t *testing.T) {
	for _, tc := range sizes() {
		t.Run(tc.name, func(t *testing.T) {
			got := render(compute(t, tc.cluster, tc.tenants))
			file := filepath.Join("testdata", tc.name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("read the golden table (write it with -update): %v", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("sizes changed (accept with -update):\n%s", diff)
			}
		})
	}
}

func render(s sizing.Sizing) string {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WORKLOAD\tPODS\tCPU\tMEMORY\tVOLUME\tWHY")
	for _, e := range s.Entries() {
		pods := fmt.Sprint(e.Replicas)
		if e.Zones > 0 {
			pods = fmt.Sprintf("%d × %d", e.Zones, e.Replicas)
		}
		if e.Tenants > 0 {
			pods = fmt.Sprintf("%d a tenant", e.Replicas)
		}
		fmt.Fprintf(w, "%s/%s\t%s\t%s\t%s\t%s\t%s\n", e.Component, e.Name, pods, e.CPU, e.Memory, e.Storage, e.Why)
	}
	w.Flush()
	sum := sizing.Total(s)
	fmt.Fprintf(&b, "\ntotal: %d pods, %g CPU, %d GiB memory, %d GiB volumes; about %d nodes with 8 CPU and 32 GiB\n",
		sum.Pods, sum.CPU, sum.Memory>>30, sum.Storage>>30, sizing.Nodes(s, ""))
	return b.String()
}

// TestFitsSmallMachine keeps the promise that a trial needs no more than 4 CPU and 8 GiB.
func TestFitsSmallMachine(t *testing.T) {
	sum := sizing.Total(compute(t, capacity(50e3, 2e9, single), 3))
	if sum.CPU > 3.5 || sum.Memory > 7<<30 {
		t.Errorf("a single-binary cluster with 3 tenants requests %g CPU and %d MiB; a machine with 4 CPU and 8 GiB must do", sum.CPU, sum.Memory>>20)
	}
}

// TestLargestPodsFit keeps pods small enough that two of the largest share the standard node.
func TestLargestPodsFit(t *testing.T) {
	free := sizing.StandardNode().Allocatable()
	for _, e := range compute(t, capacity(20e6, 33e12), 300).Entries() {
		if float64(e.MemoryBytes) > free.Memory/2 && e.Name != "compactor" {
			t.Errorf("%s/%s wants %s: two do not fit on a node with 32 GiB", e.Component, e.Name, e.Memory)
		}
		if !sizing.StandardNode().Fits(e.Workload) && e.Replicas > 1 {
			t.Errorf("%s/%s does not fit on a node with 32 GiB", e.Component, e.Name)
		}
	}
}

// TestWorkloads is the contract with the bases: these names are what they read from cluster.sizing.
func TestWorkloads(t *testing.T) {
	want := map[string]string{
		"cortex": "alertmanager chunks-cache compactor distributor index-cache ingester metadata-cache querier query-frontend query-scheduler results-cache ruler store-gateway",
		"loki":   "chunks-cache compactor distributor index-gateway ingester querier query-frontend query-scheduler results-cache ruler",
		"proxy":  "proxy", "syncer": "syncer", "grafana": "grafana sidecar", "flux": "kustomize-controller source-controller",
		"cert-manager": "cainjector controller webhook", "collector": "collector", "external-dns": "external-dns",
	}
	want["cluster-autoscaler"] = "cluster-autoscaler"
	if diff := cmp.Diff(want, names(compute(t, capacity(1e6, 1e9), 1))); diff != "" {
		t.Errorf("microservices (-want +got):\n%s", diff)
	}
	delete(want, "cluster-autoscaler")
	want["cortex"], want["loki"], want["object-store"] = "cortex", "loki", "object-store"
	if diff := cmp.Diff(want, names(compute(t, capacity(1e5, 1e9, single), 1))); diff != "" {
		t.Errorf("single-binary (-want +got):\n%s", diff)
	}
}

func names(s sizing.Sizing) map[string]string {
	got := map[string]string{}
	for _, e := range s.Entries() {
		got[e.Component] = strings.TrimSpace(got[e.Component] + " " + e.Name)
	}
	return got
}

// TestQuotedFigures compares with the very examples of the projects' documents.
func TestQuotedFigures(t *testing.T) {
	s := compute(t, capacity(20e6, 3e12), 1)
	ingester := s["cortex"]["ingester"]
	if memory := float64(ingester.Count()) * float64(ingester.MemoryBytes); memory < 60e6*15e3 || memory > 60e6*15e3*1.2 {
		t.Errorf("20M series × 3: ingesters have %.0f GB; Cortex says 15 GB a million", memory/1e9)
	}
	if ingester.Count() != 75 || ingester.Storage != "20Gi" {
		t.Errorf("20M series × 3: %d ingesters with %s; 75 with 20Gi are 1.5 TiB, Cortex' example has 2 to 3 TB at 24 h", ingester.Count(), ingester.Storage)
	}
	if got := s["cortex"]["compactor"].Storage; got != "300Gi" {
		t.Errorf("20M series: compactor has %s; Cortex says 150 GB for each 10M", got)
	}
	for name, want := range map[string]int{"ingester": 6, "distributor": 4, "index-gateway": 4, "querier": 10, "query-frontend": 2, "query-scheduler": 2, "compactor": 1} {
		if got := s["loki"][name].Count(); got != want {
			t.Errorf("3 TB a day: %d of loki/%s, Loki's table has %d", got, name, want)
		}
	}
	s = compute(t, capacity(20e6, 33e12), 1)
	for name, want := range map[string]int{"ingester": 150, "distributor": 100, "index-gateway": 20, "querier": 250, "query-frontend": 16, "compactor": 1} {
		if got := s["loki"][name].Count(); got != want {
			t.Errorf("33 TB a day: %d of loki/%s, Loki's table has %d", got, name, want)
		}
	}
}

func TestUnusable(t *testing.T) {
	cases := map[string]struct {
		edit func(*cluster.Cluster)
		want string
	}{
		"no series":    {func(c *cluster.Cluster) { c.Capacity.Metrics.ActiveSeries = 0 }, "capacity.metrics.activeSeries: must be"},
		"no logs":      {func(c *cluster.Cluster) { c.Capacity.Logs.BytesPerDay = 0 }, "capacity.logs.bytesPerDay: must be"},
		"no retention": {func(c *cluster.Cluster) { c.Capacity.Logs.Retention = 0 }, "capacity.logs.retention: must be"},
		"negative":     {func(c *cluster.Cluster) { c.Capacity.Metrics.QueriesPerSecond = -1 }, "capacity.metrics.queriesPerSecond: must be"},
		"two copies":   {func(c *cluster.Cluster) { c.Options.Replication = 2 }, "options.replication: must be 1 or 3"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := capacity(1e6, 1e9)
			tc.edit(c)
			if _, err := sizing.Compute(c, 1); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestAbsurd checks that numbers beyond all sense stay numbers.
func TestAbsurd(t *testing.T) {
	for _, e := range compute(t, capacity(9e15, 9e15, single), 1e6).Entries() {
		if e.MemoryBytes <= 0 || e.Replicas < 0 {
			t.Errorf("%s/%s: %+v", e.Component, e.Name, e.Workload)
		}
	}
	if n := sizing.Nodes(compute(t, capacity(9e15, 9e15), 1e6), ""); n <= 0 {
		t.Errorf("%d nodes", n)
	}
}
