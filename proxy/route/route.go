package route

import (
	"net/http"
	"strings"

	"github.com/opsgen/opsgen/proxy/config"
)

// Kind says how a request is handled: by whom, with which time-out, and whether it may be tried again.
type Kind int

// The kinds of routes.
const (
	// Write sends data: time-out config.Timeouts.Write.
	Write Kind = iota
	// Read queries or configures: time-out config.Timeouts.Query.
	Read
	// Stream is a WebSocket from the first byte on; anything else on its path is refused by upstream.Pool.
	Stream
	// Datadog is for datadog.Handler; Match.Path is as the agent calls it.
	Datadog
	// Grafana is for the tenant's Grafana, behind the login.
	Grafana
	// Login is for login.Login: the host auth, and the paths below /-/ of a tenant's host (HostTenant is then set).
	Login
	// Keys is config.SigningKeysPath on the internal listener, without authentication.
	Keys
	// Validate is a Datadog agent's question whether its key is good. datadog.Handler answers it like those of kind
	// Datadog; it is a kind of its own so that the server need not count it against the tenant's limits.
	Validate
)

var kindNames = [...]string{"write", "read", "stream", "datadog", "grafana", "login", "keys", "validate"}

// String is the kind's name in lower case.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// The components, as Match.Component names them and FormatError takes them.
const (
	// Metrics is Cortex.
	Metrics = "metrics"
	// Logs is Loki.
	Logs = "logs"
	// OTLP is either, called with OTLP/HTTP.
	OTLP = "otlp"
	// DatadogIntake is the proxy itself, called as Datadog.
	DatadogIntake = "datadog"
	// GrafanaUI is a tenant's Grafana.
	GrafanaUI = "grafana"
)

// Match is what a request asks for. Those of routes without names in the path are shared by all requests: it is never
// changed.
type Match struct {
	// Name is a bounded label for metrics and logs, such as "metrics_push".
	Name string
	// Kind says how the request is handled.
	Kind Kind
	// Scope is what the caller must be allowed to do; empty for Grafana, Login and Keys.
	Scope config.Scope
	// Component is one of Metrics, Logs, OTLP, DatadogIntake, GrafanaUI, or empty.
	Component string
	// Upstream is the base URL to forward to; empty where the proxy answers itself.
	Upstream string
	// Path is the path for the upstream in its escaped form. It begins with one "/" and holds no query.
	Path string
	// HostTenant is the tenant that the host names; empty on shared hosts. Only that tenant's people may pass.
	HostTenant string
	// Idempotent says that the request may be sent a second time if no byte of an answer came.
	Idempotent bool
	// Removed says that the request is only for tenants that were removed.
	Removed bool
	// WebSocket says that the request may become a WebSocket. It is true for kind Stream, and for Grafana's live channel.
	WebSocket bool
}

// Problem is why a request matches nothing.
type Problem struct {
	// Status is 400, 404 or 405.
	Status int
	// Reason is a bounded label: "host", "uri", "path", "not_found" or "method".
	Reason string
	// Detail says it to a person; it holds nothing of the request.
	Detail string
	// Allow is the value of the header Allow, for 405 only.
	Allow string
	// Component is whose host was called, for FormatError; empty if that is not known.
	Component string
}

// Error is Detail.
func (p *Problem) Error() string { return p.Detail }

// Table is all that the proxy serves under one configuration. It does not change and may be used by many at once.
type Table struct {
	domain  string // ".obs.example.com"
	shared  map[string]*routes
	tenants map[string]*tenantHost
	any     *routes // for pods that call the Service by its own name
	auth    *Match
	keys    *Match
}

// New makes the table for a configuration that was checked by config, and for its tenants.
func New(c config.Config, tenants []config.Tenant) *Table {
	t := &Table{
		domain:  "." + strings.ToLower(strings.TrimSuffix(c.Domain, ".")),
		tenants: make(map[string]*tenantHost, len(tenants)),
		auth:    &Match{Name: "auth", Kind: Login},
		keys:    &Match{Name: "signing_keys", Kind: Keys, Path: config.SigningKeysPath},
	}
	metrics, logs, otlp, datadog := newRoutes(Metrics), newRoutes(Logs), newRoutes(OTLP), newRoutes(DatadogIntake)
	t.any = newRoutes("")
	if up := c.Upstreams.Metrics; up != nil {
		addMetrics([]*routes{metrics, t.any}, *up)
		addErasure(t.any, *up)
		addMetricsOTLP([]*routes{otlp, t.any}, *up)
	}
	if up := c.Upstreams.Logs; up != nil {
		addLogs([]*routes{logs, t.any}, *up)
		addLogsOTLP([]*routes{otlp, t.any}, *up)
	}
	addDatadog(datadog, c.Upstreams)
	t.shared = map[string]*routes{"metrics": metrics, "logs": logs, "otlp": otlp, "datadog": datadog}
	for _, tenant := range tenants {
		if tenant.Grafana != nil {
			t.tenants[tenant.Name] = newTenantHost(tenant.Name, c.Grafana.Upstream)
		}
	}
	return t
}

// Match says what a request of a listener asks for. Exactly one of the results is nil.
func (t *Table) Match(internal bool, r *http.Request) (*Match, *Problem) {
	path, problem := target(r)
	if problem != nil {
		return nil, problem
	}
	name, ours, problem := t.host(r)
	if problem != nil {
		return nil, problem
	}
	if internal && path == config.SigningKeysPath {
		if r.Method != http.MethodGet {
			return nil, wrongMethod("", http.MethodGet)
		}
		return t.keys, nil
	}
	if !ours {
		if internal {
			return t.any.match(path, r.Method)
		}
		return nil, unknownHost()
	}
	if routes := t.shared[name]; routes != nil {
		return routes.match(path, r.Method)
	}
	// Pods are not people: sessions and logins stay on the public listener.
	if internal {
		return nil, unknownHost()
	}
	if name == "auth" {
		return t.matchAuth(path, r.Method)
	}
	if tenant := t.tenants[name]; tenant != nil {
		return tenant.match(path, r.Method)
	}
	return nil, unknownHost()
}

func (t *Table) matchAuth(path, method string) (*Match, *Problem) {
	if !plain(path) {
		return nil, badPath("")
	}
	if method != http.MethodGet && method != http.MethodPost {
		return nil, wrongMethod("", "GET, POST")
	}
	match := *t.auth
	match.Path = path
	return &match, nil
}

func unknownHost() *Problem {
	return &Problem{Status: http.StatusNotFound, Reason: "host", Detail: "nothing is served under this host name"}
}

func badPath(component string) *Problem {
	return &Problem{
		Status: http.StatusBadRequest, Reason: "path", Component: component,
		Detail: "the path holds characters or segments that programs read differently",
	}
}

func notFound(component string) *Problem {
	return &Problem{Status: http.StatusNotFound, Reason: "not_found", Component: component, Detail: "no such path here"}
}

func wrongMethod(component, allow string) *Problem {
	return &Problem{
		Status: http.StatusMethodNotAllowed, Reason: "method", Component: component, Allow: allow,
		Detail: "this path takes only " + allow,
	}
}
