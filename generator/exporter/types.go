package exporter

import "github.com/opsgen/opsgen/generator/quantity"

// Exporters are the programs that fetch a tenant's metrics, at most one of each kind, and the bounds of them all.
type Exporters struct {
	// Networks are private networks that these exporters may reach besides public addresses ("10.20.4.0/24"). Each must be
	// part of one that the cluster's owner allows (exporters.networks in cluster.yaml).
	Networks []string `json:"networks,omitempty" jsonschema:"example=10.20.4.0/24"`
	// SamplesPerScrape is the most samples that one answer of an exporter may hold; one with more is dropped as a whole.
	// Default 20k, at most 200k.
	SamplesPerScrape quantity.Count `json:"samplesPerScrape,omitempty"`
	// CloudWatch fetches metrics of AWS.
	CloudWatch *CloudWatch `json:"cloudwatch,omitempty"`
	// CloudMonitoring fetches metrics of Google Cloud.
	CloudMonitoring *CloudMonitoring `json:"cloudMonitoring,omitempty"`
	// AzureMonitor fetches metrics of Azure.
	AzureMonitor *AzureMonitor `json:"azureMonitor,omitempty"`
	// Blackbox asks addresses from outside, as a user would.
	Blackbox *Blackbox `json:"blackbox,omitempty"`
}

// CloudWatch fetches metrics of AWS with prometheus-community/yet-another-cloudwatch-exporter.
type CloudWatch struct {
	// Role is the IAM role that the exporter takes on by the token of its service account, exporter-cloudwatch in the
	// tenant's namespace. The role must trust the cluster's OpenID Connect provider for that account.
	Role string `json:"role" jsonschema:"required,example=arn:aws:iam::123456789012:role/payments-cloudwatch"`
	// Regions are asked by every job that names none.
	Regions []string `json:"regions" jsonschema:"required,example=eu-central-1"`
	// Interval is how often CloudWatch is asked, which it bills by metric. Default 5m, at least 1m.
	Interval quantity.Duration `json:"interval,omitempty"`
	// Jobs say which metrics.
	Jobs []CloudWatchJob `json:"jobs" jsonschema:"required"`
	// Memory is the exporter's request and limit in Kubernetes notation. Default 128Mi.
	Memory string `json:"memory,omitempty" jsonschema:"example=256Mi"`
}

// CloudWatchJob is some metrics of one namespace of CloudWatch.
type CloudWatchJob struct {
	// Namespace is CloudWatch's: AWS/RDS, or the team's own.
	Namespace string `json:"namespace" jsonschema:"required,example=AWS/RDS"`
	// Regions are asked instead of those for all jobs.
	Regions []string `json:"regions,omitempty"`
	// Roles are taken on for this job by the first one, for other accounts.
	Roles []string `json:"roles,omitempty" jsonschema:"example=arn:aws:iam::210987654321:role/metrics-reader"`
	// Tags are what a resource must have to be asked for; values are regular expressions. Without any, all metrics of the
	// namespace are, whatever resource they are of.
	Tags map[string]string `json:"tags,omitempty"`
	// Dimensions are all dimensions that a metric must have to be fetched; empty takes any.
	Dimensions []string `json:"dimensions,omitempty"`
	// Period is what a value stands for, in whole minutes. Default 5m.
	Period quantity.Duration `json:"period,omitempty"`
	// Metrics are their names.
	Metrics []CloudWatchMetric `json:"metrics" jsonschema:"required"`
}

// CloudWatchMetric is one metric.
type CloudWatchMetric struct {
	// Name is CloudWatch's ("CPUUtilization").
	Name string `json:"name" jsonschema:"required,example=CPUUtilization"`
	// Statistics are Average, Maximum, Minimum, Sum, SampleCount, or percentiles ("p99"). Default Average.
	Statistics []string `json:"statistics,omitempty"`
}

