package route

import (
	"net/http"
	"strings"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/datadog"
)

// entry is a line of a component's table.
type entry struct {
	methods string // separated by spaces
	path    string // the upstream's; for patterns its prefix
	aliases []string
	name    string
	kind    Kind
	scope   config.Scope
}

// adder adds entries of one upstream to the tables that have it.
type adder struct {
	tables    []*routes
	component string
	upstream  string
}

func (a adder) add(entries ...entry) {
	for _, e := range entries {
		for _, path := range append([]string{e.path}, e.aliases...) {
			for method := range strings.FieldsSeq(e.methods) {
				for _, table := range a.tables {
					table.at(method, path, a.match(e, method))
				}
			}
		}
	}
}

// patterns adds entries whose path goes on with what p says.
func (a adder) patterns(kind parameter, suffix string, entries ...entry) {
	for _, e := range entries {
		for _, prefix := range append([]string{e.path}, e.aliases...) {
			for method := range strings.FieldsSeq(e.methods) {
				for _, table := range a.tables {
					table.pattern(method, pattern{prefix: prefix, suffix: suffix, kind: kind, rewrite: e.path}, a.match(e, method))
				}
			}
		}
	}
}

// match fills what all requests of an entry have in common. Only reading is idempotent here: samples sent twice are
// rejected as duplicates by Cortex in the common case only, and agents try again themselves.
func (a adder) match(e entry, method string) Match {
	reads := e.scope == config.MetricsRead || e.scope == config.LogsRead || e.scope == config.AlertsRead
	return Match{
		Name: e.name, Kind: e.kind, Scope: e.scope, Component: a.component, Upstream: a.upstream, Path: e.path,
		Idempotent: e.kind == Read && (method == http.MethodGet || reads),
		WebSocket:  e.kind == Stream,
	}
}

func addMetrics(tables []*routes, up config.MetricsUpstreams) {
	adder{tables, Metrics, up.Distributor}.add(
		entry{"POST", "/api/v1/push", nil, "metrics_push", Write, config.MetricsWrite},
	)
	// On the host of metrics, OTLP has the path that Cortex documents.
	adder{tables, OTLP, up.Distributor}.add(
		entry{"POST", "/api/v1/otlp/v1/metrics", nil, "metrics_otlp", Write, config.MetricsWrite},
	)
	query := adder{tables, Metrics, up.QueryFrontend}
	for _, e := range []entry{
		{"GET POST", "query", nil, "metrics_query", Read, config.MetricsRead},
		{"GET POST", "query_range", nil, "metrics_query_range", Read, config.MetricsRead},
		{"GET POST", "query_exemplars", nil, "metrics_exemplars", Read, config.MetricsRead},
		{"GET POST", "format_query", nil, "metrics_parse", Read, config.MetricsRead},
		{"GET POST", "parse_query", nil, "metrics_parse", Read, config.MetricsRead},
		{"GET POST", "labels", nil, "metrics_labels", Read, config.MetricsRead},
		{"GET POST", "series", nil, "metrics_series", Read, config.MetricsRead},
		{"GET", "metadata", nil, "metrics_metadata", Read, config.MetricsRead},
		{"GET", "status/buildinfo", nil, "metrics_buildinfo", Read, config.MetricsRead},
		{"POST", "read", nil, "metrics_remote_read", Read, config.MetricsRead},
	} {
		e.aliases = []string{"/api/v1/" + e.path}
		e.path = "/prometheus/api/v1/" + e.path
		query.add(e)
	}
	query.patterns(oneName, "/values", entry{
		"GET", "/prometheus/api/v1/label/", []string{"/api/v1/label/"}, "metrics_label_values", Read, config.MetricsRead,
	})
	ruler := adder{tables, Metrics, up.Ruler}
	ruler.add(
		entry{"GET", "/prometheus/api/v1/rules", nil, "metrics_rules_state", Read, config.MetricsRead},
		entry{"GET", "/prometheus/api/v1/alerts", nil, "metrics_alerts_state", Read, config.MetricsRead},
	)
	// Grafana calls the configuration of a data source of type Prometheus at <URL>/rules.
	addRuleGroups(ruler, "/api/v1/rules", "/prometheus/rules", "metrics_rules", config.MetricsRead)
	addAlertmanager(adder{tables, Metrics, up.Alertmanager})
}

