package diff_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/diff"
)

// fieldsOf are all fields of a cluster's changes, as a person reads them.
func fieldsOf(c *diff.Cluster) []string {
	var lines []string
	for _, g := range c.Groups {
		for _, change := range g.Changes {
			line := change.Kind + " " + change.Object
			if change.From != "" {
				line += " from " + change.From
			}
			if change.Effect != "" {
				line += ", " + change.Effect
			}
			lines = append(lines, line)
			for _, f := range change.Fields {
				lines = append(lines, "  "+f.String())
			}
		}
	}
	return lines
}

func TestChanges(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*testing.T, map[string]string)
		want   []string
	}{
		"a field within a configuration file": {change: edit(lokiConfig, "ingestion_rate_mb: 4", "ingestion_rate_mb: 8"), want: []string{
			"changed ConfigMap loki/loki, reloaded live", "  data[loki.yaml].limits_config.ingestion_rate_mb: 4 → 8",
		}},
		"a configuration that is read at the restart": {
			change: all(edit(cortexConfig, "150000", "160000"), edit(zoneA, `config-hash: "1"`, `config-hash: "2"`)), want: []string{
				"changed ConfigMap cortex/cortex, read at the restart", "  data[cortex.yaml].limits.max_global_series_per_user: 150000 → 160000",
				"changed StatefulSet cortex/ingester-zone-a, restarts 2 pods", "  spec.template.metadata.annotations[opsgen.dev/config-hash]: 1 → 2",
			},
		},
		"an argument and an image of a container": {change: edit(zoneA, `cortex:v1.21.1", args: [-target=ingester, -zone=a]`, `cortex:v1.21.2", args: [-zone=a, -target=all]`), want: []string{
			"changed StatefulSet cortex/ingester-zone-a, restarts 2 pods",
			"  spec.template.spec.containers[cortex].args[-target]: ingester → all",
			"  spec.template.spec.containers[cortex].args order: -target, -zone → -zone, -target",
			"  spec.template.spec.containers[cortex].image: quay.io/cortexproject/cortex:v1.21.1 → quay.io/cortexproject/cortex:v1.21.2",
		}},
		"a number of pods": {change: edit(querier, "replicas: 2", "replicas: 5"), want: []string{
			"changed Deployment cortex/querier, 2 → 5 pods", "  spec.replicas: 2 → 5",
		}},
		"an alert's expression": {change: edit(searchRules, "latency > 1", "latency > 2"), want: []string{
			"changed ConfigMap tenant-search/rules-metrics-slo, reloaded live", "  data[slo.yaml].groups[slo].rules[TooSlow].expr: latency > 1 → latency > 2",
		}},
		"an object under another name": {change: edit(querier, "{name: querier, namespace", "{name: reader, namespace"), want: []string{
			"renamed Deployment cortex/reader from Deployment cortex/querier",
		}},
		"an object of another Kustomization": {change: rename(querier, "platform/reading/deployment-querier.yaml"), want: []string{
			"moved Deployment cortex/querier from platform/cortex",
		}},
		"a text without structure": {
			change: with("platform/cortex/configmap-text.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: text, namespace: cortex}\ndata: {grafana.ini: \"a\\nb\\n\"}"),
			want:   []string{"added ConfigMap cortex/text"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(test.want, fieldsOf(compare(t, nil, test.change))); d != "" {
				t.Error(d)
			}
		})
	}
}

// Indexes and lists of files are how Flux finds objects, and no object themselves; so are comments and the order of keys.
func TestNothingChanges(t *testing.T) {
	for name, change := range map[string]func(*testing.T, map[string]string){
		"a list of files":   edit("platform/cortex/kustomization.yaml", "configmap-cortex.yaml", "configmap-cortex.yaml, more.yaml"),
		"the order of keys": edit(lokiConfig, "retention_period: 720h, ingestion_rate_mb: 4", "ingestion_rate_mb: 4.0, retention_period: 720h"),
		"a comment":         edit(querier, "replicas: 2", "replicas: 2 # enough"),
	} {
		t.Run(name, func(t *testing.T) {
			files := world()
			change(t, files)
			cluster, err := diff.Compare(diff.Trees{Name: "prod", Old: treeOf(world()), New: treeOf(files)}, nil)
			if err != nil || cluster != nil {
				t.Errorf("%+v, %v", cluster, err)
			}
		})
	}
}
