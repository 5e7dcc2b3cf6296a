// Package syncertest runs the syncer against what it is for: the real Cortex and Loki behind the real proxy, and a real
// API server with the rights that the bundle renders. It is the syncer's whole story of one tenant, from a ConfigMap to
// a webhook that is called and to the removal; no node and no pod is needed for it.
package syncertest
