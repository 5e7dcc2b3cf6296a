// Package provider is what a cloud must be able to do for bootstrap: check beforehand, add its resources to the graph, say
// how its Kubernetes is reached, keep a lease, and find what was left. Packages aws, gcp and existing do it; docs of
// package engine say how resources are written.
package provider
