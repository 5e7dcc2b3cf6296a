// Package ruler keeps a tenant's rule groups in the rulers of Cortex and of Loki, which have the same API. It owns the
// groups as both store them, the comparison of what Git has with what a ruler holds, and the order of the requests that
// make the two equal: first what is added or changed, then what is removed. Rule namespaces without the syncer's prefix
// belong to somebody else, and are neither read nor touched.
//
// What the API does is read in Cortex 1.21.1 (pkg/ruler/api.go) and Loki 3.7.8 (pkg/ruler/base/api.go): a list is YAML,
// or 404 with the words "no rule groups found"; a group is stored with 202 and evaluated after the next poll; 400 is a
// group that is refused, but for a list it is a storage that does not answer.
package ruler
