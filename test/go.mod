// The cluster bed: a real Kubernetes out of Go modules and Debian packages, and the tests that use it. It is a module of
// its own so that nothing of it reaches the product; what it builds is pinned in the modules under parts.
module github.com/opsgen/opsgen/test

go 1.26.8

require (
	golang.org/x/mod v0.42.0
	golang.org/x/sys v0.47.0
)
