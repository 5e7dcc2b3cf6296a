// Package aws creates what a cluster needs on AWS: a network, buckets, roles, a Route 53 zone, a key, and EKS with managed
// node groups. It owns which resources there are and how each is found, made and removed; package engine owns the order.
// Nothing of it was run against the real AWS by its authors: package awsfake stands in, spoken to by AWS' own SDK.
package aws
