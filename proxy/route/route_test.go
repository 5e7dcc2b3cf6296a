package route_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/route"
)

func table() *route.Table {
	return route.New(config.Config{
		Domain: "obs.example.com",
		Upstreams: config.Upstreams{
			Metrics: &config.MetricsUpstreams{
				Distributor: "http://distributor.cortex:8080", QueryFrontend: "http://query-frontend.cortex:8080",
				Ruler: "http://ruler.cortex:8080", Alertmanager: "http://alertmanager.cortex:8080",
			},
			Logs: &config.LogsUpstreams{
				Distributor: "http://distributor.loki:3100", QueryFrontend: "http://query-frontend.loki:3100",
				Querier: "http://querier.loki:3100", Ruler: "http://ruler.loki:3100", Compactor: "http://compactor.loki:3100",
			},
		},
		Grafana: config.Grafana{Upstream: "http://grafana.tenant-{tenant}.svc:3000"},
	}, []config.Tenant{{Name: "acme", Grafana: &config.Access{}}, {Name: "headless"}})
}

// request is as the server reads it from a connection.
func request(method, host, target string) *http.Request {
	r := &http.Request{
		Method: method, Host: host, RequestURI: target, Header: http.Header{}, URL: &url.URL{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if u, err := url.ParseRequestURI(target); err == nil {
		r.URL = u
	}
	return r
}

func TestEveryClientFindsItsPath(t *testing.T) {
	const m, l, o, a = "metrics.obs.example.com", "logs.obs.example.com", "otlp.obs.example.com", "acme.obs.example.com"
	const cortex, loki = ".cortex:8080", ".loki:3100"
	for _, row := range []struct {
		method, host, target   string
		name                   string
		scope                  config.Scope
		upstream, path, tenant string
	}{
		{"POST", m, "/api/v1/push", "metrics_push", "metrics:write", "distributor" + cortex, "/api/v1/push", ""},
		{"POST", "METRICS.obs.Example.com:443", "/api/v1/push", "metrics_push", "metrics:write", "distributor" + cortex, "/api/v1/push", ""},
		{"POST", m, "/api/v1/otlp/v1/metrics", "metrics_otlp", "metrics:write", "distributor" + cortex, "/api/v1/otlp/v1/metrics", ""},
		{"POST", o, "/v1/metrics", "metrics_otlp", "metrics:write", "distributor" + cortex, "/api/v1/otlp/v1/metrics", ""},
		{"POST", o, "/v1/logs", "logs_otlp", "logs:write", "distributor" + loki, "/otlp/v1/logs", ""},
		{"GET", m, "/prometheus/api/v1/query?query=up", "metrics_query", "metrics:read", "query-frontend" + cortex, "/prometheus/api/v1/query", ""},
		{"POST", m, "/api/v1/query_range", "metrics_query_range", "metrics:read", "query-frontend" + cortex, "/prometheus/api/v1/query_range", ""},
		{"GET", m, "/api/v1/label/U__a_2e_b/values", "metrics_label_values", "metrics:read", "query-frontend" + cortex, "/prometheus/api/v1/label/U__a_2e_b/values", ""},
		{"GET", m, "/prometheus/api/v1/label/job/values", "metrics_label_values", "metrics:read", "query-frontend" + cortex, "/prometheus/api/v1/label/job/values", ""},
		{"GET", m, "/prometheus/api/v1/rules", "metrics_rules_state", "metrics:read", "ruler" + cortex, "/prometheus/api/v1/rules", ""},
		{"GET", m, "/api/v1/rules", "metrics_rules", "metrics:read", "ruler" + cortex, "/api/v1/rules", ""},
		{"GET", m, "/prometheus/rules", "metrics_rules", "metrics:read", "ruler" + cortex, "/api/v1/rules", ""},
		{"POST", m, "/api/v1/rules/git%2Fbase", "metrics_rules", "rules:write", "ruler" + cortex, "/api/v1/rules/git%2Fbase", ""},
		{"DELETE", m, "/api/v1/rules/git%2Fbase/a%20group%3B", "metrics_rules", "rules:write", "ruler" + cortex, "/api/v1/rules/git%2Fbase/a%20group%3B", ""},
		{"GET", m, "/api/v1/rules/git%2fbase/g", "metrics_rules", "metrics:read", "ruler" + cortex, "/api/v1/rules/git%2fbase/g", ""},
		{"POST", m, "/api/v1/alerts", "alertmanager_config", "alerts:configure", "alertmanager" + cortex, "/api/v1/alerts", ""},
		{"POST", m, "/alertmanager/api/v2/silences", "alertmanager_silences", "alerts:write", "alertmanager" + cortex, "/alertmanager/api/v2/silences", ""},
		{"GET", m, "/alertmanager/lib/font-awesome/css/f.css", "alertmanager_ui", "alerts:read", "alertmanager" + cortex, "/alertmanager/lib/font-awesome/css/f.css", ""},
		{"POST", l, "/loki/api/v1/push", "logs_push", "logs:write", "distributor" + loki, "/loki/api/v1/push", ""},
		{"GET", l, "/loki/api/v1/tail?query=x", "logs_tail", "logs:read", "querier" + loki, "/loki/api/v1/tail", ""},
		{"GET", l, "/loki/api/v1/label/app/values", "logs_label_values", "logs:read", "query-frontend" + loki, "/loki/api/v1/label/app/values", ""},
		{"GET", l, "/prometheus/api/v1/rules", "logs_rules_state", "logs:read", "ruler" + loki, "/prometheus/api/v1/rules", ""},
		{"GET", l, "/api/prom/rules/git%2Fx/g", "logs_rules", "logs:read", "ruler" + loki, "/loki/api/v1/rules/git%2Fx/g", ""},
		{"DELETE", l, "/loki/api/v1/delete?request_id=1", "logs_delete", "data:delete", "compactor" + loki, "/loki/api/v1/delete", ""},
		{"GET", a, "/d/abc/home", "grafana", "", "grafana.tenant-acme.svc:3000", "/d/abc/home", "acme"},
		{"GET", a, "/api/ruler/metrics/rules/git%2Fx", "grafana", "", "grafana.tenant-acme.svc:3000", "/api/ruler/metrics/rules/git%2Fx", "acme"},
		{"GET", a, "/-/session", "login", "", "", "/-/session", "acme"},
		{"GET", "auth.obs.example.com", "/login", "auth", "", "", "/login", ""},
		{"POST", "datadog.obs.example.com", "/api/v2/series", "datadog_series", "metrics:write", "", "/api/v2/series", ""},
	} {
		t.Run(row.method+" "+row.host+row.target, func(t *testing.T) {
			match, problem := table().Match(false, request(row.method, row.host, row.target))
			if problem != nil {
				t.Fatalf("is refused: %+v", problem)
			}
			upstream := strings.TrimPrefix(match.Upstream, "http://")
			if match.Name != row.name || match.Scope != row.scope || upstream != row.upstream || match.Path != row.path || match.HostTenant != row.tenant {
				t.Errorf("got %+v, want %+v", match, row)
			}
		})
	}
}

func TestWhatIsNotListedDoesNotExist(t *testing.T) {
	const m, l, a = "metrics.obs.example.com", "logs.obs.example.com", "acme.obs.example.com"
	for name, row := range map[string]struct {
		method, host, target string
		status               int
		allow                string
	}{
		"a path of the component that is nobody's business": {"GET", m, "/ingester/flush", 404, ""},
		"deleting a whole tenant":                           {"POST", m, "/purger/delete_tenant", 404, ""},
		"the Alertmanager's metrics":                        {"GET", m, "/alertmanager/metrics", 404, ""},
		"federation":                                        {"GET", m, "/federate", 404, ""},
		"traces":                                            {"POST", "otlp.obs.example.com", "/v1/traces", 404, ""},
		"logs on the host of metrics":                       {"POST", m, "/loki/api/v1/push", 404, ""},
		"a trailing slash":                                  {"POST", m, "/api/v1/push/", 404, ""},
		"another case":                                      {"POST", m, "/API/v1/push", 404, ""},
		"a group below a group":                             {"GET", m, "/api/v1/rules/a/b/c", 404, ""},
		"Grafana's metrics":                                 {"GET", a, "/metrics", 404, ""},
		"Grafana's metrics, encoded":                        {"GET", a, "/%6detrics", 404, ""},
		"a tenant that is unknown":                          {"GET", "globex.obs.example.com", "/", 404, ""},
		"a tenant without Grafana":                          {"GET", "headless.obs.example.com", "/", 404, ""},
		"a host below a tenant's":                           {"GET", "a.acme.obs.example.com", "/", 404, ""},
		"the domain itself":                                 {"GET", "obs.example.com", "/", 404, ""},
		"another domain":                                    {"GET", "metrics.example.com", "/api/v1/push", 404, ""},
		"the keys from outside":                             {"GET", m, config.SigningKeysPath, 404, ""},
		"the wrong method":                                  {"GET", m, "/api/v1/push", 405, "POST"},
		"HEAD, which Cortex does not know":                  {"HEAD", m, "/api/v1/query", 405, "GET, POST"},
		"DELETE of series":                                  {"DELETE", m, "/prometheus/api/v1/series", 405, "GET, POST"},
		"a tail by POST":                                    {"POST", l, "/loki/api/v1/tail", 405, "GET"},
		"TRACE of Grafana":                                  {"TRACE", a, "/", 405, "GET, HEAD, POST, PUT, PATCH, DELETE"},
		"a tunnel":                                          {"CONNECT", m, "example.com:443", 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			match, problem := table().Match(false, request(row.method, row.host, row.target))
			if match != nil || problem.Status != row.status || problem.Allow != row.allow {
				t.Errorf("got %+v %+v, want %d %q", match, problem, row.status, row.allow)
			}
		})
	}
}

func TestARequestWithTwoReadingsIsRefused(t *testing.T) {
	const m = "metrics.obs.example.com"
	for name, row := range map[string][2]string{
		"dots":                           {m, "/api/v1/../v1/push"},
		"dots at the end":                {m, "/api/v1/push/.."},
		"one dot":                        {m, "/api/./v1/push"},
		"encoded dots":                   {m, "/api/v1/%2e%2e/push"},
		"dots encoded twice":             {m, "/api/v1/rules/%252e%252e"},
		"dots in a namespace":            {m, "/api/v1/rules/a%2F..%2F..%2Fpush"},
		"a namespace that is dots":       {m, "/api/v1/rules/%2E%2e"},
		"two slashes":                    {m, "//api/v1/push"},
		"two slashes inside":             {m, "/api//v1/push"},
		"an encoded slash":               {m, "/api%2fv1/push"},
		"an encoded slash in a label":    {m, "/prometheus/api/v1/label/a%2Fb/values"},
		"a backslash":                    {m, "/api\\v1/push"},
		"an encoded backslash":           {m, "/api/v1/rules/a%5Cb"},
		"a matrix parameter":             {m, "/api/v1/push;x=1"},
		"an encoded semicolon":           {m, "/api/v1/push%3Bx"},
		"NUL":                            {m, "/api/v1/push%00"},
		"a line break":                   {m, "/api/v1/rules/a%0d%0ab"},
		"half an escape":                 {m, "/api/v1/push%2"},
		"no escape":                      {m, "/api/v1/push%zz"},
		"bytes that are not ASCII":       {m, "/api/v1/püsh"},
		"the absolute form, other host":  {m, "http://logs.obs.example.com/loki/api/v1/push"},
		"the absolute form, same host":   {m, "http://" + m + "/api/v1/push"},
		"the asterisk form":              {m, "*"},
		"a fragment":                     {m, "/api/v1/query#a"},
		"no target":                      {m, ""},
		"a dot after the host":           {m + ".", "/api/v1/push"},
		"a dot after the host, and port": {m + ".:443", "/api/v1/push"},
		"no host":                        {"", "/api/v1/push"},
		"a host with user information":   {"me@" + m, "/api/v1/push"},
		"a host with a list":             {m + ",logs.obs.example.com", "/api/v1/push"},
		"a host with a path":             {m + "/x", "/api/v1/push"},
		"a host with a port of letters":  {m + ":http", "/api/v1/push"},
		"a host with two ports":          {m + ":1:2", "/api/v1/push"},
		"a tenant with the separator":    {"acme|globex.obs.example.com", "/"},
		"a tenant with an underscore":    {"acme_.obs.example.com", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			match, problem := table().Match(false, request("POST", row[0], row[1]))
			if match != nil || problem.Status != 400 {
				t.Errorf("got %+v %+v, want 400", match, problem)
			}
		})
	}
}

