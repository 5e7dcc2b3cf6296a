// Package erase deletes what removed tenants left in Cortex and Loki, where Git says that it shall be deleted. It owns the
// list of those tenants (a file that is rendered from tenants/removed.yaml), the order in which the components' own
// deletion APIs are asked through the proxy, and the record of how far each is, in the ConfigMap syncer-erasures.
//
// Nothing is deleted at once: a mark must have stood in the list for Config.Erase.Settle, in which it can be taken back, and
// in which the last requests of the tenant's agents end. The proxy takes no such request for a tenant that exists.
//
// What the APIs do (Cortex 1.21.1, pkg/purger and pkg/compactor/blocks_cleaner.go; Loki 3.7.8, pkg/compactor/deletion):
// Cortex writes a mark into the bucket. Ingesters look for it once an hour and drop what they hold, the compactor deletes
// all blocks in its next run (15 minutes), and six hours after the last one the mark and what else is in the tenant's
// folder. Loki has no deletion of a tenant; a request for the selector {} is every stream. A request is carried out 24
// hours later, and the chunks leave the bucket two hours after that.
package erase
