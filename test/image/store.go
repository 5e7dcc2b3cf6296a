package image

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Store holds images by the references that manifests use. It may be used by several goroutines.
type Store struct {
	mu     sync.RWMutex
	images map[string]v1.Image // by "registry/repository:tag" and "registry/repository@digest"
	blobs  map[string]v1.Layer // layers and configurations by digest
	all    []Alias
}

// An Alias is a pinned reference whose image is ours. The registry cannot serve it: a client checks the bytes against the
// digest, as it should. A node therefore pulls Served and gives it the name Pinned in its own store (`ctr images tag`),
// where the manifest's reference then finds it.
type Alias struct {
	// Served is "registry/repository:tag", which the registry answers.
	Served string
	// Pinned is "registry/repository@sha256:…", as containerd names a reference with both a tag and a digest.
	Pinned string
}

// NewStore makes an empty store.
func NewStore() *Store {
	return &Store{images: map[string]v1.Image{}, blobs: map[string]v1.Layer{}}
}

// Add puts an image under a reference "registry/repository:tag", with or without "@sha256:…" after it. A later image of
// the same reference replaces the former.
func (s *Store) Add(reference string, image v1.Image) error {
	tag, pinned, err := split(reference)
	if err != nil {
		return fmt.Errorf("storing image %s: %w", reference, err)
	}
	digest, err := image.Digest()
	if err != nil {
		return fmt.Errorf("storing image %s: %w", reference, err)
	}
	layers, err := image.Layers()
	if err != nil {
		return fmt.Errorf("storing image %s: %w", reference, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	repository := tag.Context().Name()
	s.images[tag.Name()] = image
	s.images[repository+"@"+digest.String()] = image
	for _, layer := range layers {
		hash, err := layer.Digest()
		if err != nil {
			return fmt.Errorf("storing image %s: %w", reference, err)
		}
		s.blobs[hash.String()] = layer
	}
	s.all = slices.DeleteFunc(s.all, func(a Alias) bool { return a.Served == containerdName(tag.Name()) })
	if pinned != "" && pinned != digest.String() {
		s.all = append(s.all, Alias{Served: containerdName(tag.Name()), Pinned: containerdName(repository + "@" + pinned)})
	}
	return nil
}

// Aliases lists the pinned references that nodes must name themselves, in the order of their names.
func (s *Store) Aliases() []Alias {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := slices.Clone(s.all)
	slices.SortFunc(all, func(a, b Alias) int { return cmp.Compare(a.Served, b.Served) })
	return all
}

// find answers the image of "registry/repository" and a tag or a digest.
func (s *Store) find(repository, reference string) (v1.Image, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if image, ok := s.images[repository+":"+reference]; ok {
		return image, true
	}
	image, ok := s.images[repository+"@"+reference]
	return image, ok
}

func (s *Store) blob(digest string) (v1.Layer, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	layer, ok := s.blobs[digest]
	return layer, ok
}

// config answers the configuration of that digest: an image's other blob besides its layers.
func (s *Store) config(digest string) ([]byte, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, image := range s.images {
		if hash, err := image.ConfigName(); err == nil && hash.String() == digest {
			data, err := image.RawConfigFile()
			return data, err == nil
		}
	}
	return nil, false
}