func TestAHostHeaderBesideTheAuthorityIsRefused(t *testing.T) {
	r := request("POST", "metrics.obs.example.com", "/api/v1/push")
	r.Header["Host"] = []string{"logs.obs.example.com"}
	if match, problem := table().Match(false, r); match != nil || problem.Reason != "host" {
		t.Errorf("got %+v %+v", match, problem)
	}
}

func TestPodsReachBothComponentsByTheServicesName(t *testing.T) {
	const service = "proxy-internal.proxy.svc:8444"
	for target, want := range map[string]string{
		"/api/v1/push": "metrics_push", "/loki/api/v1/push": "logs_push", "/v1/logs": "logs_otlp", "/v1/metrics": "metrics_otlp",
	} {
		if match, problem := table().Match(true, request("POST", service, target)); problem != nil || match.Name != want {
			t.Errorf("%s: got %+v %+v, want %s", target, match, problem, want)
		}
		if match, problem := table().Match(false, request("POST", service, target)); problem == nil {
			t.Errorf("%s is served outside: %+v", target, match)
		}
	}
	for host, want := range map[string]string{
		service: "metrics_rules_state", "10.0.0.7:8444": "metrics_rules_state", "[fd00::1]:8444": "metrics_rules_state",
		"logs.obs.example.com": "logs_rules_state",
	} {
		if match, problem := table().Match(true, request("GET", host, "/prometheus/api/v1/rules")); problem != nil || match.Name != want {
			t.Errorf("%s: got %+v %+v, want %s", host, match, problem, want)
		}
	}
	if match, problem := table().Match(true, request("GET", service, config.SigningKeysPath)); problem != nil || match.Kind != route.Keys {
		t.Errorf("the keys: got %+v %+v", match, problem)
	}
	if match, problem := table().Match(true, request("GET", "acme.obs.example.com", "/")); problem == nil {
		t.Errorf("people's hosts are served to pods: %+v", match)
	}
}

