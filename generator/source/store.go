package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/opsgen/opsgen/generator/bundle"
)

// Store fetches sources and keeps them. Its methods may be called by several goroutines, and several processes may
// share a cache folder.
type Store struct {
	options  Options
	transfer *transfer

	mu    sync.Mutex
	locks map[string]*sync.Mutex
}

// NewStore makes a store; nothing is read or written yet.
func NewStore(o Options) *Store {
	o = o.withDefaults()
	return &Store{options: o, transfer: newTransfer(o), locks: map[string]*sync.Mutex{}}
}

// Tree is one verified package.
type Tree struct {
	content fs.FS
	sum     string
	closer  io.Closer
}

// FS is the package's content, rooted at the module's or the chart's own folder. Files are inflated one by one as they
// are read. It may be used by several goroutines until Close.
func (t *Tree) FS() fs.FS { return t.content }

// Sum is the checksum that the content was verified with, as in versions.yaml.
func (t *Tree) Sum() string { return t.sum }

// Close releases the files.
func (t *Tree) Close() error { return t.closer.Close() }

// Fetch opens a source: from the vendor folder, else from the cache, else from the network. The caller closes the tree.
// The error is a *MismatchError when the content is not what versions.yaml pins.
func (s *Store) Fetch(ctx context.Context, name string, source bundle.Source) (*Tree, error) {
	p, err := s.pinOf(name, source)
	if err != nil {
		return nil, err
	}
	dir, err := s.locate(ctx, name, source, p, s.options.VendorDir)
	if err != nil {
		s.options.Progress(Event{Name: name, Version: source.Version, State: Failed})
		return nil, err
	}
	content, closer, err := p.open(dir)
	if err != nil {
		return nil, fmt.Errorf("source %s: open %s: %w", name, p.label(), err)
	}
	damaged := func() error {
		s.breakSeal(p, source.Sum, dir)
		return fmt.Errorf("source %s: the stored copy of %s is damaged; run again to check it and to fetch it anew", name, p.label())
	}
	return &Tree{content: &guarded{FS: content, damaged: damaged}, sum: source.Sum, closer: closer}, nil
}

// locate finds or makes the folder that holds the source's verified files. The vendor folder may be empty.
func (s *Store) locate(ctx context.Context, name string, source bundle.Source, p pin, vendorDir string) (string, error) {
	if s.options.CacheDir == "" {
		return "", errors.New("there is no cache folder: HOME is not set; give one with --cache-dir or OPSGEN_CACHE_DIR")
	}
	defer s.lock(p.files()[0])()
	event := Event{Name: name, Version: source.Version, State: Cached}
	if vendorDir != "" && exist(vendorDir, p.files()) {
		if err := s.check(p, source.Sum, vendorDir, vendorPlace); err != nil {
			return "", fmt.Errorf("%w\n  Put the vendored copy back as it was, or run opsgen vendor again", err)
		}
		s.options.Progress(event)
		return vendorDir, nil
	}
	damage := error(nil)
	if dir := s.options.CacheDir; exist(dir, p.files()) {
		if damage = s.check(p, source.Sum, dir, "the cache"); damage == nil {
			s.options.Progress(event)
			return dir, nil
		}
	}
	if s.options.Offline {
		return "", offlineError(name, p, damage)
	}
	return s.options.CacheDir, s.download(ctx, name, source, p)
}

func offlineError(name string, p pin, damage error) error {
	state := "is neither in the vendor folder nor in the cache"
	if damage != nil {
		state = "is damaged in the cache"
	}
	return fmt.Errorf("source %s: %s %s, and opsgen is offline; run opsgen vendor where there is network, and bring its folder here",
		name, p.label(), state)
}

// check verifies stored files, by their seal when nothing changed since.
func (s *Store) check(p pin, sum, dir, place string) error {
	if s.sealed(p, sum, dir) {
		return nil
	}
	if err := p.verify(dir, place); err != nil {
		return err
	}
	s.setSeal(p, sum, dir)
	return nil
}

// download fetches into a folder of its own and moves the files over when they are verified.
func (s *Store) download(ctx context.Context, name string, source bundle.Source, p pin) error {
	cache := s.options.CacheDir
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("source %s: make the cache folder: %w", name, err)
	}
	sweep(cache, time.Now())
	dir, err := os.MkdirTemp(cache, temporary)
	if err != nil {
		return fmt.Errorf("source %s: write to the cache folder: %w", name, err)
	}
	defer os.RemoveAll(dir)
	event := Event{Name: name, Version: source.Version, State: Fetching}
	s.options.Progress(event)
	note, err := p.download(ctx, dir, func(done, total int64) {
		event.Bytes, event.Total = done, total
		s.options.Progress(event)
	})
	if err != nil {
		return err
	}
	size := int64(0)
	for _, file := range p.files() {
		if info, err := os.Stat(filepath.Join(dir, file)); err == nil {
			size += info.Size()
		}
		if err := os.Rename(filepath.Join(dir, file), filepath.Join(cache, file)); err != nil {
			return fmt.Errorf("source %s: keep it in the cache: %w", name, err)
		}
	}
	s.setSeal(p, source.Sum, cache)
	event.Bytes, event.Total, event.State, event.Note = size, size, Verified, note
	s.options.Progress(event)
	return nil
}

// lock lets one goroutine at a time work on a package. It returns the function that unlocks.
func (s *Store) lock(key string) func() {
	s.mu.Lock()
	lock, found := s.locks[key]
	if !found {
		lock = &sync.Mutex{}
		s.locks[key] = lock
	}
	s.mu.Unlock()
	lock.Lock()
	return lock.Unlock
}
