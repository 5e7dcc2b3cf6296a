// Package config is the contract of the syncer: the types of syncer.yaml. The syncer does two things. It keeps the rules
// and alerting configuration that tenants have in Git (ConfigMaps in their namespaces) in Cortex and Loki, through the
// proxy and with its own service-account token. And it makes the random secrets that only the cluster needs to know, once:
// they are in no repository, and the syncer has no right to change or delete what it made.
//
// The syncer is started with one of
//
//	syncer run --config=FILE
//	syncer validate FILE
//
// It is ready when its configuration was read, all tenants' namespaces are watched, and the generated secrets that can be
// made exist; or when another syncer holds the lease. That Cortex or Loki do not answer does not make it unready: they
// wait for secrets that it makes.
package config
