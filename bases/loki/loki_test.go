// Package loki_test says what of Loki's limits and storage must not change without being noticed.
package loki_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/jsonnet"
)

const cluster = `{
	name: "prod", domain: "obs.example.com", zones: [], enabled: { loki: true, cortex: true },
	options: { topology: "single-binary", replication: 1 }, bundledStorage: false,
	provider: { name: "aws", storage: { logs: "prod-logs", rules: "prod-rules" } },
	objectStorage: { kind: "s3", endpoint: "", region: "eu-central-1", insecure: false, pathStyle: false, secret: "" },
	capacity: { logs: { bytesPerDay: 2e9, retention: "30d", maxQueryRange: "30d" } },
	sizing: { loki: { loki: { replicas: 1, cpu: "1", memory: "1Gi", memoryBytes: 1073741824, storage: "10Gi" } } },
}`

// configuration is what a file of bases/loki puts into the ConfigMap of a name, under its only key.
func configuration(t *testing.T, file, name string, arguments map[string]string) map[string]any {
	t.Helper()
	arguments["bundle"] = "{}"
	text, err := jsonnet.New("../..", nil).Evaluate("bases/loki/"+file, arguments, nil)
	if err != nil {
		t.Fatal(err)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	for _, entry := range list {
		var object struct {
			Kind     string
			Metadata struct{ Name string }
			Data     map[string]string
		}
		if json.Unmarshal(entry, &object) != nil || object.Kind != "ConfigMap" || object.Metadata.Name != name {
			continue // nested lists are other objects
		}
		for _, text := range object.Data {
			var value map[string]any
			if err := yaml.Unmarshal([]byte(text), &value); err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	t.Fatalf("%s makes no ConfigMap %s", file, name)
	return nil
}

func overrides(t *testing.T, tenants string) any {
	t.Helper()
	return configuration(t, "tenants.jsonnet", "loki-limits", map[string]string{"cluster": cluster, "tenants": tenants})["overrides"]
}

func TestLimits(t *testing.T) {
	cases := map[string]struct {
		logs string
		want any
	}{
		"a tenant like all others takes no room": {`bytesPerDay: 20e9, streams: 5000, retention: "30d", maxQueryRange: "30d"`, map[string]any{}},
		"a day's volume is spread over the day": {
			`bytesPerDay: 905969664000, streams: 5000, retention: "30d", maxQueryRange: "30d"`,
			map[string]any{"payments": map[string]any{"ingestion_rate_mb": 10.0, "ingestion_burst_size_mb": 1000.0}},
		},
		"a small tenant can still push a large batch": {
			`bytesPerDay: 1e6, streams: 5000, retention: "30d", maxQueryRange: "30d"`,
			map[string]any{"payments": map[string]any{"ingestion_rate_mb": 0.015625, "ingestion_burst_size_mb": 16.0}},
		},
		"what is kept can be queried": {
			`bytesPerDay: 20e9, streams: 5000, retention: "90d", maxQueryRange: "36h"`,
			map[string]any{"payments": map[string]any{"retention_period": "90d", "max_query_lookback": "90d", "max_query_length": "37h"}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, overrides(t, `[{ name: "payments", id: "payments", logs: {`+tc.logs+`} }]`)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestShortRetention: Loki would accept it, and keep the lines for a day.
func TestShortRetention(t *testing.T) {
	_, err := jsonnet.New("../..", nil).Evaluate("bases/loki/tenants.jsonnet", map[string]string{
		"cluster": cluster, "bundle": "{}",
		"tenants": `[{ name: "payments", id: "payments", logs: { bytesPerDay: 1e9, streams: 10, retention: "12h", maxQueryRange: "12h" } }]`,
	}, nil)
	if err == nil || !strings.Contains(err.Error(), "write 1d or more") {
		t.Errorf("got %v", err)
	}
}

// TestStorage: lines and rules are lost from sight when their bucket, prefix or schema changes.
func TestStorage(t *testing.T) {
	cases := map[string]struct {
		change      string
		kind        string
		logs, rules map[string]any
	}{
		"aws": {
			"", "s3",
			map[string]any{"bucket_name": "prod-logs", "endpoint": "s3.eu-central-1.amazonaws.com", "send_content_md5": false, "bucket_lookup_type": "auto"},
			map[string]any{"bucket_name": "prod-rules"},
		},
		"gcp": {
			`{ provider+: { name: "gcp" }, objectStorage+: { kind: "gcs" } }`, "gcs",
			map[string]any{"bucket_name": "prod-logs"},
			map[string]any{"bucket_name": "prod-rules"},
		},
		"another S3": {
			`{ provider+: { name: "existing" }, objectStorage+: { endpoint: "s3.acme.example:9000", region: "", pathStyle: true, secret: "keys" } }`, "s3",
			map[string]any{"bucket_name": "prod-logs", "endpoint": "s3.acme.example:9000", "region": "us-east-1", "send_content_md5": true, "bucket_lookup_type": "path"},
			map[string]any{"bucket_name": "prod-rules", "endpoint": "s3.acme.example:9000"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			argument := cluster
			if tc.change != "" {
				argument += " + " + tc.change
			}
			config := configuration(t, "main.jsonnet", "loki", map[string]string{"cluster": argument})
			schema := at(config, "schema_config", "configs").([]any)
			want := []any{map[string]any{
				"from": "2024-01-01", "store": "tsdb", "object_store": tc.kind, "schema": "v13",
				"index": map[string]any{"prefix": "index_", "period": "24h"},
			}}
			if diff := cmp.Diff(want, schema); diff != "" {
				t.Errorf("schema (-want +got):\n%s", diff)
			}
			has(t, tc.logs, at(config, "storage_config", "object_store", tc.kind))
			has(t, tc.rules, at(config, "ruler_storage", tc.kind))
			// Cortex keeps its rules in the same bucket.
			if prefix := at(config, "ruler_storage", "storage_prefix"); prefix != "loki" {
				t.Errorf("rules are kept below %v", prefix)
			}
		})
	}
}

func at(value any, path ...string) any {
	for _, key := range path {
		value = value.(map[string]any)[key]
	}
	return value
}

func has(t *testing.T, want map[string]any, got any) {
	t.Helper()
	for key, value := range want {
		if at(got, key) != value {
			t.Errorf("%s is %v, want %v", key, at(got, key), value)
		}
	}
}
