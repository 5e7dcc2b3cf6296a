package config

import "github.com/opsgen/opsgen/generator/quantity"

// FileName and TenantsFileName are the two files' names in their ConfigMaps and in messages.
const (
	FileName        = "proxy.yaml"
	TenantsFileName = "tenants.yaml"
)

// SigningKeysPath is where the internal listener serves the public keys (a JWK set) of the tokens that the proxy signs
// for Grafana.
const SigningKeysPath = "/.well-known/jwks.json"

// GrafanaTokenHeader is the header that carries the signed identity of a person to the tenant's Grafana. The proxy
// drops it from every request that it receives.
const GrafanaTokenHeader = "X-JWT-Assertion"

// TenantHeader is the header by which a caller with AnyTenant says for whom it acts. From all other callers it is
// dropped, like X-Scope-OrgID.
const TenantHeader = "X-Opsgen-Tenant"

// TenantIDHeader is the header by which the proxy tells a caller with AnyTenant the tenant's name in Cortex and Loki
// (Tenant.DataID). In a request, such a caller names by it a tenant that is in the list no more, and may then only read
// and delete: that is how the rules of a removed tenant are cleared away, and its data if Git says so.
const TenantIDHeader = "X-Opsgen-Tenant-Id"

// Config is proxy.yaml.
type Config struct {
	// Cluster is the cluster's name; it is the audience of tenants' tokens unless tokens.audience says otherwise.
	Cluster string `json:"cluster" jsonschema:"required"`
	// Domain is the DNS name below which everything is served ("obs.example.com"). The hosts metrics, logs, otlp,
	// datadog and auth below it belong to the proxy; every other host is the tenant of that name.
	Domain string `json:"domain" jsonschema:"required"`
	// Replicas is the number of proxies. Only a lone one joins a Datadog host's tags to its series. Default 1.
	Replicas int `json:"replicas,omitempty"`
	// TenantsFile is the path of tenants.yaml, or of a folder whose files *.yaml are one list together; then a caller stands
	// in the file of its tenant. Default /etc/proxy-tenants/tenants.yaml.
	TenantsFile string `json:"tenantsFile,omitempty"`
	// Listeners are the three addresses that the proxy listens on.
	Listeners Listeners `json:"listeners,omitempty"`
	// Tokens says which tenants' tokens are trusted.
	Tokens Tokens `json:"tokens,omitempty"`
	// ServiceAccounts says which Kubernetes service-account tokens are trusted.
	ServiceAccounts ServiceAccounts `json:"serviceAccounts,omitempty"`
	// Upstreams are the components that requests are sent to.
	Upstreams Upstreams `json:"upstreams" jsonschema:"required"`
	// Grafana is how people reach their tenant's Grafana.
	Grafana Grafana `json:"grafana" jsonschema:"required"`
	// Login is how people log in for Grafana. Left out, nobody gets to Grafana: people are told that no login is set up.
	Login *Login `json:"login,omitempty"`
	// Limits are the bounds of this process, and what tenants get that name no limits.
	Limits Limits `json:"limits,omitempty"`
	// Timeouts bound how long anything may take.
	Timeouts Timeouts `json:"timeouts,omitempty"`
	// Log says what is logged.
	Log Log `json:"log,omitempty"`
	// Tracing sends traces of the proxy's own work; off unless an endpoint is named.
	Tracing Tracing `json:"tracing,omitempty"`
}

// Listeners are the addresses that the proxy listens on. They are read at the start only.
type Listeners struct {
	// Public is for agents and people outside: TLS, tenants' tokens. Default address ":8443".
	Public TLSListener `json:"public,omitempty"`
	// Internal is for pods of the cluster: TLS, service-account tokens, and tenants' tokens too. Default address ":8444".
	Internal TLSListener `json:"internal,omitempty"`
	// Admin serves /-/ready, /-/healthy and /metrics in plain HTTP. Default address ":9090".
	Admin AdminListener `json:"admin,omitempty"`
}

// TLSListener is an address with certificates.
type TLSListener struct {
	// Address is "host:port", or ":port" for all interfaces.
	Address string `json:"address,omitempty"`
	// Certificates are folders that each hold one certificate chain (tls.crt) and its key (tls.key) as PEM, as a Secret
	// of type kubernetes.io/tls is mounted. A handshake gets the certificate that covers the server name it asks for, and
	// the first one when it asks for none. The folders are watched: a renewal holds from the next handshake on.
	Certificates []string `json:"certificates,omitempty"`
}

// AdminListener is the address for probes and metrics.
type AdminListener struct {
	// Address is "host:port", or ":port" for all interfaces.
	Address string `json:"address,omitempty"`
	// Profiling serves Go's profiles below /debug/pprof/. Default false.
	Profiling bool `json:"profiling,omitempty"`
}

// Algorithm is a signature algorithm of tokens, by its name in RFC 7518 and RFC 8037.
type Algorithm string

// The algorithms that tokens may be signed with. A key of the key set has exactly one of them; what a token's header
// claims never chooses.
const (
	EdDSA Algorithm = "EdDSA"
	ES256 Algorithm = "ES256"
	RS256 Algorithm = "RS256"
)

// Algorithms are all algorithms.
func Algorithms() []Algorithm { return []Algorithm{EdDSA, ES256, RS256} }