// CloudMonitoring fetches metrics of Google Cloud with prometheus-community/stackdriver_exporter.
type CloudMonitoring struct {
	// Projects are the IDs of the projects that have the metrics.
	Projects []string `json:"projects" jsonschema:"required,example=acme-payments"`
	// ServiceAccount is the Google service account that the exporter acts as; left out, it is itself a principal of Google
	// Cloud, by its service account exporter-cloud-monitoring in the tenant's namespace.
	ServiceAccount string `json:"serviceAccount,omitempty" jsonschema:"example=metrics@acme-payments.iam.gserviceaccount.com"`
	// WorkloadIdentityProvider is the provider that trusts the cluster, for clusters that are not Google's:
	// projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER. Clusters of Google need none.
	WorkloadIdentityProvider string `json:"workloadIdentityProvider,omitempty"`
	// Metrics are beginnings of metric types ("pubsub.googleapis.com/subscription").
	Metrics []string `json:"metrics" jsonschema:"required,example=pubsub.googleapis.com/subscription"`
	// Filters narrow the metrics that begin so, in the language of Cloud Monitoring.
	Filters map[string]string `json:"filters,omitempty"`
	// Interval is how often Cloud Monitoring is asked, which it bills by call. Default 2m, from 1m to 4m: queries look back
	// for 5m.
	Interval quantity.Duration `json:"interval,omitempty"`
	// Memory is the exporter's request and limit in Kubernetes notation. Default 128Mi.
	Memory string `json:"memory,omitempty" jsonschema:"example=256Mi"`
}

// AzureMonitor fetches metrics of Azure with webdevops/azure-metrics-exporter.
type AzureMonitor struct {
	// Directory is the ID of the Entra directory (tenant) of the subscriptions.
	Directory string `json:"directory" jsonschema:"required,example=00000000-0000-0000-0000-000000000000"`
	// ClientID is that of the application or managed identity that the exporter acts as, by the token of its service account
	// exporter-azure-monitor in the tenant's namespace. It needs a federated credential for that account.
	ClientID string `json:"clientID" jsonschema:"required,example=00000000-0000-0000-0000-000000000000"`
	// Subscriptions are the IDs of the subscriptions that have the metrics.
	Subscriptions []string `json:"subscriptions" jsonschema:"required"`
	// Queries say which metrics.
	Queries []AzureQuery `json:"queries" jsonschema:"required"`
	// Interval is how often Azure Monitor is asked. Default 2m, from 1m to 4m: queries look back for 5m.
	Interval quantity.Duration `json:"interval,omitempty"`
	// Memory is the exporter's request and limit in Kubernetes notation. Default 128Mi.
	Memory string `json:"memory,omitempty" jsonschema:"example=256Mi"`
}

// AzureQuery is some metrics of all resources of one type.
type AzureQuery struct {
	// ResourceType is Azure's ("Microsoft.Cache/Redis").
	ResourceType string `json:"resourceType" jsonschema:"required,example=Microsoft.Cache/Redis"`
	// Metrics are Azure's names.
	Metrics []string `json:"metrics" jsonschema:"required,example=connectedclients"`
	// Aggregations are of the values in a period. Default average.
	Aggregations []string `json:"aggregations,omitempty" jsonschema:"enum=average,enum=total,enum=minimum,enum=maximum,enum=count"`
	// Period is what a value stands for: 1m, 5m, 15m, 30m, 1h, 6h, 12h or 1d. Default 5m.
	Period quantity.Duration `json:"period,omitempty"`
}

// Blackbox asks addresses from outside with prometheus/blackbox_exporter.
type Blackbox struct {
	// Interval is the time between two probes of a target. Default 30s, from 10s to 4m: queries look back for 5m.
	Interval quantity.Duration `json:"interval,omitempty"`
	// Modules are ways to probe, by a name. There are http and tcp without writing them: an answer of 200 to 299 to a GET,
	// and a connection.
	Modules map[string]Module `json:"modules,omitempty"`
	// Targets are what is probed.
	Targets []Target `json:"targets" jsonschema:"required"`
	// Memory is the exporter's request and limit in Kubernetes notation. Default 64Mi.
	Memory string `json:"memory,omitempty" jsonschema:"example=128Mi"`
}

