package sizing_test

import (
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/sizing"
)

func workloads(component, name string, w cluster.Workload) func(*cluster.Cluster) {
	return func(c *cluster.Cluster) {
		c.Components = map[string]cluster.Component{component: {Workloads: map[string]cluster.Workload{name: w}}}
	}
}

func TestOverride(t *testing.T) {
	nine := 9
	s := compute(t, capacity(1e6, 100e9, workloads("cortex", "ingester", cluster.Workload{Replicas: &nine, Memory: "20Gi"})), 1)
	got := s["cortex"]["ingester"]
	if got.Replicas != 9 || got.Memory != "20Gi" || got.MemoryBytes != 20<<30 || !got.Overridden {
		t.Errorf("the override was not applied: %+v", got)
	}
	if got.CPU == "" || got.Storage == "" || got.Zones != 3 {
		t.Errorf("fields that were not written are gone: %+v", got)
	}
	if s["cortex"]["querier"].Overridden {
		t.Error("another workload is marked as overridden")
	}
}

// TestAutoscaledWorkloadsHaveTheirNodes: nodes that were counted for the least would not hold the most.
func TestAutoscaledWorkloadsHaveTheirNodes(t *testing.T) {
	s := compute(t, capacity(1e6, 100e9, workloads("proxy", "proxy", cluster.Workload{MaxReplicas: 20})), 1)
	if got := s["proxy"]["proxy"]; got.MaxReplicas != 20 || got.Replicas >= 20 || got.Count() != 20 {
		t.Errorf("from %d to %d proxies, and nodes for %d", got.Replicas, got.MaxReplicas, got.Count())
	}
	s = compute(t, capacity(1e6, 100e9, workloads("proxy", "proxy", cluster.Workload{MaxReplicas: 200})), 1)
	few, many := sizing.LeastNodes(s, ""), sizing.Nodes(s, "")
	if without := sizing.Nodes(compute(t, capacity(1e6, 100e9), 1), ""); few != without || many <= few {
		t.Errorf("from %d to %d nodes, and %d without an autoscaler", few, many, without)
	}
}

func TestDisabledComponentsNeedNothing(t *testing.T) {
	off := false
	s := compute(t, capacity(1e6, 100e9, func(c *cluster.Cluster) {
		c.Components = map[string]cluster.Component{"external-dns": {Enabled: &off}}
	}), 1)
	if _, there := s["external-dns"]; there {
		t.Error("external-dns is switched off, but has a size")
	}
}

func TestOverrideRefused(t *testing.T) {
	negative, two := -1, 2
	cases := map[string]struct {
		component, name string
		with            cluster.Workload
		want            []string
	}{
		"misspelt workload":  {"cortex", "ingestor", cluster.Workload{}, []string{"components.cortex.workloads.ingestor: unknown workload", `did you mean "ingester"?`}},
		"other topology":     {"cortex", "cortex", cluster.Workload{}, []string{"unknown workload", "Its workloads in this topology are alertmanager, chunks-cache"}},
		"no such component":  {"cortx", "ingester", cluster.Workload{}, []string{"components.cortx.workloads.ingester: the component", "has no computed workloads"}},
		"negative replicas":  {"cortex", "querier", cluster.Workload{Replicas: &negative}, []string{"workloads.querier.replicas: -1 is negative"}},
		"second compactor":   {"loki", "compactor", cluster.Workload{Replicas: &two}, []string{"loki/compactor runs once", "delete requests"}},
		"memory not a size":  {"cortex", "querier", cluster.Workload{Memory: "lots"}, []string{`querier.memory: "lots" is not an amount`, "512Mi"}},
		"memory lacks unit":  {"cortex", "querier", cluster.Workload{Memory: "16"}, []string{`"16" is 16 bytes`, `"16Gi"?`}},
		"memory in milli":    {"cortex", "querier", cluster.Workload{Memory: "512m"}, []string{"thousandths of a byte", `"512Mi"`}},
		"cpu not a number":   {"cortex", "querier", cluster.Workload{CPU: "two"}, []string{`querier.cpu: "two" is not an amount of CPU`}},
		"cpu in thousandths": {"cortex", "querier", cluster.Workload{CPU: "2000"}, []string{"more than any machine has", `"2000m"`}},
		"zero memory":        {"cortex", "querier", cluster.Workload{Memory: "0"}, []string{"is not an amount of memory"}},
		"storage unit":       {"cortex", "ingester", cluster.Workload{Storage: "100"}, []string{`"100Gi"?`}},
		"autoscaled ring":    {"cortex", "ingester", cluster.Workload{MaxReplicas: 9}, []string{"ingester.maxReplicas: cortex/ingester is not for an autoscaler", "cortex/distributor"}},
		"less than least":    {"cortex", "querier", cluster.Workload{Replicas: &two, MaxReplicas: 1}, []string{"querier.maxReplicas: 1 is below the 2 replicas"}},
		"no volume":          {"cortex", "querier", cluster.Workload{Storage: "10Gi"}, []string{"cortex/querier has no volume"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := sizing.Compute(capacity(1e6, 100e9, workloads(tc.component, tc.name, tc.with)), 1)
			if err == nil {
				t.Fatal("the override was accepted")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the message lacks %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := sizing.Compute(capacity(1e6, 100e9, workloads("cortex", "querier", cluster.Workload{CPU: "x", Memory: "y"})), 1)
	problems, ok := err.(sizing.Problems)
	if !ok || len(problems) != 2 {
		t.Errorf("want both problems, got %v", err)
	}
}

// TestLocate checks that a problem is shown at its line of cluster.yaml.
func TestLocate(t *testing.T) {
	text := "domain: obs.example.com\nprovider: {name: existing}\nsource: {url: \"https://example.com/a\", branch: main}\ncapacity:\n" +
		"  metrics: {activeSeries: 1M, retention: 30d}\n  logs: {bytesPerDay: 1GB, retention: 30d}\ncomponents:\n  cortex:\n    workloads:\n      ingestor: {cpu: \"2\"}\n"
	c := &cluster.Cluster{Name: "prod"}
	file, err := document.Decode("clusters/prod/cluster.yaml", []byte(text), c)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDefaults("1.36")
	_, err = sizing.Compute(c, 1)
	if got := sizing.Locate(err, file).Error(); !strings.HasPrefix(got, "clusters/prod/cluster.yaml:10:") {
		t.Errorf("the problem reads:\n%s", got)
	}
	if sizing.Locate(nil, file) != nil {
		t.Error("no problem became one")
	}
}
