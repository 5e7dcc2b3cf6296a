package upstream

import (
	"github.com/prometheus/client_golang/prometheus"
)

// The metrics of a Pool. Reasons are those of Error.
const (
	// MetricFailures counts attempts that got no answer, by reason.
	MetricFailures = "opsgen_proxy_upstream_failures_total"
	// MetricRetries counts requests that were sent to a second address.
	MetricRetries = "opsgen_proxy_upstream_retries_total"
	// MetricSetAside counts addresses that were set aside for a while.
	MetricSetAside = "opsgen_proxy_upstream_set_aside_total"
	// MetricLookupFailures counts look-ups that failed; the addresses before stay in use.
	MetricLookupFailures = "opsgen_proxy_upstream_lookup_failures_total"
	// MetricStreamed counts the bytes of WebSockets by direction: "in" is from clients, "out" to them.
	MetricStreamed = "opsgen_proxy_stream_bytes_total"
)

type metrics struct {
	failures       *prometheus.CounterVec
	retries        prometheus.Counter
	setAside       prometheus.Counter
	lookupFailures prometheus.Counter
	streamed       *prometheus.CounterVec
}

func newMetrics(registerer prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: MetricFailures, Help: "Attempts that got no answer from an upstream.",
		}, []string{"reason"}),
		retries:        counter(MetricRetries, "Requests that were sent to a second address."),
		setAside:       counter(MetricSetAside, "Addresses of upstreams that were set aside for a while."),
		lookupFailures: counter(MetricLookupFailures, "Look-ups of upstreams that failed."),
		streamed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: MetricStreamed, Help: "Bytes of WebSockets.",
		}, []string{"direction"}),
	}
	if registerer != nil {
		registerer.MustRegister(m.failures, m.retries, m.setAside, m.lookupFailures, m.streamed)
	}
	return m
}
