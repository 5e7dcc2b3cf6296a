// Package alertmanager keeps a tenant's configuration in Cortex' Alertmanager. It owns what is stored (the configuration
// from Git behind a line that says whose it is, with the secrets in place of their references), the default for tenants
// that have none, and the rule for what is somebody else's: without a configuration in Git, one that does not begin with
// the syncer's line was made by a person through the API, and is left alone.
//
// What the API does is read in Cortex 1.21.1 (pkg/alertmanager/api.go): the configuration comes back as it was stored,
// 404 says "alertmanager storage object not found", 201 is stored, and 400 is refused.
package alertmanager
