// Package image makes the container images of the cluster bed and serves them. It owns the table that says which program
// runs under which reference of versions.yaml, or what stands in for one that cannot be built; the assembly of images
// from nothing but programs; and the registry that answers for every registry's name. Nothing is ever fetched.
package image
