package config_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/jsonnet"
	"github.com/opsgen/opsgen/syncer/config"
)

// files are the data of all ConfigMaps that the base makes.
func files(t *testing.T, cluster string) map[string]string {
	t.Helper()
	text, err := jsonnet.New("../..", nil).Evaluate("bases/syncer/main.jsonnet", map[string]string{"cluster": cluster, "bundle": "{}"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var objects []any
	if err := json.Unmarshal(text, &objects); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, entry := range objects {
		object, _ := entry.(map[string]any)
		data, _ := object["data"].(map[string]any)
		for name, content := range data {
			found[name] = content.(string)
		}
	}
	return found
}

func TestTheSyncerReadsWhatItsBaseWrites(t *testing.T) {
	grafana := config.GeneratedSecret{Name: "grafana", NamespaceSelector: "opsgen.dev/tenant", Keys: map[string]int{"secret-key": 40}}
	store := config.GeneratedSecret{
		Name:       "object-store",
		Namespaces: []string{"object-store", "cortex", "loki"},
		Keys:       map[string]int{"access-key": 20, "secret-key": 40},
	}
	for name, test := range map[string]struct {
		bundled string
		want    []config.GeneratedSecret
	}{
		"its own object storage": {"true", []config.GeneratedSecret{grafana, store}},
		"a cloud's":              {"false", []config.GeneratedSecret{grafana}},
	} {
		t.Run(name, func(t *testing.T) {
			text := files(t, `{
				bundledStorage: `+test.bundled+`, objectStorage: {secret: "object-store"},
				enabled: {cortex: true, loki: true, "object-store": true},
				sizing: {syncer: {syncer: {replicas: 1, cpu: "1", memory: "1Gi", memoryBytes: 1073741824}}},
			}`)[config.FileName]
			c, err := config.Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, c.GeneratedSecrets); diff != "" {
				t.Errorf("generated secrets (-want +got):\n%s", diff)
			}
		})
	}
}