func TestAClusterWithoutLogsHasNoneOfTheirRoutes(t *testing.T) {
	c := config.Config{Domain: "o.example", Upstreams: config.Upstreams{Metrics: &config.MetricsUpstreams{Distributor: "http://c"}}}
	for host, target := range map[string]string{
		"logs.o.example": "/loki/api/v1/push", "otlp.o.example": "/v1/logs", "datadog.o.example": "/api/v2/logs",
	} {
		if _, problem := route.New(c, nil).Match(false, request("POST", host, target)); problem == nil || problem.Status != 404 {
			t.Errorf("%s%s: got %+v, want 404", host, target, problem)
		}
	}
}

func TestErrorsLookLikeTheComponents(t *testing.T) {
	for component, want := range map[string][2]string{
		route.Metrics:       {"application/json", `{"status":"error","errorType":"too_many_requests","error":"slow \"down\" (request r1)"}`},
		route.Logs:          {"text/plain; charset=utf-8", `slow "down" (request r1)`},
		route.OTLP:          {"application/json", `{"code":8,"message":"slow \"down\" (request r1)"}`},
		route.DatadogIntake: {"application/json", `{"errors":["slow \"down\" (request r1)"]}`},
		route.GrafanaUI:     {"application/json", `{"message":"slow \"down\" (request r1)","requestId":"r1"}`},
	} {
		w := httptest.NewRecorder()
		w.Header().Set("Retry-After", "7")
		route.FormatError(w, request("POST", "otlp.obs.example.com", "/v1/logs"), component, 429, `slow "down"`, "r1")
		h := w.Header()
		if w.Code != 429 || h.Get("Content-Type") != want[0] || w.Body.String() != want[1]+"\n" || h.Get("X-Request-Id") != "r1" || h.Get("Retry-After") != "7" {
			t.Errorf("%s: got %d %v %q", component, w.Code, h, w.Body)
		}
	}
}

