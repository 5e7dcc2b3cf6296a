package cluster

import "github.com/opsgen/opsgen/generator/quantity"

// Cluster is clusters/<name>/cluster.yaml.
type Cluster struct {
	// Name is the folder's name; it is not written in the file.
	Name string `json:"name" jsonschema:"-"`
	// Domain is the DNS name below which everything is served: metrics.<domain>, logs.<domain>, <tenant>.<domain>.
	Domain string `json:"domain" jsonschema:"required,example=obs.example.com"`
	// Kubernetes is the cluster's minor version ("1.35"); objects are checked for it. Defaults to the newest one that
	// the bundle supports.
	Kubernetes string `json:"kubernetes,omitempty" jsonschema:"example=1.35"`
	// Provider says where the cluster runs.
	Provider Provider `json:"provider" jsonschema:"required"`
	// Source is the Git repository that Flux follows.
	Source Source `json:"source" jsonschema:"required"`
	// Capacity is what the cluster is built to carry; replicas, requests and volumes follow from it.
	Capacity Capacity `json:"capacity" jsonschema:"required"`
	// Options are choices that change the shape of the bundle.
	Options Options `json:"options,omitempty"`
	// Certificates says who signs the wildcard certificate.
	Certificates Certificates `json:"certificates,omitempty"`
	// DNS is the zone that records and DNS-01 challenges are written to.
	DNS DNS `json:"dns,omitempty"`
	// Login is how people log in for Grafana; left out, nobody can.
	Login *Login `json:"login,omitempty"`
	// Tracing is where the front door sends spans of its own requests; left out, it sends none.
	Tracing *Tracing `json:"tracing,omitempty"`
	// Registry is a private registry's prefix for every image ("registry.example.com/mirror"). An image
	// "quay.io/a/b:v1" becomes "registry.example.com/mirror/quay.io/a/b:v1".
	Registry string `json:"registry,omitempty"`
	// TenantDefaults are what a tenant gets that does not say it itself.
	TenantDefaults TenantDefaults `json:"tenantDefaults,omitzero"`
	// Exporters bounds what tenants' exporters reach.
	Exporters Exporters `json:"exporters,omitzero"`
	// Overlays are further folders of overlays/ to apply after the provider's own, in this order.
	Overlays []string `json:"overlays,omitempty"`
	// Components override single components, by the name of their folder in bases/.
	Components map[string]Component `json:"components,omitempty"`
}

// Provider says where the cluster runs.
type Provider struct {
	// Name is the kind of place: aws (EKS), gcp (GKE) or existing (any cluster that a kubeconfig reaches).
	Name string `json:"name" jsonschema:"required,enum=aws,enum=gcp,enum=existing"`
	// Account is the AWS account number or the Google Cloud project.
	Account string `json:"account,omitempty"`
	// Region is the cloud's region ("eu-central-1", "europe-west3").
	Region string `json:"region,omitempty"`
	// Zones are the availability zones that nodes run in. Replication factor 3 needs three.
	Zones []string `json:"zones,omitempty"`
	// MaxNodes is the most nodes that the cluster may have; a capacity that needs more is refused. 0: no limit.
	MaxNodes int `json:"maxNodes,omitempty"`
	// Identities are the cloud identities that components run as, by component: an IAM role's ARN on aws, a service
	// account's e-mail on gcp. On aws an empty entry means EKS Pod Identity, which needs no annotation.
	Identities map[string]string `json:"identities,omitempty"`
	// Storage is where blocks, chunks and rules are kept.
	Storage Storage `json:"storage,omitempty"`
	// Network is the network that nodes and pods are in. Only for aws and gcp.
	Network Network `json:"network,omitzero"`
	// Endpoint says from where the Kubernetes API is reached. Only for aws and gcp.
	Endpoint Endpoint `json:"endpoint,omitzero"`
	// Key is a KMS key of yours that Kubernetes' Secrets are encrypted with: its ARN on aws, and on gcp its whole name,
	// "projects/…/cryptoKeys/…", to which bootstrap adds GKE's right to use it. It is never changed and never deleted.
	// Left out, bootstrap makes one. Only for aws and gcp.
	Key string `json:"key,omitempty" jsonschema:"example=arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"`
	// NodeRelease is the release of EKS' own image that nodes run ("1.35.6-20260728"): bootstrap brings them to it, one zone
	// after the other. Left out, nodes keep what was the newest one when they were made, or last upgraded; bootstrap plan
	// says when there is a newer one. EKS never goes back to an older one. Only for aws.
	NodeRelease string `json:"nodeRelease,omitempty" jsonschema:"example=1.35.6-20260728"`
}

