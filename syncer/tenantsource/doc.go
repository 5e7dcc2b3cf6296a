// Package tenantsource is where a tenant's rules and alerting come from: the ConfigMaps and PrometheusRules in the
// namespaces of the tenant, and the Secrets that its configuration names. It owns what is read from them, and the watches
// that say when to read again.
//
// Objects are read from the API server when a tenant is synchronised, and no copy of them is kept. Watches hold nothing
// but names: they only say that it is time. So there is no cache that could be empty or old when something is removed by
// it, and a thousand tenants cost a thousand small watches.
//
// Secrets are not watched. Whoever may watch the Secrets of a namespace may read them all; the syncer reads the ones that
// are named, when it needs them.
package tenantsource
