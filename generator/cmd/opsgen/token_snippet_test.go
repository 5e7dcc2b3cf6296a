package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/prometheus/common/promslog"
	prometheus "github.com/prometheus/prometheus/config"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/route"
)

const snippetDomain = "obs.example.com"

// reaches says which route of the proxy a request of an agent matches.
func reaches(t *testing.T, method, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" {
		t.Fatalf("%q is no URL of https: %v", address, err)
	}
	const upstream = "http://upstream.svc:80"
	table := route.New(config.Config{Domain: snippetDomain, Upstreams: config.Upstreams{
		Metrics: &config.MetricsUpstreams{Distributor: upstream, QueryFrontend: upstream, Ruler: upstream, Alertmanager: upstream},
		Logs:    &config.LogsUpstreams{Distributor: upstream, QueryFrontend: upstream, Querier: upstream, Ruler: upstream, Compactor: upstream},
	}}, nil)
	r := httptest.NewRequest(method, u.RequestURI(), http.NoBody)
	r.Host = u.Host
	match, problem := table.Match(false, r)
	if problem != nil {
		t.Errorf("the proxy answers %s %s with %d", method, address, problem.Status)
		return ""
	}
	return match.Name
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %q, want %q", what, got, want)
	}
}

func TestPrometheusReadsItsSnippet(t *testing.T) {
	text := snippet("prometheus", snippetDomain, []config.Scope{config.MetricsWrite})
	read, err := prometheus.Load(text, promslog.NewNopLogger())
	if err != nil {
		t.Fatalf("Prometheus refuses it: %v\n%s", err, text)
	}
	write := read.RemoteWriteConfigs[0]
	want(t, "what it writes to", reaches(t, http.MethodPost, write.URL.String()), "metrics_push")
	if authorization := write.HTTPClientConfig.Authorization; authorization.Type != "Bearer" || authorization.CredentialsFile == "" || authorization.Credentials != "" {
		t.Errorf("it authorizes with %+v", authorization)
	}
}

func TestADatadogAgentReachesItsIntake(t *testing.T) {
	for _, logs := range []bool{false, true} {
		granted := []config.Scope{config.MetricsWrite}
		if logs {
			granted = append(granted, config.LogsWrite)
		}
		var agent struct {
			URL  string `json:"dd_url"`
			Logs bool   `json:"logs_enabled"`
			To   struct {
				URL  string `json:"logs_dd_url"`
				HTTP bool   `json:"force_use_http"`
			} `json:"logs_config"`
		}
		if err := yaml.UnmarshalStrict([]byte(snippet("datadog", snippetDomain, granted)), &agent); err != nil {
			t.Fatal(err)
		}
		want(t, "what it validates at", reaches(t, http.MethodGet, agent.URL+"/api/v1/validate"), "datadog_validate")
		want(t, "what it sends series to", reaches(t, http.MethodPost, agent.URL+"/api/v2/series"), "datadog_series")
		if agent.Logs != logs {
			t.Errorf("with logs:write %v it sends logs: %v", logs, agent.Logs)
		}
		if !logs {
			continue
		}
		want(t, "what it sends logs to", reaches(t, http.MethodPost, "https://"+agent.To.URL+"/api/v2/logs"), "datadog_logs")
		if !agent.To.HTTP || !strings.HasSuffix(agent.To.URL, ":443") {
			t.Errorf("it sends logs to %+v", agent.To)
		}
	}
}

func TestACollectorReachesTheProxy(t *testing.T) {
	var collector struct {
		Extensions map[string]struct {
			File string `json:"filename"`
		} `json:"extensions"`
		Exporters map[string]struct {
			Endpoint string `json:"endpoint"`
			Auth     struct {
				Authenticator string `json:"authenticator"`
			} `json:"auth"`
		} `json:"exporters"`
		Service struct {
			Extensions []string `json:"extensions"`
		} `json:"service"`
	}
	if err := yaml.UnmarshalStrict([]byte(snippet("otel", snippetDomain, nil)), &collector); err != nil {
		t.Fatal(err)
	}
	exporter := collector.Exporters["otlphttp"]
	// The exporter appends these two itself.
	want(t, "what it sends metrics to", reaches(t, http.MethodPost, exporter.Endpoint+"/v1/metrics"), "metrics_otlp")
	want(t, "what it sends logs to", reaches(t, http.MethodPost, exporter.Endpoint+"/v1/logs"), "logs_otlp")
	if name := exporter.Auth.Authenticator; collector.Extensions[name].File == "" || len(collector.Service.Extensions) != 1 || collector.Service.Extensions[0] != name {
		t.Errorf("the extension %q is not set up: %+v", name, collector)
	}
}

// The shell reads the commands; what it would call curl with is looked at.
func TestTheShellReadsTheCommands(t *testing.T) {
	for name, test := range map[string]struct {
		granted []config.Scope
		routes  []string
	}{
		"reading":         {[]config.Scope{config.MetricsRead, config.LogsRead}, []string{"metrics_query", "logs_labels"}},
		"writing logs":    {[]config.Scope{config.LogsWrite}, []string{"logs_push"}},
		"writing metrics": {[]config.Scope{config.MetricsWrite}, []string{"datadog_validate"}},
	} {
		t.Run(name, func(t *testing.T) {
			const stub = "TOKEN=/dev/null\ncurl() { printf '%s\\n' \"$@\"; echo ---; }\n"
			command := exec.CommandContext(t.Context(), "bash", "-eu")
			command.Stdin = strings.NewReader(stub + snippet("curl", snippetDomain, test.granted))
			out, err := command.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			calls := strings.Split(strings.TrimSuffix(string(out), "---\n"), "---\n")
			if len(calls) != len(test.routes) {
				t.Fatalf("%d calls, want %d:\n%s", len(calls), len(test.routes), out)
			}
			for i, call := range calls {
				arguments := strings.Split(strings.TrimSpace(call), "\n")
				method := http.MethodGet
				if strings.Contains(call, "\n-d\n") {
					method = http.MethodPost
				}
				want(t, "what it calls", reaches(t, method, arguments[len(arguments)-1]), test.routes[i])
			}
		})
	}
}
