package sizing_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/sizing"
)

const page = "../../docs/sizing.md"

// TestDocument keeps the table in docs/sizing.md true.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const start, end = "-update` -->\n", "<!-- end of sizes -->"
	before, rest, ok := strings.Cut(string(data), start)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has lost the marks around its table", page)
	}
	want := before + start + documentTable(t) + end + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(data) != want {
		t.Errorf("the table in %s is out of date; run go test ./generator/sizing -update", page)
	}
}

func documentTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| cluster | tenants | pods | CPU | memory | volumes | nodes | Cortex ingesters | Loki ingesters |\n|---|---|---|---|---|---|---|---|---|\n")
	add := func(name string, c *cluster.Cluster, tenants int) {
		s := compute(t, c, tenants)
		sum := sizing.Total(s)
		fmt.Fprintf(&b, "| %s | %d | %d | %.0f | %d GiB | %d GiB | %d | %s | %s |\n", name, tenants, sum.Pods, sum.CPU, sum.Memory>>30, sum.Storage>>30,
			sizing.Nodes(s, ""), ingesters(s["cortex"]), ingesters(s["loki"]))
	}
	for _, name := range []string{"example-aws", "example-gcp", "example-local"} {
		c := example(t, name)
		add(fmt.Sprintf("`%s`: %s series %s, %s a day %s", name, c.Capacity.Metrics.ActiveSeries, c.Capacity.Metrics.Retention,
			c.Capacity.Logs.BytesPerDay, c.Capacity.Logs.Retention), c, 3)
	}
	for _, size := range sizes() {
		m, l := size.cluster.Capacity.Metrics, size.cluster.Capacity.Logs
		note := ""
		switch {
		case size.cluster.Options.Topology == cluster.SingleBinary:
			note = ", single binary"
		case size.cluster.Options.Replication == 1:
			note = ", one copy"
		}
		add(fmt.Sprintf("%s series %s, %s a day %s%s", m.ActiveSeries, m.Retention, l.BytesPerDay, l.Retention, note), size.cluster, size.tenants)
	}
	return b.String()
}

func ingesters(workloads map[string]sizing.Workload) string {
	w, ok := workloads["ingester"]
	if !ok {
		return "none"
	}
	return fmt.Sprintf("%d × %d of %s", w.Zones, w.Replicas, w.Memory)
}

// example reads one of the repository's own clusters.
func example(t *testing.T, name string) *cluster.Cluster {
	t.Helper()
	file := "../../clusters/" + name + "/cluster.yaml"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster.Cluster{Name: name}
	if _, err := document.Decode(file, data, c); err != nil {
		t.Fatal(err)
	}
	c.SetDefaults("1.36")
	return c
}
