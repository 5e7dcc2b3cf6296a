package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/opsgen/opsgen/generator/bundle"
)

// vendorParallel is how many sources are fetched at a time.
const vendorParallel = 4

// vendorPlace is the vendor folder in messages.
const vendorPlace = "the vendor folder"

// Vendor stores all sources in a folder, for a place without network: Options.VendorDir names it there. The files' names
// tell package, version and sum; what is read from the folder is verified like a download. Files of other versions are
// left alone. All failures are returned, joined.
func (s *Store) Vendor(ctx context.Context, dir string, sources map[string]bundle.Source) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the vendor folder: %w", err)
	}
	names := slices.Sorted(maps.Keys(sources))
	failures := make([]error, len(names))
	slots := make(chan struct{}, vendorParallel)
	var group sync.WaitGroup
	for i, name := range names {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			failures[i] = s.vendor(ctx, dir, name, sources[name])
		})
	}
	group.Wait()
	return errors.Join(failures...)
}

func (s *Store) vendor(ctx context.Context, dir, name string, source bundle.Source) error {
	p, err := s.pinOf(name, source)
	if err != nil {
		return err
	}
	if exist(dir, p.files()) && s.check(p, source.Sum, dir, vendorPlace) == nil {
		s.options.Progress(Event{Name: name, Version: source.Version, State: Cached})
		return nil
	}
	// What is in the folder itself was just found wanting.
	vendorDir := s.options.VendorDir
	if filepath.Clean(vendorDir) == filepath.Clean(dir) {
		vendorDir = ""
	}
	from, err := s.locate(ctx, name, source, p, vendorDir)
	if err != nil {
		s.options.Progress(Event{Name: name, Version: source.Version, State: Failed})
		return err
	}
	for _, file := range p.files() {
		if err := copyFile(filepath.Join(from, file), filepath.Join(dir, file)); err != nil {
			return fmt.Errorf("source %s: write it to the vendor folder: %w", name, err)
		}
	}
	return s.check(p, source.Sum, dir, vendorPlace)
}
