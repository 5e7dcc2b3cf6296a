package route_test

import (
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
)

// upstreamPath is every path that an upstream may be asked for, but Grafana's.
var upstreamPath = regexp.MustCompile(`^(/api/v1/(push|otlp/v1/metrics|alerts|rules(/[^/]+){0,2})` +
	`|/prometheus/api/v1/(query|query_range|query_exemplars|format_query|parse_query|labels|series|metadata|read|rules|alerts|status/buildinfo|label/[^/]+/values)` +
	`|/alertmanager(/|/script\.js|/favicon\.ico|/lib/.+|/api/v2/(status|receivers|alerts|alerts/groups|silences|silence/[^/]+))?` +
	`|/otlp/v1/logs` +
	`|/loki/api/v1/(push|query|query_range|labels|series|tail|delete|patterns|detected_labels|detected_fields|format_query|status/buildinfo` +
	`|index/(stats|volume|volume_range)|label/[^/]+/values|detected_field/[^/]+/values|rules(/[^/]+){0,2}))$`)

func FuzzMatch(f *testing.F) {
	for _, target := range []string{
		"/api/v1/push", "/api/v1/rules/git%2Fbase/g", "/api/v1/rules/%2e%2e", "/prometheus/api/v1/label/a/values?x=1",
		"//api/v1/push", "/alertmanager/lib/../metrics", "/alertmanager/lib/%2e%2e/metrics", "/loki/api/v1/tail", "*", "http://x/",
		"/api/v1/push;a", "/a%00", "/-/session", "/d/x", "/%6detrics", "/api/v1/rules/a%2F..%2Fb", "/api/v1/rules/%252e",
	} {
		for _, host := range []string{"metrics.obs.example.com", "logs.obs.example.com:443", "acme.obs.example.com", "svc", "ACME.obs.example.com."} {
			f.Add("GET", host, target, true)
			f.Add("POST", host, target, false)
		}
	}
	all := table()
	f.Fuzz(func(t *testing.T, method, host, target string, internal bool) {
		match, problem := all.Match(internal, request(method, host, target))
		if (match == nil) == (problem == nil) {
			t.Fatalf("%q %q %q: %+v %+v", method, host, target, match, problem)
		}
		if match == nil {
			return
		}
		if match.HostTenant != "" && match.HostTenant != "acme" {
			t.Fatalf("%q is tenant %q", host, match.HostTenant)
		}
		decoded, err := url.PathUnescape(match.Path)
		if err != nil || match.Path != "" && (match.Path[0] != '/' || strings.HasPrefix(match.Path, "//")) {
			t.Fatalf("%q leads to %q: %v", target, match.Path, err)
		}
		if strings.ContainsAny(match.Path, "?#; \\\x00\r\n") || strings.ContainsAny(decoded, "\x00\r\n\\") {
			t.Fatalf("%q leads to %q", target, match.Path)
		}
		if cleaned := path.Clean("/" + decoded); cleaned != decoded && cleaned+"/" != decoded && !strings.Contains(decoded, "//") && decoded != "" {
			t.Fatalf("%q leads to %q, cleaned %q", target, decoded, cleaned)
		}
		if match.Upstream != "" && match.Component != "grafana" && !upstreamPath.MatchString(match.Path) {
			t.Fatalf("%q leads to %q, which is not listed", target, match.Path)
		}
	})
}
