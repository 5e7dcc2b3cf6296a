package image

import (
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// split takes a reference apart: its tag, and the digest that it is pinned to or nothing.
func split(reference string) (name.Tag, string, error) {
	tagged, digest, _ := strings.Cut(reference, "@")
	tag, err := name.NewTag(tagged, name.StrictValidation)
	if err != nil {
		return name.Tag{}, "", err
	}
	if digest != "" {
		if _, err := name.NewDigest(tag.Context().Name() + "@" + digest); err != nil {
			return name.Tag{}, "", fmt.Errorf("its digest: %w", err)
		}
	}
	return tag, digest, nil
}

// containerdName writes Docker Hub's name as containerd does: "docker.io", not the name of its server.
func containerdName(reference string) string {
	if rest, ok := strings.CutPrefix(reference, name.DefaultRegistry+"/"); ok {
		return "docker.io/" + rest
	}
	return reference
}
