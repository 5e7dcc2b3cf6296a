// Package cortex_test freezes what tenants' limits are, and how large they may become.
package cortex_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/jsonnet"
)

const cluster = `{
	name: "prod", domain: "obs.example.com", provider: {name: "aws"}, tenantDefaults: {metrics: {outOfOrder: "5m"}},
	capacity: {metrics: {retention: "30d", maxQueryRange: "30d"}, logs: {retention: "30d", maxQueryRange: "30d", bytesPerDay: 5e11}},
}`

// data are the texts of the ConfigMap that a base makes for all tenants.
func data(t *testing.T, base, tenants, removed string) map[string]string {
	t.Helper()
	arguments := map[string]string{"cluster": cluster, "bundle": "{}", "tenants": tenants}
	if removed != "" {
		arguments["removed"] = removed
	}
	text, err := jsonnet.New("../..", nil).Evaluate("bases/"+base+"/tenants.jsonnet", arguments, nil)
	if err != nil {
		t.Fatal(err)
	}
	var objects []struct {
		Data map[string]string `json:"data"`
	}
	if err := json.Unmarshal(text, &objects); err != nil {
		t.Fatal(err)
	}
	return objects[0].Data
}

const usual = `samplesPerSecond: 10000, activeSeries: 150000, maxQueryRange: "30d", outOfOrder: "5m"`

func TestOverrides(t *testing.T) {
	for name, test := range map[string]struct {
		tenants, removed string
		want             map[string]any
	}{
		"a tenant like all others takes no room": {`[{id: "a", metrics: {retention: "30d", ` + usual + `}}]`, "[]", map[string]any{}},
		"limits go by the ID": {
			`[{name: "a", id: "a-k7x2q", metrics: {retention: "30d", shardSize: 6, ` + usual + `}}]`, "[]",
			map[string]any{"a-k7x2q": map[string]any{"ingestion_tenant_shard_size": 6.0}},
		},
		"pairs of Prometheus servers": {
			`[{id: "a", metrics: {retention: "30d", haDedup: {clusterLabel: "c", replicaLabel: "r"}, ` + usual + `}}]`, "[]",
			map[string]any{"a": map[string]any{"accept_ha_samples": true, "ha_cluster_label": "c", "ha_replica_label": "r"}},
		},
		"a removed tenant's data stays for as long as it was said": {
			"[]", `[{name: "b", id: "b-1", metricsRetention: "1y"}, {name: "c", id: "c"}]`,
			map[string]any{"b-1": map[string]any{"compactor_blocks_retention_period": "1y"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got struct {
				Overrides map[string]any `json:"overrides"`
			}
			if err := yaml.Unmarshal([]byte(data(t, "cortex", test.tenants, test.removed)["limits.yaml"]), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.Overrides); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// mostBytes is what the text of limits may have (generator/jsonnet).
const mostBytes = 980 << 10

// TestThousandsOfTenantsFitIntoAConfigMap counts what one tenant adds: each has its own number of series and one of fifty
// retentions, and differs from the cluster's defaults in everything.
func TestThousandsOfTenantsFitIntoAConfigMap(t *testing.T) {
	const few = 200
	var tenants []string
	for i := range 2 * few {
		tenants = append(tenants, fmt.Sprintf(`{name: "team-%04d", id: "team-%04d-k7x2q", clusters: ["prod"], class: "medium",
			metrics: {retention: "%dd", activeSeries: %d, samplesPerSecond: 67000, maxQueryRange: "29d", outOfOrder: "10m"},
			logs: {retention: "%dd", bytesPerDay: 5e9, streams: 20000, maxQueryRange: "20d"},
			grafana: {enabled: true, roles: {Editor: ["team-%04d"], Viewer: ["engineering"]}},
			access: [{namespace: "team-%04d", serviceAccount: "collector", scopes: ["metrics:write", "logs:write"]}]}`,
			i, i, 40+i%50, 1_000_000+i, 8+i%20, i, i))
	}
	list := func(n int) string {
		text, _ := json.Marshal(nil)
		text = text[:0]
		for _, tenant := range tenants[:n] {
			text = append(append(text, tenant...), ',')
		}
		return "[" + string(text) + "]"
	}
	for _, base := range []string{"cortex", "loki"} {
		size := func(n int) (bytes int) {
			for _, text := range data(t, base, list(n), "") {
				bytes += len(text)
			}
			return bytes
		}
		each := (size(2*few) - size(few)) / few
		fit := mostBytes / each
		t.Logf("%s: %d bytes a tenant, %d tenants in a ConfigMap", base, each, fit)
		if fit < 10_000 {
			t.Errorf("%s: %d bytes a tenant leave room for %d in a ConfigMap, and 10,000 were promised (docs/tenants.md)", base, each, fit)
		}
	}
}
