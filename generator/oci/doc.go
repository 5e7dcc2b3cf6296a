// Package oci makes the release images of our own programs: compiled by Go, assembled from nothing but the program and root
// certificates, for several platforms, without a container engine. It owns their content, labels and user, that the same
// commit gives the same digest, and how they get to a registry.
package oci