// Network is the network of the cluster: one that bootstrap makes, or yours. Only for aws and gcp.
type Network struct {
	// ID is a VPC of yours that the cluster is put into: its ID on aws ("vpc-0a1b2c3d"), its name in the project on gcp.
	// It is never changed and never deleted. Left out, bootstrap makes one.
	ID string `json:"id,omitempty" jsonschema:"example=vpc-0a1b2c3d4e5f60718"`
	// Subnets are those of that VPC for nodes and pods, which must lead out, to registries and to the cloud. On aws, one
	// for each of provider.zones, in the same order. On gcp one, by its name, with secondary ranges called pods and
	// services and with private access to Google.
	Subnets []string `json:"subnets,omitempty"`
	// NATGateways is zone (one in each zone, the default) or single: one for all, which costs less. When its zone fails,
	// nodes in the other zones lose their way out, too, and AWS charges for traffic between zones. Only for aws.
	NATGateways string `json:"natGateways,omitempty" jsonschema:"enum=zone,enum=single"`
}

// Endpoint says from where the Kubernetes API is reached. Nodes always reach it inside of the network. Only for aws and
// gcp.
type Endpoint struct {
	// Private closes the API to everybody outside of the network. bootstrap, kubectl and whoever else uses it must then be
	// inside, by a VPN for example. On gcp, an open API has no public address: it is reached by a name, where Google asks for
	// an identity first.
	Private bool `json:"private,omitempty"`
	// CIDRs are the only addresses from which the API is reached from outside ("203.0.113.0/24"). Default: all. On gcp they
	// give it a public address, and close its name.
	CIDRs []string `json:"cidrs,omitempty" jsonschema:"example=203.0.113.0/24"`
}

// Storage is the object storage. On aws and gcp only the buckets' names can differ from the defaults.
type Storage struct {
	// Metrics, Logs and Rules are the buckets' names. They default to <cluster>-metrics, <cluster>-logs and
	// <cluster>-rules.
	Metrics string `json:"metrics,omitempty"`
	Logs    string `json:"logs,omitempty"`
	Rules   string `json:"rules,omitempty"`
	// Given says that the buckets are there already: they are used as they are, never changed and never deleted. Only for
	// aws and gcp; provider existing uses what is there anyway.
	Given bool `json:"given,omitempty"`
	// Endpoint is an S3-compatible store for the provider existing ("s3.example.com"). Left empty there, a small
	// S3 server is installed in the cluster.
	Endpoint string `json:"endpoint,omitempty"`
	// Secret is the name of a Secret with the keys access-key and secret-key for Endpoint. It must exist in the
	// namespaces cortex and loki.
	Secret string `json:"secret,omitempty"`
}

// Source is the Git repository that Flux follows. Exactly one of Semver and Branch is set.
type Source struct {
	// URL is the repository: https:// or ssh://.
	URL string `json:"url" jsonschema:"required,example=https://github.com/acme/observability"`
	// Semver is the range of deployment tags to follow, for production ("1.x").
	Semver string `json:"semver,omitempty" jsonschema:"example=1.x"`
	// Branch is the branch to follow, for staging: a merge is live.
	Branch string `json:"branch,omitempty" jsonschema:"example=main"`
	// Secret is the name of a Secret in flux-system with the credentials for URL; empty for a public repository.
	Secret string `json:"secret,omitempty"`
	// VerifySecret is the name of a Secret in flux-system with the keys that tags must be signed with.
	VerifySecret string `json:"verifySecret,omitempty"`
	// Interval is how often the repository is looked at.
	Interval quantity.Duration `json:"interval,omitempty"`
}

// Capacity is the load that the cluster is built for, over all tenants together.
type Capacity struct {
	// Metrics is the load of metrics.
	Metrics MetricsCapacity `json:"metrics" jsonschema:"required"`
	// Logs is the load of logs.
	Logs LogsCapacity `json:"logs" jsonschema:"required"`
}

