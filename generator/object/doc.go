// Package object is one Kubernetes object on its way from a base to a file: its content, and where it came from. It
// owns identity, file names, the stable order of objects and their YAML text.
package object
