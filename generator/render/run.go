package render

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opsgen/opsgen/generator/cache"
	"github.com/opsgen/opsgen/generator/component"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/jsonnet"
	"github.com/opsgen/opsgen/generator/overlay"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/source"
)

// Options say what to render and how.
type Options struct {
	// Root is the repository's folder.
	Root string
	// Clusters are the names of the clusters; none means all.
	Clusters []string
	// Jobs is how many units are rendered at a time.
	Jobs int
	// CacheDir is the folder for results; empty means that nothing is kept.
	CacheDir string
	// Sources is where pinned packages come from.
	Sources *source.Store
	// Check writes nothing.
	Check bool
	// Force overwrites files that were edited by hand and damaged indexes.
	Force bool
	// Progress is told what happens; it may be nil.
	Progress *progress.Reporter
}

// keep is how long a result stays in the cache after it was made.
const keep = 30 * 24 * time.Hour

// Run renders. The error is document.Problems for wrong inputs, ChecksFailed when a check of the objects failed, and
// NotWritable when the trees cannot be written; nothing was written then. The report is complete otherwise.
func Run(ctx context.Context, o Options) (*Report, error) {
	started := time.Now()
	repo, err := repository.Load(o.Root, o.Clusters)
	if err != nil {
		return nil, err
	}
	plans, advisories, err := planAll(repo)
	if err != nil {
		return nil, err
	}
	s, err := newSession(ctx, o, repo)
	if err != nil {
		return nil, err
	}
	defer s.sources.close()
	defer o.Progress.Done()
	pool, err := s.renderAll(ctx, plans, o)
	if err != nil {
		return nil, err
	}
	o.Progress.Status("checking", "what the units say about each other")
	slices.Sort(pool.rendered)
	report := &Report{
		Clusters: []ClusterReport{},
		Bundle:   repo.Bundle.Version, Checked: o.Check, Advisories: advisories,
		Cached: pool.cached, Rendered: append([]string{}, pool.rendered...),
	}
	if err := s.checkAll(plans, o, report); err != nil {
		return report, err
	}
	o.Progress.Done()
	if err := ctx.Err(); err != nil { // from here on a run is not interrupted
		return nil, err
	}
	if err := s.writeAll(plans, o, report); err != nil {
		return report, err
	}
	s.cache.Prune(time.Now(), keep)
	report.Seconds = time.Since(started).Seconds()
	return report, nil
}

func newSession(ctx context.Context, o Options, repo *repository.Repository) (*session, error) {
	build, err := buildID()
	if err != nil {
		return nil, err
	}
	s := &session{
		root: o.Root, build: build, bundle: repo.Bundle,
		sources: &sources{ctx: ctx, store: o.Sources, bundle: repo.Bundle, trees: map[string]func() (*source.Tree, error){}},
		files:   map[string]string{}, imports: map[string]string{}, overlays: map[string]overlay.Folder{}, checkers: map[string]*lazyChecker{},
	}
	if o.CacheDir != "" {
		s.cache = cache.New(filepath.Join(o.CacheDir, "units"))
	}
	return s, nil
}

// renderAll renders the units in three steps: definitions, everything that may use them, and the folder that lists what
// there is. Within a step all units of all clusters run in parallel.
func (s *session) renderAll(ctx context.Context, plans []*plan, o Options) (*workers, error) {
	pool := &workers{session: s, jobs: max(o.Jobs, 1), progress: o.Progress}
	var first, second, third []*unit
	for _, p := range plans {
		o.Progress.Line("rendering", "%-14s %s, %s", p.Name, progress.Count(len(p.enabled), "component"), progress.Count(len(p.tenants), "tenant"))
		s.checkers[p.Name] = newLazyChecker("", noDefinitions)
		for _, u := range p.units {
			if u.layer == string(component.CRDs) {
				first = append(first, u)
			} else {
				second = append(second, u)
			}
		}
	}
	o.Progress.Expect(len(first) + len(second))
	if err := pool.render(ctx, first); err != nil {
		return pool, err
	}
	for _, p := range plans {
		s.checkers[p.Name] = s.checkerFor(p)
	}
	if err := pool.render(ctx, second); err != nil {
		return pool, err
	}
	if err := s.uselessPatches(plans); err != nil {
		return pool, err
	}
	for _, p := range plans {
		before := len(p.units)
		if err := p.addClusterUnits(); err != nil {
			return pool, err
		}
		third = append(third, p.units[before:]...)
	}
	o.Progress.Expect(len(third))
	return pool, pool.render(ctx, third)
}

// workers render units, each with an evaluator that it keeps from unit to unit.
type workers struct {
	session  *session
	jobs     int
	progress *progress.Reporter
	mu       sync.Mutex
	idle     []*jsonnet.Evaluator
	// cached counts units that came from the cache; rendered names all others.
	cached   int
	rendered []string
}

// render renders units. All that cannot be rendered are named, in the order of the units: which one fails first is a
// matter of chance.
func (w *workers) render(ctx context.Context, units []*unit) error {
	failures := make([]error, len(units))
	var group errgroup.Group
	group.SetLimit(w.jobs)
	for i, u := range units {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			evaluator := w.take()
			defer w.give(evaluator)
			cached, err := u.render(w.session, evaluator, w.session.checkers[u.plan.Name])
			if err != nil {
				failures[i] = err
				return nil
			}
			name := u.plan.Name + " " + u.path()
			w.count(name, cached)
			w.progress.Step(name)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return failed(units, failures)
}

// failed turns the units' failures into problems. A mistake in a file that many units share is one problem.
func failed(units []*unit, failures []error) error {
	var problems document.Problems
	seen := map[string]bool{}
	for i, err := range failures {
		if err == nil || seen[err.Error()] {
			continue
		}
		seen[err.Error()] = true
		var found document.Problems
		if !errors.As(err, &found) {
			found = document.Problems{{Message: fmt.Sprintf("render %s %s: %v", units[i].plan.Name, units[i].path(), err)}}
		}
		problems = append(problems, found...)
	}
	return unique(problems).Err()
}

func (w *workers) take() *jsonnet.Evaluator {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.idle); n > 0 {
		evaluator := w.idle[n-1]
		w.idle = w.idle[:n-1]
		return evaluator
	}
	return jsonnet.New(w.session.root, w.session.sources.fs)
}

func (w *workers) give(evaluator *jsonnet.Evaluator) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = append(w.idle, evaluator)
}

func (w *workers) count(name string, cached bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if cached {
		w.cached++
	} else {
		w.rendered = append(w.rendered, name)
	}
}
