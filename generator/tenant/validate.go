package tenant

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/opsgen/opsgen/generator/document"
)

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// Bounds of texts that people see.
const (
	maxDisplayName = 100
	maxOwners      = 50
	maxEntries     = 200
)

// Problems are what is wrong with a tenant by itself, whatever the cluster.
func (t *Tenant) Problems(doc *document.Document) document.Problems {
	c := &document.Collector{Document: doc}
	if t.ID != "" {
		if err := CheckID(t.ID); err != nil {
			c.Problems = append(c.Problems, doc.Problem("id", err.Error(), ""))
		}
	}
	if !printable(t.DisplayName, maxDisplayName) {
		c.Fail("displayName", "", "must be one line of at most %d characters that can be printed", maxDisplayName)
	}
	if len(t.Owners) > maxOwners || len(t.Access) > maxEntries || len(t.Clusters) > maxEntries {
		c.Fail("owners", "", "at most %d owners, %d clusters and %d entries of access are read", maxOwners, maxEntries, maxEntries)
	}
	for i, owner := range t.Owners {
		if owner == "" || !printable(owner, maxDisplayName) {
			c.Fail(fmt.Sprintf("owners[%d]", i), `Write a person or a group as your code host knows it, such as "@acme/payments".`, "is %q", owner)
		}
	}
	if len(t.Clusters) == 0 {
		c.Fail("clusters", `Write some of the folders of clusters/, or ["*"] for every one.`, "is empty: the tenant would live nowhere")
	}
	seen := map[string]bool{}
	for i, name := range t.Clusters {
		if name == "" {
			c.Fail(fmt.Sprintf("clusters[%d]", i), `Write the name of a folder of clusters/, or "*".`, "is empty")
		}
		if seen[name] {
			c.Fail(fmt.Sprintf("clusters[%d]", i), "Keep one of them.", "names %s a second time", name)
		}
		seen[name] = true
	}
	t.Metrics.problems(c)
	t.Grafana.problems(c)
	t.Exporters.Problems(c, "exporters")
	return c.Problems
}

func printable(text string, most int) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= most && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

func (m *Metrics) problems(c *document.Collector) {
	if m.ShardSize < 0 {
		c.Fail("metrics.shardSize", "Write 0 for all ingesters, or at least 3.", "is %d", m.ShardSize)
	}
	if m.HADedup == nil {
		return
	}
	for path, label := range map[string]string{"metrics.haDedup.clusterLabel": m.HADedup.ClusterLabel, "metrics.haDedup.replicaLabel": m.HADedup.ReplicaLabel} {
		if label != "" && !labelName.MatchString(label) {
			c.Fail(path, "Write letters, digits and underscores, no digit first.", "is %q, which is not a label's name", label)
		}
	}
	if own := m.HADedup.withDefaults(); own.ClusterLabel == own.ReplicaLabel {
		c.Fail("metrics.haDedup", "Name the label that differs between the two servers as replicaLabel.", "has %q for both labels", own.ClusterLabel)
	}
}

func (g *Grafana) problems(c *document.Collector) {
	for path, text := range map[string]string{"grafana.cpu": g.CPU, "grafana.memory": g.Memory, "grafana.storage": g.Storage} {
		if text == "" {
			continue
		}
		quantity, err := resource.ParseQuantity(text)
		if err != nil || quantity.Sign() <= 0 || quantity.CmpInt64(1<<45) > 0 {
			c.Fail(path, `Write it in Kubernetes notation: "500m" for half a core, "512Mi" or "2Gi" for memory and storage.`, "is %q", text)
		} else if path == "grafana.memory" && quantity.CmpInt64(leastMemory) < 0 {
			c.Fail(path, "Write 256Mi or more.", "is %s, with which Grafana does not start", text)
		}
	}
	if len(g.Plugins) > 0 {
		c.Fail("grafana.plugins", "Remove the field. Plug-ins that every tenant may have can be part of an image of your own (images.grafana in versions.yaml).",
			"cannot be had: Grafana has no way out to fetch %s, and its file system is read-only", strings.Join(g.Plugins, ", "))
	}
}

// leastMemory is less than what Grafana needs to start.
const leastMemory int64 = 200 << 20
