// Package existing makes nothing but what the bundle needs inside of a Kubernetes that is there: kind, k3d, on premises,
// or a cloud that bootstrap does not know. It checks that the cluster can carry the bundle, makes buckets in an
// S3-compatible storage where one is named, and keeps the lease in the cluster.
package existing
