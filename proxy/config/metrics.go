package config

// The proxy's own metrics that dashboards and alerts read. All labels have bounded values: tenants that are not listed
// are "", routes are names of the routing table.
const (
	// MetricRequests counts requests by tenant, route and code (the status).
	MetricRequests = "opsgen_proxy_requests_total"
	// MetricDuration is a histogram of seconds from the first byte in to the last byte out, by route.
	MetricDuration = "opsgen_proxy_request_duration_seconds"
	// MetricBytes counts the bytes of request bodies by tenant and route.
	MetricBytes = "opsgen_proxy_request_bytes_total"
	// MetricRejected counts requests that reached no upstream, by tenant and reason.
	MetricRejected = "opsgen_proxy_rejected_total"
	// MetricInFlight is the number of requests in work by tenant.
	MetricInFlight = "opsgen_proxy_requests_in_flight"
	// MetricConnections is the number of open client connections by listener.
	MetricConnections = "opsgen_proxy_connections"
	// MetricConfigLoaded is 1 when the newest files were accepted, 0 when the ones before are still used, by file.
	MetricConfigLoaded = "opsgen_proxy_config_loaded"
	// MetricCertificateExpiry is when the certificate of a listener expires, in seconds since 1970, by listener and name.
	MetricCertificateExpiry = "opsgen_proxy_certificate_expiry_seconds"
)
