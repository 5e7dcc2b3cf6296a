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
//	proxy sidecar --listen=127.0.0.1:8081 --admin=:9090 --upstream=https://HOST --ca-file=FILE --token-file=FILE
//
// A sidecar stands in the pod of a caller (Grafana, a collector): it listens on loopback, adds the pod's own fresh
// service-account token to each request and forwards it to the proxy's internal listener.
//
// # What the internal listener serves besides tenants' requests
//
// SigningKeysPath, without authentication: the public keys of the tokens that the proxy signs for Grafana.
package config