// MetricsCapacity is the load of metrics.
type MetricsCapacity struct {
	// ActiveSeries is the number of series that receive samples, before replication.
	ActiveSeries quantity.Count `json:"activeSeries" jsonschema:"required"`
	// ScrapeInterval is the usual time between two samples of a series.
	ScrapeInterval quantity.Duration `json:"scrapeInterval,omitempty"`
	// Retention is how long samples are kept unless a tenant says otherwise.
	Retention quantity.Duration `json:"retention" jsonschema:"required"`
	// QueriesPerSecond is the number of queries at the busiest time, rules included.
	QueriesPerSecond float64 `json:"queriesPerSecond,omitempty"`
	// MaxQueryRange is the longest time range of one query. Defaults to Retention.
	MaxQueryRange quantity.Duration `json:"maxQueryRange,omitempty"`
}

// LogsCapacity is the load of logs.
type LogsCapacity struct {
	// BytesPerDay is the volume of raw log lines received in a day.
	BytesPerDay quantity.Bytes `json:"bytesPerDay" jsonschema:"required"`
	// Retention is how long lines are kept unless a tenant says otherwise.
	Retention quantity.Duration `json:"retention" jsonschema:"required"`
	// QueriesPerSecond is the number of queries at the busiest time, rules included.
	QueriesPerSecond float64 `json:"queriesPerSecond,omitempty"`
	// MaxQueryRange is the longest time range of one query. Defaults to the smaller of Retention and 30 days.
	MaxQueryRange quantity.Duration `json:"maxQueryRange,omitempty"`
}

// Options are choices that change the shape of the bundle.
type Options struct {
	// Topology is microservices, or single-binary: one process each for Cortex and Loki, for one small node.
	Topology string `json:"topology,omitempty" jsonschema:"enum=microservices,enum=single-binary"`
	// Replication is how many copies of recent samples and lines are held: 3 (in three zones) or 1.
	Replication int `json:"replication,omitempty" jsonschema:"enum=1,enum=3"`
	// PrivateLoadBalancer gives the front door an address inside the network only.
	PrivateLoadBalancer bool `json:"privateLoadBalancer,omitempty"`
}

// Certificates says who signs the wildcard certificate.
type Certificates struct {
	// Issuer is acme (Let's Encrypt), acme-staging (its test service) or self-signed.
	Issuer string `json:"issuer,omitempty" jsonschema:"enum=acme,enum=acme-staging,enum=self-signed"`
	// Email is the ACME account's address, which warnings about expiry go to.
	Email string `json:"email,omitempty"`
}

// DNS is the zone that records and DNS-01 challenges are written to.
type DNS struct {
	// Zone is the zone's name. Defaults to the cluster's domain.
	Zone string `json:"zone,omitempty"`
	// ZoneID is the cloud's identifier of the zone (Route 53: "Z0…"; Cloud DNS: the managed zone's name).
	ZoneID string `json:"zoneID,omitempty"`
}

// Login is the OpenID Connect provider where people log in for Grafana. It must know https://auth.<domain>/callback as
// the client's redirect URI. Which groups have which role is said in each tenant.yaml (grafana.roles).
type Login struct {
	// Issuer is the provider's URL, exactly as its discovery document has it.
	Issuer string `json:"issuer" jsonschema:"required,example=https://login.example.com/realms/acme"`
	// ClientID is the name under which the provider knows the cluster's proxy.
	ClientID string `json:"clientID" jsonschema:"required,example=observability"`
	// ClientSecret is the name of a Secret in the namespace proxy with the key client-secret; empty for a public client.
	ClientSecret string `json:"clientSecret,omitempty"`
	// GroupsClaim is the claim that lists a person's groups. Defaults to "groups".
	GroupsClaim string `json:"groupsClaim,omitempty"`
	// Scopes are asked for at the provider. Default: openid, profile, email. Some providers send groups only when asked
	// for a scope of their own ("groups").
	Scopes []string `json:"scopes,omitempty"`
	// SessionLifetime is how long a person stays logged in, and so how long a group is believed that the provider has
	// taken away. Defaults to 12h; from 5m to 7d.
	SessionLifetime quantity.Duration `json:"sessionLifetime,omitempty"`
	// CA is the name of a ConfigMap in the namespace proxy with the key ca.crt: the authority of a provider whose
	// certificate the public ones did not sign.
	CA string `json:"ca,omitempty"`
}