// Target is one address that is probed. Its series have the labels instance (the address) and module.
type Target struct {
	// Address is a URL for http, host:port for tcp and grpc, and the server for dns, with its port unless that is 53.
	Address string `json:"address" jsonschema:"required,example=https://shop.example.com/health"`
	// Module is one of modules. Default http for a URL, tcp for all else.
	Module string `json:"module,omitempty"`
	// Labels are further labels of its series.
	Labels map[string]string `json:"labels,omitempty"`
	// Port and UDP are where its packets go, for the network policy; they are not written in the file.
	Port int  `json:"port,omitempty" jsonschema:"-"`
	UDP  bool `json:"udp,omitempty" jsonschema:"-"`
}

// Module is one way to probe: exactly one of http, tcp, dns and grpc.
type Module struct {
	// Timeout is how long an answer may take. Default 5s, less than the interval.
	Timeout quantity.Duration `json:"timeout,omitempty"`
	// HTTP asks by HTTP.
	HTTP *HTTPProbe `json:"http,omitempty"`
	// TCP connects.
	TCP *TCPProbe `json:"tcp,omitempty"`
	// DNS asks a name server.
	DNS *DNSProbe `json:"dns,omitempty"`
	// GRPC asks by gRPC's health protocol.
	GRPC *GRPCProbe `json:"grpc,omitempty"`
}

// HTTPProbe asks by HTTP.
type HTTPProbe struct {
	// Method is GET unless it is written.
	Method string `json:"method,omitempty" jsonschema:"enum=GET,enum=HEAD,enum=POST,enum=PUT,enum=OPTIONS"`
	// Headers are sent. A credential belongs into bearerToken or basicAuth.
	Headers map[string]string `json:"headers,omitempty"`
	// Body is sent.
	Body string `json:"body,omitempty"`
	// StatusCodes are the good ones. Default 200 to 299.
	StatusCodes []int `json:"statusCodes,omitempty"`
	// BodyMatches are regular expressions that the answer must match, every one.
	BodyMatches []string `json:"bodyMatches,omitempty"`
	// BodyLacks are regular expressions that the answer must not match.
	BodyLacks []string `json:"bodyLacks,omitempty"`
	// FollowRedirects is true unless it is written false.
	FollowRedirects *bool `json:"followRedirects,omitempty"`
	// RequireTLS fails where the last answer came without TLS.
	RequireTLS bool `json:"requireTLS,omitempty"`
	// BearerToken is sent: a reference ${secret:NAME/KEY} to a Secret of the tenant's namespace.
	BearerToken string `json:"bearerToken,omitempty" jsonschema:"example=${secret:probes/token}"`
	// BasicAuth is sent.
	BasicAuth *BasicAuth `json:"basicAuth,omitempty"`
}

// BasicAuth is a name with a password.
type BasicAuth struct {
	// Username is the name.
	Username string `json:"username" jsonschema:"required"`
	// Password is a reference ${secret:NAME/KEY} to a Secret of the tenant's namespace.
	Password string `json:"password" jsonschema:"required,example=${secret:probes/password}"`
}

// TCPProbe connects.
type TCPProbe struct {
	// TLS makes a handshake and checks the certificate.
	TLS bool `json:"tls,omitempty"`
	// Expect is a regular expression that the first line of the answer must match.
	Expect string `json:"expect,omitempty"`
}

// DNSProbe asks a name server.
type DNSProbe struct {
	// Name is asked for.
	Name string `json:"name" jsonschema:"required,example=www.example.com"`
	// Type is the record's ("MX"). Default A.
	Type string `json:"type,omitempty" jsonschema:"enum=A,enum=AAAA,enum=CAA,enum=CNAME,enum=MX,enum=NS,enum=SOA,enum=SRV,enum=TXT"`
	// TCP asks over TCP and not UDP.
	TCP bool `json:"tcp,omitempty"`
}

// GRPCProbe asks by gRPC's health protocol.
type GRPCProbe struct {
	// Service is asked for; empty is the server as a whole.
	Service string `json:"service,omitempty"`
	// TLS checks the certificate.
	TLS bool `json:"tls,omitempty"`
}
