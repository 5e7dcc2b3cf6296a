// Package route owns what the proxy serves: a table of hosts, paths and methods, each with the scope that a caller needs,
// the component that answers and the path that the component knows it by. What is not in the table does not exist, and
// a path that two programs could read differently is refused before the table is asked. It also owns how an error looks
// to the clients of each component.
//
// # Where the table comes from
//
// Cortex 1.21.1, pkg/api/api.go; Loki 3.7.8, pkg/loki/modules.go and pkg/util/constants/api_paths.go; Alertmanager
// 0.31.1 (which Cortex 1.21.1 embeds), ui/web.go and api/v2; OTLP 1.x, "OTLP/HTTP Request"; the Datadog paths are
// datadog.Routes. What those programs serve beside it (rings, flushing, shutting down, all tenants' statistics) has no
// route. Deleting a tenant has one for the platform's own programs, and for removed tenants only.
//
// # Two APIs by the name /api/v1/rules
//
// Cortex has its configuration of rules and of the Alertmanager at /api/v1/rules and /api/v1/alerts, and Prometheus' lists
// of the same name below /prometheus. The rest of the Prometheus API is served both below /prometheus and without it, so
// that https://metrics.DOMAIN alone is a base URL.
//
// # What is refused in a path
//
// Encoded slashes, backslashes, dots, percent signs and semicolons, "//", "." and ".." as segments, and control
// characters: gateways and upstreams disagree on all of them, and whoever disagrees about the path disagrees about the
// scope. Only names in the ruler's API may hold encoded characters, as the syncer's namespaces do ("git%2Fbase"); they
// are forwarded as they came.
package route
