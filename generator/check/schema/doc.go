// Package schema says what the Kubernetes API server would refuse or silently change in an object, before anything is
// sent to one. Built-in kinds are decoded strictly into the pinned k8s.io/api types, custom resources are validated by
// the pinned custom resource definitions, CEL rules included. What decoding misses and the server checks (names, ports,
// selectors, references inside one object) is checked here as far as it needs nothing but the object.
package schema

//go:generate go run ./newfields -o fields.go
