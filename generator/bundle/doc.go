// Package bundle is the distribution's bill of materials: the types of versions.yaml. It owns the bundle's one
// version, the sources that third-party text is taken from, the images that run, and the supported Kubernetes range.
package bundle
