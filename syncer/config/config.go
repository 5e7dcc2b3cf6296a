package config

import "github.com/opsgen/opsgen/generator/quantity"

// FileName is the file's name in its ConfigMap and in messages.
const FileName = "syncer.yaml"

// Config is syncer.yaml.
type Config struct {
	// Admin is the address of /-/ready, /-/healthy and /metrics ("host:port"). Default ":9090".
	Admin string `json:"admin,omitempty"`
	// Proxy is how the syncer reaches Cortex and Loki.
	Proxy Proxy `json:"proxy" jsonschema:"required"`
	// Metrics says where rules of metrics and Alertmanager configurations go.
	Metrics Metrics `json:"metrics,omitempty"`
	// Logs says where rules of logs go.
	Logs Logs `json:"logs,omitempty"`
	// Sources says which objects hold rules and configurations.
	Sources Sources `json:"sources,omitempty"`
	// Resync is how often everything is compared with what Cortex and Loki hold, besides at each change. Default 5m, from
	// 10s to 24h.
	Resync quantity.Duration `json:"resync,omitempty"`
	// RequestsPerSecond bounds the requests to the proxy. Default 10.
	RequestsPerSecond int `json:"requestsPerSecond,omitempty"`
	// GeneratedSecrets are the secrets to make.
	GeneratedSecrets []GeneratedSecret `json:"generatedSecrets,omitempty"`
	// Erase says which removed tenants' data is deleted.
	Erase Erase `json:"erase,omitempty"`
	// Lease is the lease ("namespace/name") that one of several syncers holds: that one works, the others wait. Beside it are
	// the ConfigMaps <name>-tenants, the list of tenants that something was written for, and <name>-erasures, how far the
	// erasures are. Default "syncer/syncer".
	Lease string `json:"lease,omitempty"`
	// LogLevel is debug, info, warn or error. Default info.
	LogLevel string `json:"logLevel,omitempty"`
}

// Proxy is how the syncer reaches Cortex and Loki: through the front door's internal listener, like everybody.
type Proxy struct {
	// URL is the proxy's internal listener ("https://proxy-internal.proxy.svc").
	URL string `json:"url" jsonschema:"required"`
	// CAFile holds the authorities (PEM) that sign its certificate, read again when it changes.
	// Default /etc/internal-ca/ca.crt.
	CAFile string `json:"caFile,omitempty"`
	// TokenFile is the syncer's own token for the proxy's audience, read again before it expires.
	// Default /var/run/secrets/proxy/token.
	TokenFile string `json:"tokenFile,omitempty"`
}

// Metrics are Cortex's paths behind the proxy.
type Metrics struct {
	// RulesPath is the ruler's API. Default /api/v1/rules.
	RulesPath string `json:"rulesPath,omitempty"`
	// AlertmanagerPath is the API of the Alertmanager's configuration. Default /api/v1/alerts.
	AlertmanagerPath string `json:"alertmanagerPath,omitempty"`
	// Disabled is for a cluster without Cortex: nothing is written there.
	Disabled bool `json:"disabled,omitempty"`
}

// Logs are Loki's paths behind the proxy.
type Logs struct {
	// RulesPath is the ruler's API. Default /loki/api/v1/rules.
	RulesPath string `json:"rulesPath,omitempty"`
	// Disabled is for a cluster without Loki: nothing is written there.
	Disabled bool `json:"disabled,omitempty"`
}

// Erase says which removed tenants' data is deleted, and how patiently.
type Erase struct {
	// File lists them (tenants: [{id, name}]), read again at each look. A missing file means none.
	// Default /etc/syncer-erase/erase.yaml.
	File string `json:"file,omitempty"`
	// Interval is how often it is looked how far they are. Default 5m, from 1s to 1h.
	Interval quantity.Duration `json:"interval,omitempty"`
	// Settle is how long a mark must have stood before anything is deleted: it can be taken back, and the tenant's last
	// lines, which may be dated 10 minutes into the future, come to lie in the past. Default 15m, from 1s to 30d.
	Settle quantity.Duration `json:"settle,omitempty"`
}

// Sources says which objects hold rules and configurations: label selectors in Kubernetes notation.
type Sources struct {
	// Namespaces selects the tenants' namespaces. The value of TenantLabel on a namespace is the tenant. Default: those
	// that have TenantLabel.
	Namespaces string `json:"namespaces,omitempty"`
	// TenantLabel is the label of a namespace that names its tenant. Default "opsgen.dev/tenant".
	TenantLabel string `json:"tenantLabel,omitempty"`
	// MetricsRules selects ConfigMaps of which every key is a Prometheus rule file. Default "opsgen.dev/rules=metrics".
	MetricsRules string `json:"metricsRules,omitempty"`
	// LogsRules selects ConfigMaps of which every key is a Loki rule file. Default "opsgen.dev/rules=logs".
	LogsRules string `json:"logsRules,omitempty"`
	// Alertmanager selects the ConfigMap with the keys alertmanager.yaml and, for each template, <name>.tmpl. Default
	// "opsgen.dev/alertmanager=true".
	Alertmanager string `json:"alertmanager,omitempty"`
	// RulePrefix begins the name of every rule namespace that the syncer writes in Cortex; it touches no other. Default
	// "git/".
	RulePrefix string `json:"rulePrefix,omitempty"`
	// LogsRulePrefix does so in Loki, where no namespace with a slash can be written: Loki decodes a path before it splits
	// it (Loki 3.7.8, pkg/loki/modules.go, a router without UseEncodedPath). Default "git:".
	LogsRulePrefix string `json:"logsRulePrefix,omitempty"`
}

// GeneratedSecret is a Secret of random values that is made once and never changed. Where it exists with all keys it is
// left alone, whoever made it. Where it exists in one of several namespaces, the others get its values. Where it exists
// without a key, an event says so and nothing is written.
type GeneratedSecret struct {
	// Name is the Secret's name.
	Name string `json:"name" jsonschema:"required"`
	// Namespaces get the Secret with the same values. Exactly one of Namespaces and NamespaceSelector is written.
	Namespaces []string `json:"namespaces,omitempty"`
	// NamespaceSelector (a label selector such as "opsgen.dev/tenant") gives every namespace that it selects, now and
	// later, a Secret with values of its own.
	NamespaceSelector string `json:"namespaceSelector,omitempty"`
	// Keys are the keys with the length of each value in characters, from 16 to 1024. A character is one of 62 letters and
	// digits, chosen by crypto/rand: 5.95 bits.
	Keys map[string]int `json:"keys" jsonschema:"required"`
}
