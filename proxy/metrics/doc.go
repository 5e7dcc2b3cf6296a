// Package metrics owns what the proxy tells about its own work in Prometheus' format: one registry, the metrics named in
// proxy/config, and how they are counted. Labels are bounded: tenants are those of tenants.yaml, routes and reasons are
// names in the program. Whoever serves a request tells it here once, when it is over.
package metrics
