// Package remnant tells what the buckets of a cluster still hold of a tenant that was removed. It owns the places in which
// Cortex and Loki keep a tenant's objects, and the listing of buckets of S3 and Google, noncurrent versions included.
//
// Where the places come from: Cortex 1.21.1, pkg/storage/tsdb, pkg/util/users (marks), pkg/ruler/rulestore and
// pkg/alertmanager/alertstore (bucketclient); Loki 3.7.8, pkg/storage/chunk/client (chunks), pkg/storage/stores/shipper
// (index, one folder a table and one in it a tenant) and pkg/ruler/rulestore.
//
// It only reads. What it cannot see is told, and never taken for empty.
package remnant
