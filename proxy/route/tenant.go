package route

import (
	"net/url"
	"strings"

	"github.com/opsgen/opsgen/proxy/config"
)

// ownPaths begins the paths of a tenant's host that belong to the proxy.
const ownPaths = "/-/"

// liveChannel is the one path where Grafana speaks WebSocket to browsers (Grafana 12, pkg/services/live).
const liveChannel = "/api/live/ws"

// tenantHost is a tenant's own host: its Grafana, and the proxy's paths for the login.
type tenantHost struct {
	grafana Match
	login   Match
}

func newTenantHost(tenant, upstream string) *tenantHost {
	return &tenantHost{
		grafana: Match{
			Name: "grafana", Kind: Grafana, Component: GrafanaUI, HostTenant: tenant,
			Upstream: strings.ReplaceAll(upstream, "{tenant}", tenant),
		},
		login: Match{Name: "login", Kind: Login, HostTenant: tenant},
	}
}

func (h *tenantHost) match(path, method string) (*Match, *Problem) {
	if !grafanaPath(path) {
		return nil, badPath(GrafanaUI)
	}
	if strings.HasPrefix(path, ownPaths) {
		if method != "GET" && method != "POST" {
			return nil, wrongMethod(GrafanaUI, "GET, POST")
		}
		match := h.login
		match.Path = path
		return &match, nil
	}
	// Grafana's own metrics and profiles are not for people; the cluster's monitoring scrapes the pod.
	// Threat: "/%6detrics", which is another string and the same path.
	seen, err := url.PathUnescape(path)
	if err != nil || seen == "/metrics" || seen == "/debug" || strings.HasPrefix(seen, "/debug/") || seen == config.SigningKeysPath {
		return nil, notFound(GrafanaUI)
	}
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE":
	default:
		return nil, wrongMethod(GrafanaUI, "GET, HEAD, POST, PUT, PATCH, DELETE")
	}
	match := h.grafana
	match.Path = path
	match.Idempotent = method == "GET" || method == "HEAD"
	match.WebSocket = method == "GET" && path == liveChannel
	return &match, nil
}

// grafanaPath allows encoded characters in each segment: Grafana's API has names of rules, folders and tags in its paths.
// Decoded, no segment may be "..": all paths lead to the same tenant's Grafana, but /metrics must stay what it says.
func grafanaPath(path string) bool {
	if !loose(path) {
		return false
	}
	if strings.IndexByte(path, '%') < 0 {
		return true
	}
	for part := range strings.SplitSeq(path[1:], "/") {
		if part != "" && !ruleName(part) {
			return false
		}
	}
	return true
}
