package render

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/cache"
	"github.com/opsgen/opsgen/generator/chart"
	"github.com/opsgen/opsgen/generator/check"
	"github.com/opsgen/opsgen/generator/component"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/jsonnet"
	"github.com/opsgen/opsgen/generator/object"
	"github.com/opsgen/opsgen/generator/overlay"
	"github.com/opsgen/opsgen/generator/source"
	"github.com/opsgen/opsgen/generator/tree"
)

// session is what the units of one run share.
type session struct {
	root    string
	cache   *cache.Store
	build   string
	sources *sources
	bundle  *bundle.Bundle
	charts  chart.Renderer

	mu       sync.Mutex
	files    map[string]string         // sums by file
	imports  map[string]string         // digest of a base's file with all its imports
	overlays map[string]overlay.Folder // by path; an empty one where there is none
	checkers map[string]*lazyChecker   // by cluster
}

// sources opens each source once, when it is first needed.
type sources struct {
	ctx    context.Context
	store  *source.Store
	bundle *bundle.Bundle
	mu     sync.Mutex
	trees  map[string]func() (*source.Tree, error)
}

func (s *sources) open(name string) (*source.Tree, error) {
	s.mu.Lock()
	if s.trees[name] == nil {
		s.trees[name] = sync.OnceValues(func() (*source.Tree, error) {
			pinned, ok := s.bundle.Sources[name]
			if !ok {
				return nil, fmt.Errorf("source %q is not in versions.yaml; add it under sources", name)
			}
			return s.store.Fetch(s.ctx, name, pinned)
		})
	}
	fetch := s.trees[name]
	s.mu.Unlock()
	return fetch()
}

func (s *sources) fs(name string) (fs.FS, error) {
	opened, err := s.open(name)
	if err != nil {
		return nil, err
	}
	return opened.FS(), nil
}

// close closes the sources that were opened.
func (s *sources) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fetch := range s.trees {
		if opened, err := fetch(); err == nil {
			opened.Close() //nolint:errcheck,gosec // it was only read
		}
	}
}

// key is the hash of everything that the unit's result depends on, but for images, which the result names itself.
func (s *session) key(u *unit, evaluator *jsonnet.Evaluator, definitions string) (string, error) {
	key := cache.NewKey("unit").Add(s.build, u.layer, u.name, u.namespace, u.tenant, u.zone, definitions)
	for _, name := range slices.Sorted(maps.Keys(u.arguments)) {
		key.Add(name, u.arguments[name])
	}
	for _, p := range u.parts {
		settings, err := json.Marshal(p.component)
		if err != nil {
			return "", err
		}
		imports, err := s.importsDigest(p.file, evaluator)
		if err != nil {
			return "", err
		}
		key.Add(p.file, string(settings), imports)
		for _, name := range p.component.Sources {
			key.Add(name, s.bundle.Sources[name].Version, s.bundle.Sources[name].Sum)
		}
		if p.chart && p.component.Chart != nil {
			pinned := s.bundle.Sources[p.component.Chart.Source]
			key.Add(p.component.Chart.Source, pinned.Version, pinned.Sum)
		}
	}
	for _, folder := range u.overlayPaths() {
		content, err := s.overlay(folder)
		if err != nil {
			return "", err
		}
		for _, name := range slices.Sorted(maps.Keys(content.Files)) {
			key.Add(folder, name, string(content.Files[name]), fmt.Sprint(u.takes(folder)))
		}
	}
	return key.String(), nil
}

// importsDigest hashes a file with everything that it imports.
func (s *session) importsDigest(file string, evaluator *jsonnet.Evaluator) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if digest, ok := s.imports[file]; ok {
		return digest, nil
	}
	names, err := evaluator.Dependencies(file)
	if err != nil {
		return "", err
	}
	key := cache.NewKey("imports")
	for _, name := range names {
		if s.files[name] == "" {
			data, err := os.ReadFile(filepath.Join(s.root, filepath.FromSlash(name)))
			if err != nil {
				return "", fmt.Errorf("read %s: %w", name, err)
			}
			s.files[name] = tree.Sum(data)
		}
		key.Add(name, s.files[name])
	}
	s.imports[file] = key.String()
	return s.imports[file], nil
}

