// Package gcp creates what a cluster needs on Google Cloud: a network with Cloud NAT, buckets and rights on them, a Cloud
// DNS zone, a Cloud KMS key, and a regional private GKE cluster with a node pool a zone. It owns which resources there are
// and how each is found, made and removed; package engine owns the order.
// Nothing of it was run against the real Google Cloud by its authors: package gcpfake stands in, spoken to by Google's own
// clients, and what they send is held against Google's discovery documents.
package gcp
