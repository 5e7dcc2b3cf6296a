// Package backendtest is Cortex and Loki behind the proxy, as far as the syncer sees them: a server that speaks the wire
// of their rulers' and of the Alertmanager's configuration APIs, asks for the token and the tenant as the proxy does, and
// fails on demand. It is for tests only; the real programs are tested against in test/syncertest.
package backendtest
