package config

import "github.com/opsgen/opsgen/generator/quantity"

// Limits are the bounds of one proxy process. They hold from the reload on, HeaderBytes for connections that are opened
// after it.
type Limits struct {
	// Connections bounds open client connections, over both TLS listeners. Default 20000.
	Connections int `json:"connections,omitempty"`
	// ConcurrentRequests bounds requests in work, over all tenants. Default 4000.
	ConcurrentRequests int `json:"concurrentRequests,omitempty"`
	// TenantShare is the part of ConcurrentRequests that one tenant may hold at most, more than 0 and at most
	// 1. Default 0.5.
	TenantShare float64 `json:"tenantShare,omitempty"`
	// HeaderBytes bounds a request's line and headers. Default 64KiB, at most 1MiB.
	HeaderBytes quantity.Bytes `json:"headerBytes,omitempty"`
	// HostTagsKept is for how long the tags that a Datadog agent sent for its host are joined to the host's series.
	// Default 2h.
	HostTagsKept quantity.Duration `json:"hostTagsKept,omitempty"`
	// Tenant is what a tenant gets whose entry in tenants.yaml leaves the field out.
	Tenant TenantLimits `json:"tenant,omitempty"`
}

// TenantLimits are the limits of one tenant in each proxy: its connections may all have come to the same one. Above a
// rate the answer is 429 with Retry-After; a body that is too large is answered 413. They protect the front door: series,
// samples and volume are limited by Cortex and Loki.
type TenantLimits struct {
	// RequestsPerSecond bounds requests of all kinds; a burst may be as large as two seconds. Default 1000.
	RequestsPerSecond int `json:"requestsPerSecond,omitempty"`
	// ConcurrentRequests bounds requests in work. Default 500.
	ConcurrentRequests int `json:"concurrentRequests,omitempty"`
	// BytesPerSecond bounds request bodies as they arrive, compressed; a burst may be as large as two seconds, and is
	// never smaller than one body. Default 64MiB.
	BytesPerSecond quantity.Bytes `json:"bytesPerSecond,omitempty"`
	// BodyBytes bounds one request body as it arrives. Default 32MiB, at most 1GiB.
	BodyBytes quantity.Bytes `json:"bodyBytes,omitempty"`
	// InflatedBytes bounds one body after decompression, where the proxy decompresses (Datadog). Default 128MiB, at most
	// 4GiB.
	InflatedBytes quantity.Bytes `json:"inflatedBytes,omitempty"`
	// Streams bounds open tails and other WebSocket connections. Default 20.
	Streams int `json:"streams,omitempty"`
}

// Or fills the fields that are left out from others.
func (l TenantLimits) Or(others TenantLimits) TenantLimits {
	orNumber(&l.RequestsPerSecond, others.RequestsPerSecond)
	orNumber(&l.ConcurrentRequests, others.ConcurrentRequests)
	orNumber(&l.BytesPerSecond, others.BytesPerSecond)
	orNumber(&l.BodyBytes, others.BodyBytes)
	orNumber(&l.InflatedBytes, others.InflatedBytes)
	orNumber(&l.Streams, others.Streams)
	return l
}

// Timeouts bound how long anything may take. They hold from the reload on, Headers, BodyIdle and Idle for connections
// that are opened after it.
type Timeouts struct {
	// Headers is how long a client may take to send a request's headers. Default 10s.
	Headers quantity.Duration `json:"headers,omitempty"`
	// BodyIdle is how long a client may send nothing in the middle of a body. Default 30s.
	BodyIdle quantity.Duration `json:"bodyIdle,omitempty"`
	// Idle is how long a connection is kept without a request. It is longer than the load balancer's. Default 6m.
	Idle quantity.Duration `json:"idle,omitempty"`
	// Connect is how long a connection to an upstream may take. Default 3s.
	Connect quantity.Duration `json:"connect,omitempty"`
	// Write is how long an upstream may take to answer a write. Default 30s.
	Write quantity.Duration `json:"write,omitempty"`
	// Query is how long an upstream may take to answer a query. Default 5m.
	Query quantity.Duration `json:"query,omitempty"`
	// StreamIdle is how long a tail may be silent in both directions, pings included. Default 2m.
	StreamIdle quantity.Duration `json:"streamIdle,omitempty"`
	// DrainDelay is for how long a proxy that was told to end still takes new connections, and is ready, until the load
	// balancer has noticed. Default 30s.
	DrainDelay quantity.Duration `json:"drainDelay,omitempty"`
	// Drain is how long requests in work may then still take. The pod's terminationGracePeriodSeconds must be longer than
	// DrainDelay and Drain together. Default 5m.
	Drain quantity.Duration `json:"drain,omitempty"`
}

// Log says what is logged, as JSON on stderr. Tokens, keys and query strings are never logged.
type Log struct {
	// Level is debug, info, warn or error. Default info.
	Level string `json:"level,omitempty"`
	// AccessSample is the part of successful requests that the access log shows, from 0 to 1. Failed ones are all shown,
	// up to a rate. Default 0.
	AccessSample float64 `json:"accessSample,omitempty"`
}

// Tracing sends traces of the proxy's own work. Trace context of clients is passed on in any case.
type Tracing struct {
	// Endpoint is an OTLP/HTTP receiver ("http://collector.tenant-system.svc:4318"); empty switches tracing off.
	Endpoint string `json:"endpoint,omitempty"`
	// Sample is the part of requests that are traced, from 0 to 1. Default 0.01 where an endpoint is named.
	Sample float64 `json:"sample,omitempty"`
}
