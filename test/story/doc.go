// Package story tells what happens to a cluster from the first commit on, on a real Kubernetes, with Git as the only hand:
// it renders a fork, pushes it, has Flux bring the bundle up, and uses it as tenants do. Each step has a name and a time.
package story
