package image

import (
	"maps"
	"slices"

	"github.com/opsgen/opsgen/generator/bundle"
)

// Mirror is one image that a private registry has to hold.
type Mirror struct {
	// Name is the image's name in versions.yaml.
	Name string
	// Source is where the image is published, by digest where it is locked ("quay.io/cortexproject/cortex:v1.21.1@sha256:…").
	Source string
	// Destination is where manifests look for it, by tag ("mirror.example.com/quay.io/cortexproject/cortex:v1.21.1"). Copy
	// the whole index, so that digests stay what they are.
	Destination string
}

// List gives, sorted by name, what to copy into a private registry ("mirror.example.com", or with a path) so that
// clusters run from it alone.
func List(b *bundle.Bundle, registry string) []Mirror {
	var list []Mirror
	for _, name := range slices.Sorted(maps.Keys(b.Images)) {
		image := b.Images[name]
		tagged := image
		tagged.Digest = ""
		list = append(list, Mirror{Name: name, Source: image.Reference(""), Destination: tagged.Reference(registry)})
	}
	return list
}
