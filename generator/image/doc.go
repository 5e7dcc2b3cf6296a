// Package image locks the container images of versions.yaml to digests and lists them for a private registry. It owns
// asking registries what a tag stands for, and writing the answer into versions.yaml without touching anything else.
// A digest that no registry gave is never written.
package image
