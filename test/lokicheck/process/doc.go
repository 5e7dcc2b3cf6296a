// Package process does what Loki does when it starts, up to the point where it would listen: it expands the command line
// and the environment as Kubernetes would, parses the configuration strictly, validates it, and reads the limits of
// tenants, strictly too.
package process