// addErasure adds Cortex' deletion of all that a tenant has. The threat is a token that can do that to a tenant that
// exists: so these paths are under no public host, and for removed tenants only, whatever the scopes.
func addErasure(internal *routes, up config.MetricsUpstreams) {
	if up.Purger == "" {
		return
	}
	for path, method := range map[string]string{"/purger/delete_tenant": "POST", "/purger/delete_tenant_status": "GET"} {
		internal.at(method, path, Match{
			Name: "metrics_erase", Kind: Read, Scope: config.DataDelete, Component: Metrics, Upstream: up.Purger, Path: path, Removed: true,
		})
	}
}

// addRuleGroups adds the ruler's API, which Cortex and Loki share but for the prefix.
func addRuleGroups(a adder, path, alias, name string, read config.Scope) {
	a.add(entry{"GET", path, []string{alias}, name, Read, read})
	for _, e := range []entry{
		{"GET", path + "/", []string{alias + "/"}, name, Read, read},
		{"POST DELETE", path + "/", []string{alias + "/"}, name, Read, config.RulesWrite},
	} {
		a.patterns(oneRule, "", e)
	}
	a.patterns(twoRules, "",
		entry{"GET", path + "/", []string{alias + "/"}, name, Read, read},
		entry{"DELETE", path + "/", []string{alias + "/"}, name, Read, config.RulesWrite},
	)
}

func addAlertmanager(a adder) {
	a.add(
		entry{"GET POST DELETE", "/api/v1/alerts", nil, "alertmanager_config", Read, config.AlertsConfigure},
		entry{"GET", "/alertmanager/api/v2/status", nil, "alertmanager_status", Read, config.AlertsRead},
		entry{"GET", "/alertmanager/api/v2/receivers", nil, "alertmanager_receivers", Read, config.AlertsRead},
		entry{"GET", "/alertmanager/api/v2/alerts", nil, "alertmanager_alerts", Read, config.AlertsRead},
		entry{"POST", "/alertmanager/api/v2/alerts", nil, "alertmanager_alerts", Write, config.AlertsWrite},
		entry{"GET", "/alertmanager/api/v2/alerts/groups", nil, "alertmanager_alerts", Read, config.AlertsRead},
		entry{"GET", "/alertmanager/api/v2/silences", nil, "alertmanager_silences", Read, config.AlertsRead},
		entry{"POST", "/alertmanager/api/v2/silences", nil, "alertmanager_silences", Read, config.AlertsWrite},
		entry{"GET", "/alertmanager", nil, "alertmanager_ui", Read, config.AlertsRead},
		entry{"GET", "/alertmanager/", nil, "alertmanager_ui", Read, config.AlertsRead},
		entry{"GET", "/alertmanager/script.js", nil, "alertmanager_ui", Read, config.AlertsRead},
		entry{"GET", "/alertmanager/favicon.ico", nil, "alertmanager_ui", Read, config.AlertsRead},
	)
	a.patterns(oneName, "",
		entry{"GET", "/alertmanager/api/v2/silence/", nil, "alertmanager_silences", Read, config.AlertsRead},
		entry{"DELETE", "/alertmanager/api/v2/silence/", nil, "alertmanager_silences", Read, config.AlertsWrite},
	)
	a.patterns(manyNames, "", entry{"GET", "/alertmanager/lib/", nil, "alertmanager_ui", Read, config.AlertsRead})
}

func addMetricsOTLP(tables []*routes, up config.MetricsUpstreams) {
	alias := entry{"POST", "/api/v1/otlp/v1/metrics", []string{"/v1/metrics"}, "metrics_otlp", Write, config.MetricsWrite}
	adder{tables, OTLP, up.Distributor}.add(alias)
}

