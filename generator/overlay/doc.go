// Package overlay applies Kustomize components, those of overlays/ and a cluster's own patches, to a unit's objects in
// memory. Kustomize is used for nothing else: its cost grows with the square of the objects, and its OpenAPI state is
// shared by the whole process, so builds run one at a time.
package overlay