// Tokens says which tenants' tokens are trusted. A token is a JWT with the claims iss, aud, exp, nbf, jti, scope and
// sub = "tenant:<name>".
type Tokens struct {
	// Issuer is what iss must be. Default "opsgen".
	Issuer string `json:"issuer,omitempty"`
	// Audience is what aud must contain. Default: the cluster's name.
	Audience string `json:"audience,omitempty"`
	// Algorithms are the accepted ones: a key with another one is refused. Default: all of them.
	Algorithms []Algorithm `json:"algorithms,omitempty"`
	// KeysFile is a JWK set (RFC 7517) of public keys; each has kid and alg. A missing file means no key: every tenant's
	// token is refused. Default /etc/proxy-keys/jwks.json.
	KeysFile string `json:"keysFile,omitempty"`
	// RevocationsFile lists revoked tokens, keys and times. A missing file means none.
	// Default /etc/proxy-keys/revocations.yaml.
	RevocationsFile string `json:"revocationsFile,omitempty"`
	// ClockSkew is how far the clocks of issuer and proxy may differ. Default 30s, at most 5m.
	ClockSkew quantity.Duration `json:"clockSkew,omitempty"`
	// CacheEntries bounds the tokens whose verification is remembered. Default 10000.
	CacheEntries int `json:"cacheEntries,omitempty"`
}

// ServiceAccounts says which projected Kubernetes service-account tokens are trusted. Who may do what with them is in
// tenants.yaml.
type ServiceAccounts struct {
	// Audience is what aud must contain. It is the same on every cluster, so that a manifest of a caller is too; clusters
	// sign with different keys. Default "opsgen-proxy".
	Audience string `json:"audience,omitempty"`
	// Issuer is what iss must be. Left empty it is the issuer that the API server's discovery document names.
	Issuer string `json:"issuer,omitempty"`
	// APIServer is the URL whose /openid/v1/jwks holds the keys. Default https://kubernetes.default.svc.
	APIServer string `json:"apiServer,omitempty"`
	// CAFile holds the authorities (PEM) of APIServer. Default /var/run/secrets/apiserver/ca.crt.
	CAFile string `json:"caFile,omitempty"`
	// TokenFile is the proxy's own token for APIServer, read again before each use.
	// Default /var/run/secrets/apiserver/token.
	TokenFile string `json:"tokenFile,omitempty"`
	// Refresh is how often the keys are fetched. An API server that does not answer leaves the known keys in use.
	// Default 5m, at least 10s.
	Refresh quantity.Duration `json:"refresh,omitempty"`
}

// Upstreams are the components that requests are sent to. Each is a URL of scheme and host ("http://distributor.cortex.svc:8080")
// without a path. A host that resolves to many addresses (a headless Service) is spread over by the proxy.
type Upstreams struct {
	// Metrics are Cortex's components. Left out, the cluster has no metrics: their routes answer 404.
	Metrics *MetricsUpstreams `json:"metrics,omitempty"`
	// Logs are Loki's components. Left out, the cluster has no logs: their routes answer 404.
	Logs *LogsUpstreams `json:"logs,omitempty"`
}

// MetricsUpstreams are Cortex's components; for a single binary all are the same URL.
type MetricsUpstreams struct {
	// Distributor takes remote write and OTLP.
	Distributor string `json:"distributor" jsonschema:"required"`
	// QueryFrontend takes the Prometheus query API.
	QueryFrontend string `json:"queryFrontend" jsonschema:"required"`
	// Ruler takes rule groups, and lists rules and alerts.
	Ruler string `json:"ruler" jsonschema:"required"`
	// Alertmanager takes its configuration, alerts and silences.
	Alertmanager string `json:"alertmanager" jsonschema:"required"`
	// Purger takes requests to delete all metrics of a tenant that was removed. Left out, there is no such route.
	Purger string `json:"purger,omitempty"`
}

// LogsUpstreams are Loki's components; for a single binary all are the same URL.
type LogsUpstreams struct {
	// Distributor takes pushes and OTLP.
	Distributor string `json:"distributor" jsonschema:"required"`
	// QueryFrontend takes queries.
	QueryFrontend string `json:"queryFrontend" jsonschema:"required"`
	// Querier takes the tail over WebSocket.
	Querier string `json:"querier" jsonschema:"required"`
	// Ruler takes rule groups, and lists rules and alerts.
	Ruler string `json:"ruler" jsonschema:"required"`
	// Compactor takes requests to delete.
	Compactor string `json:"compactor" jsonschema:"required"`
}

// Grafana is how people reach their tenant's Grafana.
type Grafana struct {
	// Upstream is the URL of a tenant's Grafana, in which {tenant} stands for its name:
	// "http://grafana.tenant-{tenant}.svc:3000".
	Upstream string `json:"upstream" jsonschema:"required"`
	// SigningKey is the folder with the key pair (tls.crt, tls.key) that people's identities are signed with, for header
	// GrafanaTokenHeader. A changed key is published at once and used only after KeyOverlap. Without the folder nobody
	// gets to Grafana. Default /etc/proxy-signing.
	SigningKey string `json:"signingKey,omitempty"`
	// KeyOverlap is how long Grafana may keep the public keys that it fetched, and so for how long the key before is still
	// used. Default 10m.
	KeyOverlap quantity.Duration `json:"keyOverlap,omitempty"`
}