func addLogs(tables []*routes, up config.LogsUpstreams) {
	adder{tables, Logs, up.Distributor}.add(
		entry{"POST", "/loki/api/v1/push", nil, "logs_push", Write, config.LogsWrite},
	)
	adder{tables, OTLP, up.Distributor}.add(
		entry{"POST", "/otlp/v1/logs", nil, "logs_otlp", Write, config.LogsWrite},
	)
	query := adder{tables, Logs, up.QueryFrontend}
	query.add(
		entry{"GET POST", "/loki/api/v1/query", nil, "logs_query", Read, config.LogsRead},
		entry{"GET POST", "/loki/api/v1/query_range", nil, "logs_query_range", Read, config.LogsRead},
		entry{"GET POST", "/loki/api/v1/labels", []string{"/loki/api/v1/label"}, "logs_labels", Read, config.LogsRead},
		entry{"GET POST", "/loki/api/v1/series", nil, "logs_series", Read, config.LogsRead},
		entry{"GET POST", "/loki/api/v1/index/stats", nil, "logs_index", Read, config.LogsRead},
		entry{"GET POST", "/loki/api/v1/index/volume", nil, "logs_index", Read, config.LogsRead},
		entry{"GET POST", "/loki/api/v1/index/volume_range", nil, "logs_index", Read, config.LogsRead},
		entry{"GET POST", "/loki/api/v1/patterns", nil, "logs_patterns", Read, config.LogsRead},
		entry{"GET POST", "/loki/api/v1/detected_labels", nil, "logs_detected", Read, config.LogsRead},
		entry{"GET POST", "/loki/api/v1/detected_fields", nil, "logs_detected", Read, config.LogsRead},
		entry{"GET POST", "/loki/api/v1/format_query", nil, "logs_parse", Read, config.LogsRead},
		entry{"GET", "/loki/api/v1/status/buildinfo", nil, "logs_buildinfo", Read, config.LogsRead},
	)
	query.patterns(oneName, "/values",
		entry{"GET POST", "/loki/api/v1/label/", nil, "logs_label_values", Read, config.LogsRead},
		entry{"GET POST", "/loki/api/v1/detected_field/", nil, "logs_detected", Read, config.LogsRead},
	)
	adder{tables, Logs, up.Querier}.add(
		entry{"GET", "/loki/api/v1/tail", nil, "logs_tail", Stream, config.LogsRead},
	)
	ruler := adder{tables, Logs, up.Ruler}
	ruler.add(
		entry{"GET", "/prometheus/api/v1/rules", nil, "logs_rules_state", Read, config.LogsRead},
		entry{"GET", "/prometheus/api/v1/alerts", nil, "logs_alerts_state", Read, config.LogsRead},
	)
	// Grafana calls the configuration of a data source of type Loki at <URL>/api/prom/rules.
	addRuleGroups(ruler, "/loki/api/v1/rules", "/api/prom/rules", "logs_rules", config.LogsRead)
	adder{tables, Logs, up.Compactor}.add(
		entry{"GET POST PUT DELETE", "/loki/api/v1/delete", nil, "logs_delete", Read, config.DataDelete},
	)
}

func addLogsOTLP(tables []*routes, up config.LogsUpstreams) {
	alias := entry{"POST", "/otlp/v1/logs", []string{"/v1/logs"}, "logs_otlp", Write, config.LogsWrite}
	adder{tables, OTLP, up.Distributor}.add(alias)
}

// addDatadog adds what an agent calls, as far as there is something behind it.
func addDatadog(table *routes, up config.Upstreams) {
	for _, r := range datadog.Routes() {
		if r.Scope == config.LogsWrite && up.Logs == nil || r.Scope == config.MetricsWrite && up.Metrics == nil {
			continue
		}
		kind := Datadog
		if r.Path == "/api/v1/validate" {
			kind = Validate
		}
		table.at(r.Method, r.Path, Match{
			Name: r.Name, Kind: kind, Scope: r.Scope, Component: DatadogIntake, Path: r.Path,
		})
	}
}
