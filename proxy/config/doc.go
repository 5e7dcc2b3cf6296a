// Package config is the contract of the proxy: the types of proxy.yaml (what it listens on, whom it trusts, where it
// sends requests, and its bounds) and of tenants.yaml (the tenants, and the pods that may call without a token). Both
// are read strictly: an unknown field, a value out of range or two statements that cannot both be true are refused, all
// problems at once with their line and what to write instead. The generator checks what it renders with this package,
// and the proxy reads the same files with it.
//
// tenants.yaml is a file of its own because it is what changes: a new tenant changes one small ConfigMap, which the
// proxy reads again without a restart. So is proxy.yaml, except for listeners.*.address, which hold for the life of the
// process.
//
// # Commands
//
// The proxy is started with one of
//
//	proxy serve --config=FILE
//	proxy validate FILE
//	proxy sidecar --metrics=127.0.0.1:8081 --logs=127.0.0.1:8082 --admin=:9090 \
//	  --upstream=https://HOST --domain=DOMAIN --ca-file=FILE --token-file=FILE
//
// A sidecar stands in the pod of a caller (Grafana, a collector): it listens on loopback, adds the pod's own fresh
// service-account token to each request and forwards it to the proxy's internal listener. Cortex and Loki have paths in
// common (/prometheus/api/v1/rules), so it has one address for each, and says which by the Host metrics.DOMAIN or
// logs.DOMAIN. Its admin address serves /-/ready, /-/healthy and /metrics; loopback alone cannot be probed.
//
// # Which tenant, and which component
//
// On the internal listener the caller decides the tenant, and the Host decides the component as on the public one. Under
// any other Host (the Service's own name, as a collector calls it) a path that both components have is Cortex's.
//
// # What the internal listener serves besides tenants' requests
//
// SigningKeysPath, without authentication: the public keys of the tokens that the proxy signs for Grafana.
package config