// A collector reads what it sent: protobuf by default.
func TestAnErrorOfOTLPIsProtobufForWhoSendsProtobuf(t *testing.T) {
	for kind, protobuf := range map[string]bool{
		"application/x-protobuf": true, "Application/X-Protobuf; charset=utf-8": true, "application/json": false, "": false,
	} {
		r := request("POST", "otlp.obs.example.com", "/v1/logs")
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		route.FormatError(w, r, route.OTLP, 403, "no", "r1")
		if !protobuf {
			if w.Header().Get("Content-Type") != "application/json" || !strings.HasPrefix(w.Body.String(), "{") {
				t.Errorf("%q: got %v %q", kind, w.Header(), w.Body)
			}
			continue
		}
		var got status.Status
		if err := proto.Unmarshal(w.Body.Bytes(), &got); err != nil || got.GetCode() != int32(code.Code_PERMISSION_DENIED) || got.GetMessage() != "no (request r1)" {
			t.Errorf("%q: got %v, %v", kind, &got, err)
		}
		if w.Header().Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%q: Content-Type is %q", kind, w.Header().Get("Content-Type"))
		}
	}
}

func TestMatchingAPushAllocatesNothing(t *testing.T) {
	all, r := table(), request("POST", "metrics.obs.example.com:443", "/api/v1/push")
	if n := testing.AllocsPerRun(100, func() { all.Match(false, r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	all := table()
	for name, r := range map[string]*http.Request{
		"push":  request("POST", "metrics.obs.example.com:443", "/api/v1/push"),
		"label": request("GET", "logs.obs.example.com", "/loki/api/v1/label/app/values?start=1"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				all.Match(false, r)
			}
		})
	}
}
