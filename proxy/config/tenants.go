package config

// Tenants is tenants.yaml: who the tenants are, and which pods of the cluster may act for them.
type Tenants struct {
	// Tenants are the tenants of this cluster. A token of a tenant that is not listed is refused.
	Tenants []Tenant `json:"tenants,omitempty"`
	// Callers are pods that show their own service account's token. Where two entries fit a caller, the one that names the
	// service account is taken.
	Callers []Caller `json:"callers,omitempty"`
}

// Tenant is one tenant.
type Tenant struct {
	// Name is the tenant's in tokens, and its host below the domain: a DNS label.
	Name string `json:"name" jsonschema:"required"`
	// ID is the tenant's in Cortex and Loki: letters, digits and hyphens. Defaults to Name. It differs where a tenant of the
	// same name was removed, whose data this one must not read.
	ID string `json:"id,omitempty"`
	// Limits are the tenant's own; fields that are left out follow limits.tenant in proxy.yaml.
	Limits TenantLimits `json:"limits,omitempty"`
	// Grafana says who may use the tenant's Grafana; left out, it has none.
	Grafana *Access `json:"grafana,omitempty"`
}

// DataID is the tenant's name in Cortex and Loki.
func (t Tenant) DataID() string {
	if t.ID != "" {
		return t.ID
	}
	return t.Name
}

// Access gives roles in Grafana to groups of people, by the names that the identity provider uses. Whoever is in none of
// the groups is turned away; whoever is in several gets the highest role.
type Access struct {
	// Admins are groups whose people may change everything but what comes from Git.
	Admins []string `json:"admins,omitempty"`
	// Editors are groups whose people may change dashboards.
	Editors []string `json:"editors,omitempty"`
	// Viewers are groups whose people may look.
	Viewers []string `json:"viewers,omitempty"`
}

// Scope is something that a caller may do, as in a token's scope claim.
type Scope string

// The scopes. Reading rules and the alerts that they fire is part of metrics:read and logs:read.
const (
	// MetricsWrite sends metrics: remote write, OTLP, Datadog.
	MetricsWrite Scope = "metrics:write"
	// MetricsRead queries metrics.
	MetricsRead Scope = "metrics:read"
	// LogsWrite sends logs: push, OTLP, Datadog.
	LogsWrite Scope = "logs:write"
	// LogsRead queries and tails logs.
	LogsRead Scope = "logs:read"
	// RulesWrite changes rule groups of metrics and logs.
	RulesWrite Scope = "rules:write"
	// AlertsRead looks at alerts, receivers and silences in Alertmanager.
	AlertsRead Scope = "alerts:read"
	// AlertsWrite posts alerts and changes silences.
	AlertsWrite Scope = "alerts:write"
	// AlertsConfigure changes the Alertmanager's configuration.
	AlertsConfigure Scope = "alerts:configure"
	// DataDelete asks for series or lines to be deleted.
	DataDelete Scope = "data:delete"
)

// Scopes are all scopes.
func Scopes() []Scope {
	return []Scope{
		MetricsWrite, MetricsRead, LogsWrite, LogsRead, RulesWrite, AlertsRead, AlertsWrite, AlertsConfigure, DataDelete,
	}
}

// Caller is a pod of the cluster, by its namespace and service account, and what it may do.
type Caller struct {
	// Namespace is the namespace of the caller's service account.
	Namespace string `json:"namespace" jsonschema:"required"`
	// ServiceAccount is the account's name; left empty, every account of the namespace.
	ServiceAccount string `json:"serviceAccount,omitempty"`
	// Tenant is the one tenant that the caller acts for. Exactly one of Tenant and AnyTenant is written.
	Tenant string `json:"tenant,omitempty"`
	// AnyTenant lets the caller say in the header TenantHeader or X-Scope-OrgID for which one tenant it acts. It is for the
	// platform's own programs only (the syncer), and needs ServiceAccount.
	AnyTenant bool `json:"anyTenant,omitempty"`
	// Scopes are what the caller may do.
	Scopes []Scope `json:"scopes" jsonschema:"required"`
}

// ReservedHosts are the hosts below the domain that belong to the proxy, and so cannot be tenants' names.
func ReservedHosts() []string { return []string{"auth", "datadog", "logs", "metrics", "otlp"} }
