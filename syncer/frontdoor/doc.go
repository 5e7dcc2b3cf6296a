// Package frontdoor is how the syncer calls Cortex and Loki: through the proxy's internal listener, with its own
// service-account token, and with the tenant named in a header. It owns what every call has in common: the token and the
// authority, which are read again when they change, the bound on requests a second, the bounds on bodies, and which
// answers are worth another try.
package frontdoor
