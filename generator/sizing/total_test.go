package sizing_test

import (
	"testing"

	"github.com/opsgen/opsgen/generator/sizing"
)

func TestTotalCountsZonesAndTenants(t *testing.T) {
	s := sizing.Sizing{
		"cortex": {"ingester": {Replicas: 2, Zones: 3, CPU: "500m", Memory: "1Gi", MemoryBytes: 1 << 30, Storage: "10Gi"}},
		"grafana": {
			"grafana": {Replicas: 1, Tenants: 10, CPU: "100m", Memory: "512Mi", MemoryBytes: 512 << 20},
			"sidecar": {Replicas: 1, Tenants: 10, Sidecar: true, CPU: "50m", Memory: "64Mi", MemoryBytes: 64 << 20},
		},
	}
	want := sizing.Sum{Pods: 16, CPU: 4.5, Memory: 6<<30 + 10*576<<20, Storage: 60 << 30}
	if got := sizing.Total(s); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestNodes(t *testing.T) {
	large := compute(t, capacity(5e6, 500e9), 40)
	cases := []struct {
		name, nodeType string
		s              sizing.Sizing
		least, most    int
	}{
		{"a single binary needs one", "", compute(t, capacity(50e3, 2e9, single), 3), 1, 1},
		{"never less than one a zone", "r7g.16xlarge", compute(t, capacity(1e3, 1e8), 1), 3, 3},
		{"5M series on the standard node", "", large, 15, 21},
		{"half as many of twice the size", "m7g.4xlarge", large, 7, 12},
		{"an unknown type counts as standard", "quantum-1", large, 15, 21},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			n := sizing.Nodes(tc.s, tc.nodeType)
			if n < tc.least || n > tc.most {
				t.Errorf("%d nodes, want %d to %d", n, tc.least, tc.most)
			}
		})
	}
}

func TestNodeOf(t *testing.T) {
	const giB = 1 << 30
	cases := map[string]sizing.Node{
		"m7g.2xlarge": {CPU: 8, Memory: 32 * giB}, "m7i.xlarge": {CPU: 4, Memory: 16 * giB}, "c7g.large": {CPU: 2, Memory: 4 * giB},
		"r6a.8xlarge": {CPU: 32, Memory: 256 * giB}, "n2-standard-8": {CPU: 8, Memory: 32 * giB}, "c4a-highmem-4": {CPU: 4, Memory: 32 * giB},
	}
	for name, want := range cases {
		if got, ok := sizing.NodeOf(name); !ok || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "t3.small", "m7g", "e2-micro"} {
		if got, ok := sizing.NodeOf(name); ok {
			t.Errorf("%q was read as %+v", name, got)
		}
	}
	if free := sizing.StandardNode().Allocatable(); free.Memory < 26*giB || free.Memory > 29*giB || free.CPU >= 8 {
		t.Errorf("a node with 8 CPU and 32 GiB has %+v left for pods", free)
	}
}
