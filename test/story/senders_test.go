package story

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	core "k8s.io/api/core/v1"

	"github.com/opsgen/opsgen/test/image"
)

// What every sender scrapes and reads: so many series, whose values are their numbers, and so many lines of a file.
const (
	sentSeries = 300
	sentLines  = 1000
)

// source is a container with a page of metrics and a file of lines.
func source() core.Container {
	script := fmt.Sprintf(`mkdir -p %[1]s/www %[1]s/logs
busybox seq 1 %[2]d | while read n; do echo "sender_value{n=\"$n\"} $n"; done >%[1]s/www/metrics
busybox seq 1 %[3]d | while read n; do echo "line $n of the sender"; done >%[1]s/logs/sender.log
exec busybox httpd -f -p 8000 -h %[1]s/www`, scratch, sentSeries, sentLines)
	return core.Container{Name: "source", Image: image.Shell, Command: []string{"/bin/sh", "-c", script}, ReadinessProbe: serves("/metrics", 8000)}
}

// scrape is a Prometheus job for the source. Its page names no format, as a plain file does not.
func scrape(job string) string {
	return `
  - job_name: ` + job + `
    scrape_interval: 5s
    fallback_scrape_protocol: PrometheusText0.0.4
    static_configs: [{targets: ["localhost:8000"]}]
`
}

// agent is Prometheus in agent mode with what `opsgen token issue --for prometheus` printed. It scrapes itself too.
func (s *Story) agent(token, snippet string) Guest {
	config := "scrape_configs:" + scrape("prometheus") + `
  - job_name: itself
    scrape_interval: 5s
    static_configs: [{targets: ["localhost:9090"]}]
` + snippet
	return Guest{
		Namespace: "elsewhere", Name: "prometheus",
		Files: map[string]string{"/etc/prometheus/prometheus.yml": config, "/etc/prometheus/opsgen.token": token},
		Containers: []core.Container{source(), {
			Name: "prometheus", Image: image.Prometheus, ReadinessProbe: serves("/-/ready", 9090),
			Args: []string{"--agent", "--config.file=/etc/prometheus/prometheus.yml", "--storage.agent.path=" + scratch + "/agent"},
		}},
	}
}

// gather is the part of a Collector's configuration that the team writes: what it scrapes and reads, and what becomes of it.
func gather(name, metrics, logs string) string {
	return `
receivers:
  prometheus:
    config:
      scrape_configs:` + strings.ReplaceAll(scrape(name), "\n", "\n      ") + `
  filelog:
    include: [` + scratch + `/logs/*.log]
    start_at: beginning
    resource: {service.name: ` + name + `}
processors:
  batch: {}
service:
  pipelines:
    metrics: {receivers: [prometheus], processors: [batch], exporters: [` + metrics + `]}
    logs: {receivers: [filelog], processors: [batch], exporters: [` + logs + `]}
`
}

// collector is an OpenTelemetry Collector with an exporter's configuration in a file of its own.
func collector(namespace, name, exporter string, files map[string]string) Guest {
	g := Guest{
		Namespace: namespace, Name: name, Files: map[string]string{"/etc/otelcol/exporter.yaml": exporter},
		Containers: []core.Container{source(), {
			Name: "collector", Image: image.Collector,
			Args: []string{"--config=/etc/otelcol/gather.yaml", "--config=/etc/otelcol/exporter.yaml"},
		}},
	}
	for file, text := range files {
		g.Files[file] = text
	}
	return g
}

// senders starts agents outside of the cluster's trust, in a namespace that the bundle knows nothing of.
func (s *Story) senders(ctx context.Context) (string, error) {
	const writes = "metrics:write,logs:write"
	token, snippet, err := s.issue(ctx, team, "metrics:write", "prometheus")
	if err != nil {
		return "", err
	}
	guests := []Guest{s.agent(token, snippet)}
	if token, snippet, err = s.issue(ctx, team, writes, "otel"); err != nil {
		return "", err
	}
	guests = append(guests, collector("elsewhere", "otel", snippet, map[string]string{
		"/etc/otelcol/gather.yaml": gather("otel", "otlphttp", "otlphttp"), "/etc/otelcol/opsgen.token": token,
	}))
	return "Prometheus as agent, OpenTelemetry Collector", s.Invite(ctx, guests...)
}