// overlayPaths are the folders whose Kustomize components apply to the unit, in their order, whether they exist or not:
// the provider's, the chosen ones, the cluster's own patches last, so that a fork's changes never conflict. Definitions
// and Flux's own folder are not for patching.
func (u *unit) overlayPaths() []string {
	if u.layer == clusterLayer || u.layer == string(component.CRDs) {
		return nil
	}
	provider := u.plan.Provider.Name
	if provider == "existing" {
		provider = "local"
	}
	var paths []string
	for _, name := range append([]string{provider}, u.plan.Overlays...) {
		for _, p := range u.parts {
			paths = append(paths, path.Join("overlays", name, p.component.Name))
		}
	}
	for _, p := range u.parts {
		paths = append(paths, path.Join("clusters", u.plan.Name, "patches", p.component.Name))
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(paths, func(p string) bool {
		again := seen[p]
		seen[p] = true
		return again
	})
}

func (s *session) overlay(folder string) (overlay.Folder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if content, ok := s.overlays[folder]; ok {
		return content, nil
	}
	content, _, err := overlay.Read(s.root, folder)
	if err != nil {
		return content, err
	}
	s.overlays[folder] = content
	return content, nil
}

// applyOverlays applies the overlay folders that exist, and says which of their patches found an object here:
// "clusters/prod/patches/cortex patches[0]".
func (u *unit) applyOverlays(s *session, objects []object.Object) ([]object.Object, []string, error) {
	var found []string
	for _, name := range u.overlayPaths() {
		folder, err := s.overlay(name)
		if err != nil {
			return nil, nil, err
		}
		if len(folder.Files) == 0 || len(objects) == 0 {
			continue
		}
		var places []string
		objects, places, err = overlay.Apply(overlay.Unit{Objects: objects, Facts: u.plan.facts(), Adds: u.takes(name)}, folder)
		if err != nil {
			return nil, nil, err
		}
		for _, place := range places {
			found = append(found, name+" "+place)
		}
	}
	return objects, found, nil
}

// takes says that what an overlay's folder adds goes into this unit: the main one of the folder's component, or each where
// the component has none, as with what is made for each tenant.
func (u *unit) takes(folder string) bool {
	main := u.plan.mains[path.Base(folder)]
	return main == nil || main == u
}

// uselessPatches finds patches of the clusters' own that have no object in any unit: they would do nothing, without a word.
func (s *session) uselessPatches(plans []*plan) error {
	var problems document.Problems
	for _, p := range plans {
		found := map[string]bool{}
		for _, u := range p.units {
			for _, patch := range u.result.Patches {
				found[patch] = true
			}
		}
		for _, c := range p.enabled {
			folder, err := s.overlay(path.Join("clusters", p.Name, "patches", c.Name))
			if err != nil {
				return err
			}
			for _, place := range folder.Patches() {
				if !found[folder.Path+" "+place] {
					problems = append(problems, useless(folder, place, c.Name))
				}
			}
		}
	}
	return problems.Err()
}

func useless(folder overlay.Folder, place, component string) document.Problem {
	file := path.Join(folder.Path, "kustomization.yaml")
	message := "the patch changes nothing: no object of " + component + " is what it names"
	hint := "Compare kind, name and namespace with the files in rendered/, or take the patch out."
	var content map[string]any
	read, err := document.Decode(file, folder.Files["kustomization.yaml"], &content)
	if err != nil {
		return document.Problem{File: file, Message: place + ": " + message, Hint: hint}
	}
	return read.Problem(place, message, hint)
}

// lazyChecker knows the custom resources of one cluster; it is built when the first unit must be checked.
type lazyChecker struct {
	// digest stands for the definitions in keys.
	digest string
	build  func() (*check.Checker, scopes, error)
}

func textsKey(files map[string]string) string {
	return cache.NewKey("texts").Add(filesDigest(files)).String()
}
