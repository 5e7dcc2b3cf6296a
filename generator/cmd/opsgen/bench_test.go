package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The benchmark's tenants: each has rules with a test, alerting, and a dashboard.
const (
	benchRules = `groups:
  - name: latency
    rules:
      - record: job:request_duration_seconds:p99_5m
        expr: histogram_quantile(0.99, sum by (job, le) (rate(request_duration_seconds_bucket[5m])))
      - alert: Slow
        expr: job:request_duration_seconds:p99_5m > 1
        for: 10m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.job }} takes {{ $value }} s"}
`
	benchTests = `rule_files: [../latency.yaml]
evaluation_interval: 1m
tests:
  - name: ten slow minutes call somebody
    interval: 1m
    input_series:
      - {series: 'request_duration_seconds_bucket{job="api", le="2"}', values: 0+60x30}
      - {series: 'request_duration_seconds_bucket{job="api", le="+Inf"}', values: 0+60x30}
    alert_rule_test:
      - eval_time: 12m
        alertname: Slow
        exp_alerts: [{exp_labels: {severity: page, job: api}, exp_annotations: {summary: api takes 1.98 s}}]
`
	benchAlerting = `route: {receiver: chat, routes: [{matchers: ['severity="page"'], receiver: chat}]}
receivers: [{name: chat, slack_configs: [{api_url: "${secret:slack/url}", channel: "#team"}]}]
`
	benchDashboard = `{"uid": "api", "title": "API", "schemaVersion": 41, "panels": [{"id": 1, "type": "timeseries", "title": "p99",
"datasource": {"type": "prometheus", "uid": "metrics"}, "targets": [{"refId": "A", "expr": "job:request_duration_seconds:p99_5m"}]}]}
`
)

// BenchmarkOneOfMany compares what one changed tenant among 1,000 costs validate, test and diff with what all of them cost,
// in processor time of whole processes. Packages come from the user's cache. One iteration is enough:
//
//	go test ./generator/cmd/opsgen -run xxx -bench OneOfMany -benchtime 1x -timeout 30m
func BenchmarkOneOfMany(b *testing.B) {
	const tenants = 1000
	for b.Loop() {
		bench := newBench(b, tenants)
		validate, test := bench.opsgen("validate"), bench.opsgen("test")
		bench.opsgen("render")
		bench.git("add", ".")
		bench.git("commit", "-q", "-m", "Begin")
		diff := bench.opsgen("diff", "--no-cache")
		bench.write("tenants/team-0005/tenant.yaml", "clusters: [example-aws]\nclass: small\nmetrics: {activeSeries: 2000}\n")
		for name, times := range map[string][2]time.Duration{
			"validate": {bench.opsgen("validate", "--changed", "HEAD"), validate},
			"test":     {bench.opsgen("test", "--changed", "HEAD"), test},
			"diff":     {bench.opsgen("diff"), diff},
		} {
			b.ReportMetric(times[0].Seconds(), name+"-one-s")
			b.ReportMetric(times[1].Seconds(), name+"-all-s")
			b.ReportMetric(times[1].Seconds()/times[0].Seconds(), name+"-all/one")
		}
	}
}

// bench is a repository with many tenants in one cluster.
type bench struct {
	*testing.B
	root, program string
}

func newBench(b *testing.B, tenants int) *bench {
	b.Helper()
	o := &bench{B: b, root: b.TempDir()}
	var err error
	if o.program, err = exec.LookPath("opsgen"); err != nil { // testscript made it, of this test's binary
		b.Fatal(err)
	}
	for _, name := range []string{"versions.yaml", "bases", "overlays"} {
		if err := copyMissing(filepath.Join("../../..", name), filepath.Join(o.root, name)); err != nil {
			b.Fatal(err)
		}
	}
	cluster, err := os.ReadFile("../../../clusters/example-aws/cluster.yaml")
	if err != nil {
		b.Fatal(err)
	}
	o.write("clusters/example-aws/cluster.yaml", strings.Replace(string(cluster), "maxNodes: 24", "maxNodes: 400", 1))
	for i := range tenants {
		folder := fmt.Sprintf("tenants/team-%04d/", i)
		o.write(folder+"tenant.yaml", fmt.Sprintf("clusters: [example-aws]\nclass: small\nmetrics: {activeSeries: %d}\n", 1000+i))
		o.write(folder+"rules/latency.yaml", benchRules)
		o.write(folder+"rules/tests/latency.yaml", benchTests)
		o.write(folder+"alertmanager.yaml", benchAlerting)
		o.write(folder+"dashboards/api.json", benchDashboard)
	}
	o.git("init", "-q", "-b", "main")
	o.git("config", "user.name", "Somebody")
	o.git("config", "user.email", "somebody@example.com")
	o.git("config", "gc.auto", "0")
	o.git("add", ".")
	o.git("commit", "-q", "-m", "Tenants")
	return o
}

func (o *bench) write(name, text string) {
	o.Helper()
	file := filepath.Join(o.root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		o.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		o.Fatal(err)
	}
}

func (o *bench) git(arguments ...string) { o.run("git", arguments...) }

// opsgen runs the program, and answers how much processor time it took.
func (o *bench) opsgen(arguments ...string) time.Duration { return o.run(o.program, arguments...) }

func (o *bench) run(program string, arguments ...string) time.Duration {
	o.Helper()
	cmd := exec.Command(program, arguments...)
	cmd.Dir = o.root
	if text, err := cmd.CombinedOutput(); err != nil {
		o.Fatalf("%s %v: %v\n%.3000s", program, arguments, err, text)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
