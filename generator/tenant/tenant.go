package tenant

import (
	"github.com/opsgen/opsgen/generator/exporter"
	"github.com/opsgen/opsgen/generator/quantity"
)

// Tenant is tenants/<name>/tenant.yaml with the files beside it.
type Tenant struct {
	// Name is the folder's name; it is not written in the file.
	Name string `json:"name" jsonschema:"-"`
	// Files are the files beside tenant.yaml; they are not written in it.
	Files Files `json:"files,omitzero" jsonschema:"-"`
	// ID is the tenant's name in Cortex and Loki, and so in the object storage: whoever has the ID reads its data. It must
	// never change. `opsgen tenant add` makes one that nobody had before; left out, it is the folder's name.
	ID string `json:"id,omitempty" jsonschema:"example=payments-k7x2q"`
	// DisplayName is what people see ("Payments"). Defaults to the folder's name.
	DisplayName string `json:"displayName,omitempty"`
	// Owners are the people or groups that answer for the tenant ("@acme/payments").
	Owners []string `json:"owners,omitempty"`
	// Clusters are the names of the clusters that the tenant lives on; "*" is every cluster.
	Clusters []string `json:"clusters" jsonschema:"required"`
	// Class is the size that limits default to: that of the cluster's tenantDefaults, and small without any.
	Class string `json:"class,omitempty" jsonschema:"enum=small,enum=medium,enum=large"`
	// Metrics are limits and retention of metrics.
	Metrics Metrics `json:"metrics,omitempty"`
	// Logs are limits and retention of logs.
	Logs Logs `json:"logs,omitempty"`
	// Grafana is the tenant's own Grafana.
	Grafana Grafana `json:"grafana,omitempty"`
	// Access says who inside the cluster may write or read without a token.
	Access []Access `json:"access,omitempty"`
	// Exporters fetch metrics from where they are, a cloud's monitoring or probes from outside, into the tenant's metrics.
	Exporters *exporter.Exporters `json:"exporters,omitempty"`
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
	// OutOfOrder is how late a sample may arrive. Default 10m.
	OutOfOrder quantity.Duration `json:"outOfOrder,omitempty"`
	// ShardSize is the number of ingesters, over all zones, that the tenant's series are spread over: what one tenant
	// breaks then stays with few. 0, the default, is all of them. A number that is written must never become smaller.
	ShardSize int `json:"shardSize,omitempty" jsonschema:"minimum=0"`
	// HADedup drops the copies that pairs of Prometheus servers send; left out, both are kept.
	HADedup *HADedup `json:"haDedup,omitempty"`
}

// HADedup takes the samples of one replica of a pair, and those of the other when the first falls silent for 30 s. Both
// labels must be on every series of the pair; the replica's label is removed.
type HADedup struct {
	// ClusterLabel is the label that names the pair. Default "cluster".
	ClusterLabel string `json:"clusterLabel,omitempty"`
	// ReplicaLabel is the label that tells the two apart. Default "__replica__".
	ReplicaLabel string `json:"replicaLabel,omitempty"`
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
	// Enabled is true unless it is written false here or in the cluster's tenantDefaults.
	Enabled *bool `json:"enabled,omitempty"`
	// Roles give a role to groups of the identity provider: keys Admin, Editor, Viewer.
	Roles map[string][]string `json:"roles,omitempty"`
	// CPU is the request of Grafana's container in Kubernetes notation ("500m"). Defaults to the cluster's size.
	CPU string `json:"cpu,omitempty" jsonschema:"example=500m"`
	// Memory is its request and limit in Kubernetes notation ("1Gi"). Defaults to the cluster's size.
	Memory string `json:"memory,omitempty" jsonschema:"example=1Gi"`
	// MemoryBytes is Memory in bytes, for the bases; it is not written in the file.
	MemoryBytes int64 `json:"memoryBytes,omitempty" jsonschema:"-"`
	// Storage is the size of a volume for what people make in Grafana itself ("2Gi"), which is lost with the pod
	// otherwise. It can be raised where the storage class lets volumes grow, and never be made smaller. What is in Git
	// needs none.
	Storage string `json:"storage,omitempty" jsonschema:"example=2Gi"`
	// Plugins are refused for now: Grafana has no way out to fetch one, and runs on a read-only file system.
	Plugins []string `json:"plugins,omitempty"`
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
