// Package tenant keeps what tenants have in Git in Cortex and Loki. It owns the order in which one tenant is
// synchronised (its Alertmanager first, so that an alert has somewhere to go; then its rules; what is to be removed
// last), when it is tried again, and what people are told: conditions in a ConfigMap of the tenant's namespace, events
// on the objects, and metrics.
//
// A tenant is removed when no namespace is its own any more, or when its objects are gone; a short list of the tenants
// that something was written for survives restarts, so that nothing is forgotten that was removed meanwhile.
package tenant
