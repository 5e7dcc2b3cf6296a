// Package install hands a cluster over to Flux: it applies the first rendered manifests, makes the Secrets that they need,
// waits for every layer, and takes the bundle away again. Each of these is a resource of bootstrap's graph, so that it is
// retried, shown and gone on with as everything else. Once Flux has applied the cluster's state from Git, it alone
// decides; bootstrap then only waits.
package install
