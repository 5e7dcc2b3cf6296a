package component

// Layer is one of the five steps in which Flux builds a cluster, each waiting for the one before.
type Layer string

// The layers, in their order.
const (
	// CRDs holds custom resource definitions and namespaces.
	CRDs Layer = "crds"
	// Controllers holds Flux, cert-manager, external-dns and, on aws, the cluster autoscaler.
	Controllers Layer = "controllers"
	// Config holds custom resources of the controllers, and the configuration that lists tenants.
	Config Layer = "config"
	// Platform holds Cortex, Loki, the proxy and what they need.
	Platform Layer = "platform"
	// Tenants holds one entry a tenant.
	Tenants Layer = "tenants"
)

// Layers are all layers in their order.
func Layers() []Layer { return []Layer{CRDs, Controllers, Config, Platform, Tenants} }

// Component is bases/<name>/component.yaml.
type Component struct {
	// Name is the folder's name; it is not written in the file.
	Name string `json:"name" jsonschema:"-"`
	// Description says in one sentence what the component is for.
	Description string `json:"description" jsonschema:"required"`
	// Layer is where main.jsonnet, chart.jsonnet and zone.jsonnet go.
	Layer Layer `json:"layer" jsonschema:"required,enum=controllers,enum=config,enum=platform"`
	// Namespace is where namespaced objects go that name none. opsgen makes the namespace.
	Namespace string `json:"namespace" jsonschema:"required"`
	// Privileges is the Pod Security level of the namespace; restricted unless written.
	Privileges string `json:"privileges,omitempty" jsonschema:"enum=restricted,enum=baseline,enum=privileged"`
	// Disabled leaves the component out unless cluster.yaml enables it.
	Disabled bool `json:"disabled,omitempty"`
	// Providers are the providers that the component is for; empty means all.
	Providers []string `json:"providers,omitempty"`
	// BundledStorage leaves the component out where the cluster brings its own object storage.
	BundledStorage bool `json:"bundledStorage,omitempty"`
	// Requires are components of the same layer that must be ready first.
	Requires []string `json:"requires,omitempty"`
	// Stateful keeps the objects in the cluster when the component leaves Git (Flux deletionPolicy Orphan).
	Stateful bool `json:"stateful,omitempty"`
	// Sources are the entries of versions.yaml whose files the Jsonnet reads with std.native('source').
	Sources []string `json:"sources,omitempty"`
	// Chart is the Helm chart that chart.jsonnet gives the values for.
	Chart *Chart `json:"chart,omitempty"`
	// Health are CEL expressions that say when custom resources made by this component are ready.
	Health []Health `json:"health,omitempty"`
}

// Chart is a pinned Helm chart.
type Chart struct {
	// Source is the entry of versions.yaml that holds the chart.
	Source string `json:"source" jsonschema:"required"`
	// Path is the chart's folder inside the source; "." for a source that is the chart.
	Path string `json:"path" jsonschema:"required"`
	// Hooks are the names of hook objects to keep ("Job/name"); all others are dropped and reported.
	Hooks []string `json:"hooks,omitempty"`
	// AllowFunctions are random or clock functions that the chart may use although they make renders differ.
	AllowFunctions []string `json:"allowFunctions,omitempty"`
}

// Health is one entry of a Flux Kustomization's healthCheckExprs.
type Health struct {
	// APIVersion is the custom resource's ("cert-manager.io/v1").
	APIVersion string `json:"apiVersion" jsonschema:"required"`
	// Kind is the custom resource's kind.
	Kind string `json:"kind" jsonschema:"required"`
	// Current is true when the resource is ready.
	Current string `json:"current" jsonschema:"required"`
	// InProgress is true while it is getting ready.
	InProgress string `json:"inProgress,omitempty"`
	// Failed is true when it will not get ready by itself.
	Failed string `json:"failed,omitempty"`
}