// arrivedWhole waits until everything that a sender took was written: each of at least six scrapes with each series, each
// line exactly once, and nothing of it with another tenant.
func (s *Story) arrivedWhole(ctx context.Context, tokens map[string]string, jobs, logs []string) (string, error) {
	var text []string
	for _, job := range jobs {
		scrapes, err := s.scrapes(ctx, tokens, job)
		if err != nil {
			return "", err
		}
		text = append(text, fmt.Sprintf("%s %d×%d", job, scrapes, sentSeries))
	}
	for _, name := range logs {
		if err := s.sentLogs(ctx, tokens, name); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s; %d lines of %d", strings.Join(text, ", "), sentLines*len(logs), len(logs)), nil
}

func (s *Story) scrapes(ctx context.Context, tokens map[string]string, job string) (int, error) {
	for {
		// Senders wait for up to five seconds before they send.
		at := time.Now().Add(-15 * time.Second)
		ask := func(tenant, query string) (float64, error) {
			return s.Door.Count(ctx, tokens[tenant], fmt.Sprintf(query, job), at)
		}
		scrapes, err1 := ask(team, `sum(count_over_time(up{job="%s"}[1h]))`)
		samples, err2 := ask(team, `sum(count_over_time(sender_value{job="%s"}[1h]))`)
		sum, err3 := ask(team, `sum(sum_over_time(sender_value{job="%s"}[1h]))`)
		foreign, err4 := ask(other, `sum(count_over_time({job="%s"}[1h]))`)
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			return 0, err
		}
		if foreign != 0 {
			return 0, fmt.Errorf("%s reads %v samples of %s", other, foreign, job)
		}
		if scrapes >= 6 && samples == scrapes*sentSeries && sum == scrapes*sentSeries*(sentSeries+1)/2 {
			return int(scrapes), nil
		}
		if pause(ctx, 2*time.Second) != nil {
			return 0, fmt.Errorf("%s: %v scrapes of %d series are %v samples, which sum to %v", job, scrapes, sentSeries, samples, sum)
		}
	}
}

func (s *Story) sentLogs(ctx context.Context, tokens map[string]string, name string) error {
	for {
		ask := func(tenant, query string) (float64, error) {
			return s.Door.CountLogs(ctx, tokens[tenant], fmt.Sprintf(query, name), time.Now())
		}
		lines, err1 := ask(team, `sum(count_over_time({service_name="%s"}[1h]))`)
		sum, err2 := ask(team, "sum(sum_over_time({service_name=\"%s\"} | regexp `line (?P<n>[0-9]+) of` | unwrap n [1h]))")
		foreign, err3 := ask(other, `sum(count_over_time({service_name="%s"}[1h]))`)
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		if foreign != 0 {
			return fmt.Errorf("%s reads %v lines of %s", other, foreign, name)
		}
		if lines == sentLines && sum == sentLines*(sentLines+1)/2 {
			return nil
		}
		if pause(ctx, 2*time.Second) != nil {
			return fmt.Errorf("%s: %v lines of %d, whose numbers sum to %v", name, lines, sentLines, sum)
		}
	}
}

// lossless asks Prometheus' own account of what it sent, by the proxy: it is among what it sent.
func (s *Story) lossless(ctx context.Context, token string) (string, error) {
	sent, err := s.Door.Count(ctx, token, `sum(prometheus_remote_storage_samples_total{job="itself"})`, time.Now())
	if err != nil {
		return "", err
	}
	lost, err := s.Door.Count(ctx, token,
		`sum({__name__=~"prometheus_remote_storage_samples_(failed|dropped|retried)_total", job="itself"})`, time.Now())
	if err != nil || sent == 0 || lost != 0 {
		return "", errors.Join(fmt.Errorf("Prometheus sent %v samples and lost or repeated %v", sent, lost), err)
	}
	return fmt.Sprintf("Prometheus sent %v samples, none again, none in vain", sent), nil
}
