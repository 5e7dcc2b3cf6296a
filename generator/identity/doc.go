// Package identity is who a cluster's components are in the cloud: which service account is which role, and which
// buckets and zones it may use. The renderer and bootstrap both take names from here, so that what one creates is what
// the other writes into manifests; a test compares them with the rendered examples.
package identity
