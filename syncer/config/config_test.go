package config

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/quantity"
)

const example = `
proxy:
  url: https://proxy-internal.proxy.svc
generatedSecrets:
- name: object-store
  namespaces: [object-store, cortex, loki]
  keys: {access-key: 20, secret-key: 40}
- name: grafana
  namespaceSelector: opsgen.dev/tenant
  keys: {secret-key: 40}
`

func TestParse(t *testing.T) {
	c, err := Parse([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Admin: ":9090",
		Proxy: Proxy{
			URL:       "https://proxy-internal.proxy.svc",
			CAFile:    "/etc/internal-ca/ca.crt",
			TokenFile: "/var/run/secrets/proxy/token",
		},
		Metrics: Metrics{RulesPath: "/api/v1/rules", AlertmanagerPath: "/api/v1/alerts"},
		Logs:    Logs{RulesPath: "/loki/api/v1/rules"},
		Sources: Sources{
			Namespaces:   "opsgen.dev/tenant",
			TenantLabel:  "opsgen.dev/tenant",
			MetricsRules: "opsgen.dev/rules=metrics",
			LogsRules:    "opsgen.dev/rules=logs",
			Alertmanager: "opsgen.dev/alertmanager=true",
			RulePrefix:   "git/",

			LogsRulePrefix: "git:",
		},
		Resync:            quantity.Duration(5 * time.Minute),
		RequestsPerSecond: 10,
		GeneratedSecrets: []GeneratedSecret{
			{
				Name:       "object-store",
				Namespaces: []string{"object-store", "cortex", "loki"},
				Keys:       map[string]int{"access-key": 20, "secret-key": 40},
			},
			{Name: "grafana", NamespaceSelector: "opsgen.dev/tenant", Keys: map[string]int{"secret-key": 40}},
		},
		Erase:    Erase{File: "/etc/syncer-erase/erase.yaml", Interval: quantity.Duration(5 * time.Minute), Settle: quantity.Duration(15 * time.Minute)},
		Lease:    "syncer/syncer",
		LogLevel: "info",
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := c.Validate(); err != nil {
		t.Errorf("a parsed configuration is not valid: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct{ old, text, want string }{
		"a misspelt field":                {"", "generatedSecret: []", `did you mean "generatedSecrets"?`},
		"no way to Cortex":                {"proxy:\n  url: https://proxy-internal.proxy.svc\n", "", "proxy"},
		"a proxy in the clear":            {"https://proxy", "http://proxy", "proxy.url is"},
		"a proxy with a path":             {"proxy.svc", "proxy.svc/api", "proxy.url is"},
		"a relative token":                {"", "admin: ':1'\nlogs: {rulesPath: rules}", "logs.rulesPath is"},
		"an address without a port":       {"", "admin: localhost", "admin is"},
		"a resync that hammers":           {"", "resync: 1s", "resync is 1s"},
		"a rate of nothing":               {"", "requestsPerSecond: -5", "requestsPerSecond is -5"},
		"a selector of everything":        {"", `sources: {metricsRules: "  "}`, "sources.metricsRules selects everything"},
		"a selector that is none":         {"", "sources: {logsRules: a==b==c}", "sources.logsRules is"},
		"a prefix that claims all":        {"", "sources: {rulePrefix: x}", "sources.rulePrefix is"},
		"a prefix that Loki cannot write": {"", "sources: {logsRulePrefix: git/}", "Loki cannot write"},
		"a label that is none":            {"", "sources: {tenantLabel: a b}", "sources.tenantLabel is"},
		"a lease without a namespace":     {"", "lease: syncer", "lease is"},
		"an unknown level":                {"", "logLevel: loud", `logLevel is "loud"`},
		"a secret for nobody":             {"  namespaceSelector: opsgen.dev/tenant\n", "", "generatedSecrets[1] must have namespaces"},
		"a secret for two kinds":          {"namespaceSelector: opsgen.dev/tenant", "namespaceSelector: opsgen.dev/tenant\n  namespaces: [a]", "and not both"},
		"a secret twice":                  {"namespaceSelector: opsgen.dev/tenant", "namespaces: [cortex]\n  keys: {a: 20}\n- name: grafana\n  namespaces: [cortex]", "makes cortex/grafana like generatedSecrets[1]"},
		"a secret that can be guessed":    {"secret-key: 40}\n- name", "secret-key: 4}\n- name", "generatedSecrets[0].keys.secret-key is 4"},
		"a secret of nothing":             {"keys: {access-key: 20, secret-key: 40}", "keys: {}", "generatedSecrets[0].keys is empty"},
		"a key that is none":              {"access-key", "access/key", `has the key "access/key"`},
		"a secret in a wrong namespace":   {"[object-store, cortex", "[Object_Store, cortex", "generatedSecrets[0].namespaces[0] is"},
		"a secret with a wrong name":      {"name: grafana", "name: Grafana", "generatedSecrets[1].name is"},
	} {
		t.Run(name, func(t *testing.T) {
			text := example + test.text + "\n"
			if test.old != "" {
				text = strings.Replace(example, test.old, test.text, 1)
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

// TestParseTellsAllAtOnce: a misspelt field hides no wrong value, and is no second problem.
func TestParseTellsAllAtOnce(t *testing.T) {
	_, err := Parse([]byte("proxy: {url: nowhere}\nresink: 1s\nrequestsPerSecond: -1\n"))
	var problems document.Problems
	if !errors.As(err, &problems) || len(problems) != 3 || !strings.Contains(problems[1].Message, `did you mean "resync"`) {
		t.Errorf("got %d problems, want that of the URL, of resink and of requestsPerSecond:\n%v", len(problems), err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(example + "resync: 90s\nsources: {alertmanager: 'a in (b, c),!d'}\n"))
	f.Add([]byte("generatedSecrets: [{keys: {a: 1e9}}]"))
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
