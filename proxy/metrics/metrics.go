package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/opsgen/opsgen/proxy/config"
)

// Names of metrics that only this package knows; those that dashboards read are in proxy/config.
const (
	// TokenExpiryName is when the soonest token of a tenant that is in use expires, in seconds since 1970.
	TokenExpiryName = "opsgen_proxy_token_expiry_seconds"
	// ConfigHashName is a number made of the content of proxy.yaml and tenants.yaml in use; proxies that differ in it
	// have read different files.
	ConfigHashName = "opsgen_proxy_config_hash"
	// ConfigReloadsName counts changed files by file and result (accepted, refused).
	ConfigReloadsName = "opsgen_proxy_config_reloads_total"
	// ConnectionsRefusedName counts connections that were closed at once, over limits.connections, by listener.
	ConnectionsRefusedName = "opsgen_proxy_connections_refused_total"
	// LinesDroppedName counts lines of the access log that were over the rate.
	LinesDroppedName = "opsgen_proxy_access_log_dropped_total"
)

// Metrics are the proxy's own metrics.
type Metrics struct {
	// Registry is where everything is registered; packages that count for themselves register here too.
	Registry *prometheus.Registry
	// Tokens are the expiry times of tokens in use.
	Tokens *Tokens

	requests           *prometheus.CounterVec
	duration           *prometheus.HistogramVec
	bytes              *prometheus.CounterVec
	rejected           *prometheus.CounterVec
	connections        *prometheus.GaugeVec
	connectionsRefused *prometheus.CounterVec
	configLoaded       *prometheus.GaugeVec
	configReloads      *prometheus.CounterVec
	configHash         prometheus.Gauge
	certificateExpiry  *prometheus.GaugeVec
	linesDropped       prometheus.Counter
}

// New makes the metrics of one process.
func New() *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		Tokens:   newTokens(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: config.MetricRequests, Help: "Requests by tenant, route and code.",
		}, []string{"tenant", "route", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: config.MetricDuration, Help: "Seconds from the first byte in to the last byte out, by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"route"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: config.MetricBytes, Help: "Bytes of request bodies as they arrived, by tenant and route.",
		}, []string{"tenant", "route"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: config.MetricRejected, Help: "Requests that reached no upstream, by tenant and reason.",
		}, []string{"tenant", "reason"}),
		connections: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: config.MetricConnections, Help: "Open client connections by listener.",
		}, []string{"listener"}),
		connectionsRefused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: ConnectionsRefusedName, Help: "Connections closed at once because limits.connections were open, by listener.",
		}, []string{"listener"}),
		configLoaded: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: config.MetricConfigLoaded, Help: "1 when the newest file was accepted, 0 when the one before is still used, by file.",
		}, []string{"file"}),
		configReloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: ConfigReloadsName, Help: "Changed files by file and result.",
		}, []string{"file", "result"}),
		configHash: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: ConfigHashName, Help: "A number made of the content of proxy.yaml and tenants.yaml in use.",
		}),
		certificateExpiry: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: config.MetricCertificateExpiry, Help: "When a listener's certificate expires, in seconds since 1970.",
		}, []string{"listener", "name"}),
		linesDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: LinesDroppedName, Help: "Lines of the access log that were over the rate.",
		}),
	}
	m.Registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), m.Tokens,
		m.requests, m.duration, m.bytes, m.rejected, m.connections, m.connectionsRefused, m.configLoaded,
		m.configReloads, m.configHash, m.certificateExpiry, m.linesDropped,
	)
	return m
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{Registry: m.Registry})
}

// Request is what is told of a request that is over.
type Request struct {
	// Tenant is a tenant of tenants.yaml, or "".
	Tenant string
	// Route is a name of the routing table, or "" when none fitted.
	Route string
	// Status is the status of the answer.
	Status int
	// Bytes are the bytes of the request's body that were read.
	Bytes int64
	// Duration is from the first byte in to the last byte out.
	Duration time.Duration
	// Reason says why it reached no upstream; "" when it did.
	Reason string
}

// Observe counts a request.
func (m *Metrics) Observe(r Request) {
	m.requests.WithLabelValues(r.Tenant, r.Route, code(r.Status)).Inc()
	m.duration.WithLabelValues(r.Route).Observe(r.Duration.Seconds())
	if r.Bytes > 0 {
		m.bytes.WithLabelValues(r.Tenant, r.Route).Add(float64(r.Bytes))
	}
	if r.Reason != "" {
		m.rejected.WithLabelValues(r.Tenant, r.Reason).Inc()
	}
}

// code keeps the label bounded: an upstream may answer any number.
func code(status int) string {
	if status < 100 || status > 599 {
		return "other"
	}
	return strconv.Itoa(status)
}

// InFlight registers where the numbers of requests in work are read, by tenant.
func (m *Metrics) InFlight(each func(yield func(tenant string, n int))) {
	m.Registry.MustRegister(&inFlight{each: each, description: prometheus.NewDesc(
		config.MetricInFlight, "Requests in work by tenant.", []string{"tenant"}, nil)})
}

type inFlight struct {
	each        func(yield func(tenant string, n int))
	description *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (f *inFlight) Describe(to chan<- *prometheus.Desc) { to <- f.description }

// Collect implements prometheus.Collector.
func (f *inFlight) Collect(to chan<- prometheus.Metric) {
	f.each(func(tenant string, n int) {
		to <- prometheus.MustNewConstMetric(f.description, prometheus.GaugeValue, float64(n), tenant)
	})
}

// Connections is the gauge of a listener's open connections.
func (m *Metrics) Connections(listener string) prometheus.Gauge {
	return m.connections.WithLabelValues(listener)
}

// ConnectionRefused counts a connection that was closed at once.
func (m *Metrics) ConnectionRefused(listener string) {
	m.connectionsRefused.WithLabelValues(listener).Inc()
}

// LineDropped counts a line that the access log left out.
func (m *Metrics) LineDropped() { m.linesDropped.Inc() }

// Loaded tells whether the newest version of a file is in use.
func (m *Metrics) Loaded(file string, accepted bool) {
	value, result := 0.0, "refused"
	if accepted {
		value, result = 1, "accepted"
	}
	m.configLoaded.WithLabelValues(file).Set(value)
	m.configReloads.WithLabelValues(file, result).Inc()
}

// ConfigHash tells which configuration is in use. 48 bits are kept: as many as a float64 holds exactly.
func (m *Metrics) ConfigHash(hash uint64) { m.configHash.Set(float64(hash >> 16)) }

// CertificateExpiries replaces what is told of a listener's certificates: by name, when they end.
func (m *Metrics) CertificateExpiries(listener string, expiries map[string]time.Time) {
	m.certificateExpiry.DeletePartialMatch(prometheus.Labels{"listener": listener})
	for name, at := range expiries {
		m.certificateExpiry.WithLabelValues(listener, name).Set(float64(at.Unix()))
	}
}

// Forget drops the series of a tenant that is not one any more.
func (m *Metrics) Forget(tenant string) {
	labels := prometheus.Labels{"tenant": tenant}
	m.requests.DeletePartialMatch(labels)
	m.bytes.DeletePartialMatch(labels)
	m.rejected.DeletePartialMatch(labels)
	m.Tokens.forget(tenant)
}