// Tracing is a receiver of OTLP over HTTP.
type Tracing struct {
	// Endpoint is its URL of scheme, host and port. A Service of the cluster is NAME.NAMESPACE.svc, and its pods listen on
	// the port of the URL: the front door may reach that port of that namespace, and no other.
	Endpoint string `json:"endpoint" jsonschema:"required,example=http://collector.observability.svc:4318"`
	// Sample is the part of the requests that are traced, from 0 to 1. Default 0.01.
	Sample float64 `json:"sample,omitempty"`
}

// Component overrides one component.
type Component struct {
	// Enabled switches the component on or off against its default.
	Enabled *bool `json:"enabled,omitempty"`
	// Workloads override the computed size of single workloads, by their name ("ingester").
	Workloads map[string]Workload `json:"workloads,omitempty"`
	// Values are merged over the values of a component that is a Helm chart.
	Values map[string]any `json:"values,omitempty"`
}

// Workload overrides the computed size of one workload. Empty fields keep what was computed.
type Workload struct {
	// Replicas is the number of pods; for a workload that is split into zones, in each zone.
	Replicas *int `json:"replicas,omitempty" jsonschema:"minimum=0"`
	// MaxReplicas leaves the number of pods to a HorizontalPodAutoscaler, from replicas up to this one, by their use of
	// CPU. For workloads without a volume and a place of their own: proxies, distributors, query-frontends, queriers.
	MaxReplicas int `json:"maxReplicas,omitempty" jsonschema:"minimum=0"`
	// CPU is the request in Kubernetes notation ("500m", "2").
	CPU string `json:"cpu,omitempty"`
	// Memory is request and limit in Kubernetes notation ("512Mi", "16Gi").
	Memory string `json:"memory,omitempty"`
	// Storage is the size of each pod's volume in Kubernetes notation ("100Gi").
	Storage string `json:"storage,omitempty"`
}

// Exporters bounds what tenants' exporters reach.
type Exporters struct {
	// Networks are the private networks that tenants may name for their exporters. Left out, exporters reach public
	// addresses only. A network of the cluster's own pods, nodes or services lets every tenant ask the platform itself.
	Networks []string `json:"networks,omitempty" jsonschema:"example=10.20.4.0/24"`
}

// TenantDefaults are what tenants of this cluster get that do not say it in their tenant.yaml. Limits come from the class.
type TenantDefaults struct {
	// Class is the class of tenants that name none. Default small.
	Class string `json:"class,omitempty" jsonschema:"enum=small,enum=medium,enum=large"`
	// Metrics are defaults for metrics.
	Metrics MetricsDefaults `json:"metrics,omitzero"`
	// Logs are defaults for logs.
	Logs LogsDefaults `json:"logs,omitzero"`
	// Grafana are defaults for the tenants' Grafanas.
	Grafana GrafanaDefaults `json:"grafana,omitzero"`
}

// MetricsDefaults are defaults for tenants' metrics.
type MetricsDefaults struct {
	// Retention is how long samples are kept. Defaults to capacity.metrics.retention.
	Retention quantity.Duration `json:"retention,omitempty"`
	// MaxQueryRange is the longest time range of one query. Defaults to capacity.metrics.maxQueryRange.
	MaxQueryRange quantity.Duration `json:"maxQueryRange,omitempty"`
	// OutOfOrder is how late a sample may arrive. Default 10m.
	OutOfOrder quantity.Duration `json:"outOfOrder,omitempty"`
	// ShardSize is the number of ingesters, over all zones, that one tenant's series are spread over. Default 0: all.
	ShardSize int `json:"shardSize,omitempty" jsonschema:"minimum=0"`
}

// LogsDefaults are defaults for tenants' logs.
type LogsDefaults struct {
	// Retention is how long lines are kept. Defaults to capacity.logs.retention.
	Retention quantity.Duration `json:"retention,omitempty"`
	// MaxQueryRange is the longest time range of one query. Defaults to capacity.logs.maxQueryRange.
	MaxQueryRange quantity.Duration `json:"maxQueryRange,omitempty"`
}

// GrafanaDefaults are defaults for tenants' Grafanas.
type GrafanaDefaults struct {
	// Enabled is true unless it is written false.
	Enabled *bool `json:"enabled,omitempty"`
}
