package tenant

import "github.com/opsgen/opsgen/generator/quantity"

// Tenant is tenants/<name>/tenant.yaml with the files beside it.
type Tenant struct {
	// Name is the folder's name; it is not written in the file. It is the tenant's ID in Cortex and Loki.
	Name string `json:"name" jsonschema:"-"`
	// Dashboards are the files of dashboards/ by file name, not written in the file.
	Dashboards map[string]string `json:"dashboards,omitempty" jsonschema:"-"`
	// DisplayName is what people see ("Payments"). Defaults to the folder's name.
	DisplayName string `json:"displayName,omitempty"`
	// Owners are the people or groups that answer for the tenant ("@acme/payments").
	Owners []string `json:"owners,omitempty"`
	// Clusters are the names of the clusters that the tenant lives on; "*" is every cluster.
	Clusters []string `json:"clusters" jsonschema:"required"`
	// Class is the size that limits default to.
	Class string `json:"class,omitempty" jsonschema:"enum=small,enum=medium,enum=large"`
	// Metrics are limits and retention of metrics.
	Metrics Metrics `json:"metrics,omitempty"`
	// Logs are limits and retention of logs.
	Logs Logs `json:"logs,omitempty"`
	// Grafana is the tenant's own Grafana.
	Grafana Grafana `json:"grafana,omitempty"`
	// Access says who inside the cluster may write or read without a token.
	Access []Access `json:"access,omitempty"`
}

// Metrics are limits and retention of metrics. Empty fields follow the class and the cluster.
type Metrics struct {
	// Retention is how long samples are kept. Defaults to the cluster's.
	Retention quantity.Duration `json:"retention,omitempty"`
	// ActiveSeries is the most series that may receive samples at a time.
	ActiveSeries quantity.Count `json:"activeSeries,omitempty"`
	// SamplesPerSecond is the most samples a second; bursts may be ten times as many.
	SamplesPerSecond quantity.Count `json:"samplesPerSecond,omitempty"`
	// MaxQueryRange is the longest time range of one query. Defaults to the cluster's.
	MaxQueryRange quantity.Duration `json:"maxQueryRange,omitempty"`
	// OutOfOrder is how late a sample may arrive.
	OutOfOrder quantity.Duration `json:"outOfOrder,omitempty"`
}

// Logs are limits and retention of logs. Empty fields follow the class and the cluster.
type Logs struct {
	// Retention is how long lines are kept. Defaults to the cluster's.
	Retention quantity.Duration `json:"retention,omitempty"`
	// BytesPerDay is the volume that the tenant may send in a day, spread evenly; bursts may be ten times as fast.
	BytesPerDay quantity.Bytes `json:"bytesPerDay,omitempty"`
	// Streams is the most streams (label sets) that may be active at a time.
	Streams quantity.Count `json:"streams,omitempty"`
	// MaxQueryRange is the longest time range of one query. Defaults to the cluster's.
	MaxQueryRange quantity.Duration `json:"maxQueryRange,omitempty"`
}

// Grafana is the tenant's own Grafana.
type Grafana struct {
	// Enabled is true unless it is written false.
	Enabled *bool `json:"enabled,omitempty"`
	// Roles give a role to groups of the identity provider: keys Admin, Editor, Viewer.
	Roles map[string][]string `json:"roles,omitempty"`
}

// Access lets the pods of one namespace in without a token: they show their own service account's.
type Access struct {
	// Namespace is the namespace of the callers.
	Namespace string `json:"namespace" jsonschema:"required"`
	// ServiceAccount narrows it to one service account. Empty: all of the namespace.
	ServiceAccount string `json:"serviceAccount,omitempty"`
	// Scopes are what they may do.
	Scopes []string `json:"scopes" jsonschema:"required,enum=metrics:write,enum=metrics:read,enum=logs:write,enum=logs:read"`
}
