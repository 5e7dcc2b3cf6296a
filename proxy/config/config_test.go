package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/quantity"
)

// minimal is what must be written; everything else has a default.
const minimal = `
cluster: prod
domain: obs.example.com
upstreams:
  metrics:
    distributor: http://distributor.cortex.svc:8080
    queryFrontend: http://query-frontend.cortex.svc:8080
    ruler: http://ruler.cortex.svc:8080
    alertmanager: http://alertmanager.cortex.svc:8080
  logs:
    distributor: http://distributor.loki.svc:8080
    queryFrontend: http://query-frontend.loki.svc:8080
    querier: http://querier.loki.svc:8080
    ruler: http://ruler.loki.svc:8080
    compactor: http://compactor.loki.svc:8080
grafana:
  upstream: http://grafana.tenant-{tenant}.svc:3000
`

func TestParseFillsDefaults(t *testing.T) {
	c, err := Parse([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range []struct {
		what      string
		got, want any
	}{
		{"the cluster is the audience of tokens", c.Tokens.Audience, "prod"},
		{"every algorithm but symmetric ones", c.Tokens.Algorithms, []Algorithm{"EdDSA", "ES256", "RS256"}},
		{"public address", c.Listeners.Public.Address, ":8443"},
		{"internal address", c.Listeners.Internal.Address, ":8444"},
		{"profiles are off", c.Listeners.Admin.Profiling, false},
		{"tracing is off", c.Tracing, Tracing{}},
		{"long queries live", c.Timeouts.Query, quantity.Duration(5 * time.Minute)},
		{"a body's bound", c.Limits.Tenant.BodyBytes, quantity.Bytes(32 << 20)},
	} {
		if diff := cmp.Diff(check.want, check.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", check.what, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		// old is replaced by text in the minimal file, or text is added when old is empty.
		old, text, want string
	}{
		"a misspelt field":           {"", "limit: {}", `unknown field "limit"; did you mean "limits"?`},
		"a misspelt field inside":    {"", "tokens: {audiense: x}", `did you mean "audience"?`},
		"a repeated field":           {"", "domain: other.example.com", `domain`},
		"a missing upstream":         {"    compactor: http://compactor.loki.svc:8080\n", "", `compactor`},
		"no file at all":             {minimal, "", "the file is empty"},
		"two documents":              {"", "---\ncluster: other", "second YAML document"},
		"a domain of one label":      {"obs.example.com", "localhost", `domain is "localhost"`},
		"a wildcard domain":          {"obs.example.com", `"*.example.com"`, `domain is "*.example.com"`},
		"a cluster with spaces":      {"cluster: prod", "cluster: my prod", `cluster is "my prod"`},
		"an address without a port":  {"", "listeners: {public: {address: 10.0.0.1}}", "listeners.public.address is"},
		"a port out of range":        {"", `listeners: {public: {address: ":70000"}}`, "listeners.public.address is"},
		"two listeners on one port":  {"", `listeners: {internal: {address: ":8443"}}`, "has the port of listeners.public.address"},
		"a relative folder":          {"", "listeners: {public: {certificates: [tls]}}", "listeners.public.certificates[0] is"},
		"a folder that climbs":       {"", "tokens: {keysFile: /etc/../jwks.json}", "tokens.keysFile is"},
		"a symmetric algorithm":      {"", "tokens: {algorithms: [HS256]}", "symmetric ones are never accepted"},
		"no algorithm":               {"", "tokens: {algorithms: [none]}", `tokens.algorithms[0] is "none"`},
		"a skew that revives tokens": {"", "tokens: {clockSkew: 1h}", "tokens.clockSkew is 1h"},
		"a negative duration":        {"", "timeouts: {write: -1s}", "timeouts.write"},
		"a duration without unit":    {"", "timeouts: {write: 10}", "timeouts.write"},
		"an API server in the clear": {"", "serviceAccounts: {apiServer: http://kubernetes.default.svc}", "serviceAccounts.apiServer is"},
		"no upstream at all":         {minimal[strings.Index(minimal, "upstreams:"):strings.Index(minimal, "grafana:")], "upstreams: {}\n", "upstreams is missing"},
		"an upstream with a path":    {"http://ruler.cortex.svc:8080", "http://ruler.cortex.svc:8080/ruler", "upstreams.metrics.ruler is"},
		"an upstream with a user":    {"http://ruler.cortex.svc:8080", "http://me:secret@ruler.cortex.svc:8080", "upstreams.metrics.ruler is"},
		"an upstream with a query":   {"http://ruler.loki.svc:8080", "http://ruler.loki.svc:8080?x=y", "upstreams.logs.ruler is"},
		"an upstream on disk":        {"http://ruler.loki.svc:8080", "file:///etc/passwd", "upstreams.logs.ruler is"},
		"one Grafana for everybody":  {"grafana.tenant-{tenant}.svc", "grafana.tenant-payments.svc", "must hold {tenant} once"},
		"a tenant in the path":       {"grafana.tenant-{tenant}.svc:3000", "grafana.svc:3000/{tenant}", "grafana.upstream is"},
		"a share above the whole":    {"", "limits: {tenantShare: 1.5}", "limits.tenantShare is 1.5"},
		"a share that is no number":  {"", "limits: {tenantShare: .nan}", "limits.tenantShare"},
		"negative connections":       {"", "limits: {connections: -1}", "limits.connections is -1"},
		"headers without bound":      {"", "limits: {headerBytes: 1GB}", "limits.headerBytes is 1GB"},
		"a size in unknown units":    {"", "limits: {tenant: {bodyBytes: 5 apples}}", "unknown unit"},
		"a number for a text":        {"", "log: {level: 3}", "log.level"},
		"a login in the clear":       {"", "login: {issuer: 'http://login.example.com', clientID: x}", "login.issuer is"},
		"a login with a query":       {"", "login: {issuer: 'https://login.example.com/?a=b', clientID: x}", "login.issuer is"},
		"a login without a client":   {"", "login: {issuer: 'https://login.example.com'}", "login.clientID is missing"},
		"a login without openid":     {"", "login: {issuer: 'https://login.example.com', clientID: x, scopes: [email]}", "Add openid."},
		"a session without end":      {"", "login: {issuer: 'https://login.example.com', clientID: x, sessionLifetime: 30d}", "login.sessionLifetime is 30d"},
		"a session key beside it":    {"", "login: {issuer: 'https://login.example.com', clientID: x, sessionKeyFile: key}", "login.sessionKeyFile is"},
		"an unknown level":           {"", "log: {level: loud}", `log.level is "loud"`},
	} {
		t.Run(name, func(t *testing.T) {
			text := minimal + test.text + "\n"
			if test.old != "" {
				text = strings.Replace(minimal, test.old, test.text, 1)
			}
			c, err := Parse([]byte(text))
			if err == nil {
				t.Fatalf("accepted as %+v", c)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("the message does not say %q:\n%v", test.want, err)
			}
		})
	}
}

func TestParseReportsAllProblemsWithTheirLine(t *testing.T) {
	_, err := Parse([]byte(strings.Replace(minimal, "obs.example.com", "x", 1) + "replicas: -1\n"))
	problems, ok := err.(document.Problems)
	if !ok || len(problems) != 2 {
		t.Fatalf("want two problems, got: %v", err)
	}
	if problems[0].Line != 3 || problems[1].Line != 18 {
		t.Errorf("lines are %d and %d, want 3 and 18", problems[0].Line, problems[1].Line)
	}
}

func TestParseReportsAMisspeltFieldAndAWrongValueAtOnce(t *testing.T) {
	text := strings.NewReplacer("obs.example.com", "x", "queryFrontend: http://query-frontend.cortex", "queryFrontent: http://query-frontend.cortex").Replace(minimal)
	_, err := Parse([]byte(text + "replicas: -1\nlimits: {connections: many}\ntimeouts: 5\n"))
	problems, ok := err.(document.Problems)
	if !ok {
		t.Fatalf("got: %v", err)
	}
	want := []string{
		`domain is "x"`, `did you mean "queryFrontend"?`, "replicas is -1", "limits.connections must be", "timeouts must be",
	}
	if len(problems) != len(want) {
		t.Fatalf("%d problems, want %d:\n%v", len(problems), len(want), err)
	}
	for i := range want {
		if !strings.Contains(problems[i].Message, want[i]) {
			t.Errorf("problem %d is %q, want %q", i, problems[i].Message, want[i])
		}
	}
}

func TestValidateWorksWithoutAFile(t *testing.T) {
	c, err := Parse([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Errorf("a parsed configuration is not valid: %v", err)
	}
	c.Upstreams.Logs.Querier = ""
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "upstreams.logs.querier") {
		t.Errorf("an upstream without URL is not named: %v", err)
	}
}

func TestTenantLimitsOr(t *testing.T) {
	got := TenantLimits{Streams: 3}.Or(TenantLimits{Streams: 7, BodyBytes: 9})
	if want := (TenantLimits{Streams: 3, BodyBytes: 9}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte(minimal + "timeouts: {write: 1m30s}\nlimits: {tenant: {bodyBytes: 64MiB}}\ntracing: {endpoint: 'http://a:1'}\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("cluster: !!binary aGk="))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data)
		if err != nil {
			return
		}
		text, err := yaml.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(text)
		if err != nil {
			t.Fatalf("what was accepted is refused when written back: %v\n%s", err, text)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Errorf("changed when written back (-before +after):\n%s", diff)
		}
	})
}
