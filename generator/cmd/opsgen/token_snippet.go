package main

import (
	"slices"
	"strings"

	"github.com/opsgen/opsgen/proxy/config"
)

// agents are what token issue prints a configuration for.
var agents = []string{"prometheus", "datadog", "otel", "curl"}

// snippet is an agent's configuration for the cluster with a domain. It names a file or a variable for the token, which
// never stands in it: snippets are pasted into repositories.
func snippet(agent, domain string, granted []config.Scope) string {
	has := func(scope config.Scope) bool { return slices.Contains(granted, scope) }
	var text string
	switch agent {
	case "prometheus":
		text = prometheusSnippet
	case "datadog":
		text = datadogSnippet
		if has(config.LogsWrite) {
			text += datadogLogs
		}
	case "otel":
		text = otelSnippet
	default:
		text = curlSnippet(has)
	}
	return strings.ReplaceAll(text, "{domain}", domain)
}

const prometheusSnippet = `# prometheus.yml; put the token into the file
remote_write:
  - url: https://metrics.{domain}/api/v1/push
    authorization:
      credentials_file: /etc/prometheus/opsgen.token
`

const datadogSnippet = `# datadog.yaml; the token is the API key: DD_API_KEY="$(cat FILE)", or api_key here
dd_url: https://datadog.{domain}
`

const datadogLogs = `logs_enabled: true
logs_config:
  logs_dd_url: datadog.{domain}:443
  force_use_http: true
`

const otelSnippet = `# OpenTelemetry Collector; put the token into the file. Add the exporter to the pipelines of metrics and logs
extensions:
  bearertokenauth:
    filename: /etc/otelcol/opsgen.token
exporters:
  otlphttp:
    endpoint: https://otlp.{domain}
    auth:
      authenticator: bearertokenauth
service:
  extensions: [bearertokenauth]
`

// curlSnippet reads what the token may read; the token comes from a file, since arguments are seen by every user of a
// machine.
func curlSnippet(has func(config.Scope) bool) string {
	const head = `# TOKEN is the file with the token
`
	const auth = `curl -sS -H @<(printf 'Authorization: Bearer %s' "$(cat "$TOKEN")") `
	text := head
	if has(config.MetricsRead) {
		text += auth + "'https://metrics.{domain}/api/v1/query?query=up'\n"
	}
	if has(config.LogsRead) {
		text += auth + "'https://logs.{domain}/loki/api/v1/labels'\n"
	}
	if has(config.LogsWrite) {
		text += auth + "-H 'Content-Type: application/json' \\\n" +
			`  -d "{\"streams\":[{\"stream\":{\"app\":\"test\"},\"values\":[[\"$(date +%s)000000000\",\"hello\"]]}]}" ` +
			"'https://logs.{domain}/loki/api/v1/push'\n"
	}
	if text == head { // every token may ask whether it is valid
		text += `curl -sS -H @<(printf 'DD-API-KEY: %s' "$(cat "$TOKEN")") ` + "'https://datadog.{domain}/api/v1/validate'\n"
	}
	return text
}
