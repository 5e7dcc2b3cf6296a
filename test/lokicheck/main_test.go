package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRendered checks every rendered cluster of this repository, or those that LOKICHECK_RENDERED names (a pattern of
// paths). It fails where nothing was rendered: a check of nothing proves nothing.
func TestRendered(t *testing.T) {
	pattern := everyCluster
	if other := os.Getenv("LOKICHECK_RENDERED"); other != "" {
		pattern = other
	}
	folders, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) == 0 {
		t.Fatalf("no rendered cluster at %s; run `opsgen render` first", pattern)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(filepath.Dir(folder)), func(t *testing.T) {
			checked, err := check(folder)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d command lines", checked)
		})
	}
}

// The smallest cluster that passes; the tests below break it in one place each.
const (
	workload = `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: loki, namespace: loki}
spec:
  template:
    spec:
      containers:
      - name: loki
        image: docker.io/grafana/loki:3.7.8
        args: [-target=all, -config.file=/etc/loki/config/loki.yaml, -config.expand-env=true, -querier.max-concurrent=$(QUERIES)]
        env:
        - name: POD_IP
          valueFrom: {fieldRef: {fieldPath: status.podIP}}
        - {name: QUERIES, value: "4"}
        volumeMounts:
        - {name: config, mountPath: /etc/loki/config}
        - {name: limits, mountPath: /etc/loki/limits}
      volumes:
      - {name: config, configMap: {name: loki}}
      - {name: limits, configMap: {name: loki-limits}}
`
	config = `apiVersion: v1
kind: ConfigMap
metadata: {name: loki, namespace: loki}
data:
  loki.yaml: |
    common: {path_prefix: /data, instance_addr: "${POD_IP}", ring: {kvstore: {store: inmemory}}}
    schema_config:
      configs: [{from: "2024-01-01", store: tsdb, object_store: s3, schema: v13, index: {prefix: index_, period: 24h}}]
    limits_config: {retention_period: 30d}
    runtime_config: {file: /etc/loki/limits/limits.yaml}
`
	limits = `apiVersion: v1
kind: ConfigMap
metadata: {name: loki-limits, namespace: loki}
data:
  limits.yaml: |
    overrides:
      payments: {retention_period: 48h, ingestion_rate_mb: 2}
`
)

func TestMistakes(t *testing.T) {
	cases := map[string]struct {
		old, new string
		want     string // part of the message; empty: it is valid
	}{
		"nothing wrong": {},
		"limits that are shared": {"payments: {retention_period: 48h, ingestion_rate_mb: 2}",
			"payments: {<<: [&k48h {retention_period: 48h},&r2 {ingestion_rate_mb: 2, ingestion_burst_size_mb: 20}]}\n      search: {<<: [*k48h,*r2]}", ""},
		"a shared limit misspelt": {"payments: {retention_period: 48h, ingestion_rate_mb: 2}",
			"payments: {<<: [&k48h {retention_perod: 48h}]}\n      search: {<<: [*k48h]}", "field retention_perod not found"},
		"a misspelt key":         {"runtime_config: {file", "runtime_config: {flie", "field flie not found"},
		"a misspelt section":     {"schema_config:", "schema_confg:", "field schema_confg not found"},
		"a misspelt limit":       {"{retention_period: 48h", "{retention_perod: 48h", "field retention_perod not found"},
		"a misspelt default":     {"limits_config: {retention_period", "limits_config: {retention_perod", "field retention_perod not found"},
		"a limit of no duration": {"retention_period: 48h", "retention_period: soon", "not a valid duration"},
		"a selector of nothing":  {"retention_period: 48h", "retention_stream: [{selector: '{app=', period: 24h}]", "invalid labels matchers"},
		"a retention too short":  {"retention_period: 48h", "retention_stream: [{selector: '{app=\"a\"}', period: 1h}]", ">= 24h"},
		"a limit without tenant": {"overrides:\n      payments:", "payments:\n      overrides:", "field payments not found"},
		"a tenant without limit": {"payments: {retention_period: 48h, ingestion_rate_mb: 2}", "payments:", "payments has no limits"},
		"an unknown flag":        {"-querier.max-concurrent=", "-querier.max-concurent=", "flag provided but not defined"},
		"a flag of no number":    {`value: "4"`, `value: "four"`, "invalid value"},
		"a word among the flags": {"-config.expand-env=true", "expand", `"expand" is no flag`},
		"an unknown target":      {"-target=all", "-target=injester", "-target=injester is none of"},
		"an unknown schema":      {"schema: v13", "schema: v99", "schema"},
		"old schema":             {"schema: v13", "schema: v12", "schema v13 is required"},
		"no configuration":       {"-config.file=/etc/loki/config/loki.yaml", "-config.file=/etc/loki/loki.yaml", "does not exist"},
		"limits mounted apart":   {"mountPath: /etc/loki/limits", "mountPath: /etc/limits", "no mounted ConfigMap has"},
		"no limits named":        {"runtime_config: {file: /etc/loki/limits/limits.yaml}", "analytics: {reporting_enabled: false}", "names no file"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			text := workload + "---\n" + config + "---\n" + limits
			if tc.old != "" && strings.Count(text, tc.old) != 1 {
				t.Fatalf("the fixture has %q %d times, not once", tc.old, strings.Count(text, tc.old))
			}
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "all.yaml"), []byte(strings.Replace(text, tc.old, tc.new, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			checked, err := check(folder)
			switch {
			case tc.want == "" && (err != nil || checked != 1):
				t.Errorf("%d checked, %v", checked, err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestNothing says that a check of nothing is no success.
func TestNothing(t *testing.T) {
	folder := t.TempDir()
	if _, err := check(folder); err == nil || !strings.Contains(err.Error(), "no manifests") {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "config.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := check(folder); err == nil || !strings.Contains(err.Error(), "no container of Loki") {
		t.Errorf("a folder without Loki: %v", err)
	}
	if err := run([]string{filepath.Join(folder, "missing")}); err == nil {
		t.Error("a missing folder is accepted")
	}
}
