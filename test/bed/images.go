package bed

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/opsgen/opsgen/test/build"
	"github.com/opsgen/opsgen/test/image"
)

const pauseImage = image.Pause

// Bundle answers the images of versions.yaml that can be had, built where the cache lacks them, and their rows, which say
// what stands in for what. They trust the outside's authority. With names, it answers those only.
func Bundle(ctx context.Context, names []string, o build.Options) ([]image.Spec, []image.Image, error) {
	specs, rows, err := image.Specs(ctx, names, o)
	if err != nil {
		return nil, nil, fmt.Errorf("building the bundle's images: %w", err)
	}
	layers, err := layersDir()
	if err != nil {
		return nil, nil, err
	}
	trusted, err := readAuthority(layers)
	if err != nil {
		return nil, nil, err
	}
	for i := range specs {
		specs[i].Files = append(specs[i].Files, image.File{Path: trustedFile, Data: trusted.pem, Mode: 0o644})
	}
	return specs, rows, nil
}

// ownImages are those that every bed needs.
func ownImages(programs map[string]string) []image.Spec {
	one := func(reference, name string) image.Spec {
		path := "/" + name
		return image.Spec{
			Reference: reference, Entrypoint: []string{path}, Files: []image.File{{Path: path, Source: programs[name]}},
		}
	}
	return []image.Spec{one(pauseImage, "pause"), one(image.CoreDNS, "coredns")}
}

// store assembles the bed's images.
func (s *state) store() (*image.Store, error) {
	store := image.NewStore()
	for _, spec := range s.Images {
		made, err := image.Assemble(spec, s.Layers)
		if err != nil {
			return nil, fmt.Errorf("assembling %s: %w", spec.Reference, err)
		}
		if err := store.Add(spec.Reference, made); err != nil {
			return nil, fmt.Errorf("storing %s: %w", spec.Reference, err)
		}
	}
	return store, nil
}

// before is what a node does before its kubelet starts and pods come: naming the pinned images. Nothing, when none is.
func (s *state) before() []string {
	if len(s.Aliases) == 0 {
		return nil
	}
	return []string{"/proc/self/exe", internal, stageNames, s.Dir}
}

// nameImages runs on a node. It pulls the images that the manifests pin to digests of others, and gives them those names:
// the kubelet then finds them, and asks no registry for bytes that nobody here has.
func nameImages(ctx context.Context, dir string) error {
	s, err := readState(dir)
	if err != nil {
		return err
	}
	ctr := func(arguments ...string) error {
		out, err := exec.CommandContext(ctx, filepath.Join(s.Programs, "ctr"),
			append([]string{"--namespace=k8s.io", "images"}, arguments...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ctr images %v: %w: %s", arguments, err, out)
		}
		return nil
	}
	for _, alias := range s.Aliases {
		err = errors.Join(err, ctr("pull", "--local", "--hosts-dir=/etc/containerd/certs.d", alias.Served),
			ctr("tag", "--force", alias.Served, alias.Pinned))
	}
	return err
}
