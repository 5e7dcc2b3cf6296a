package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Options are those of a run.
type Options struct {
	// Classify tells errors of the cloud apart. It must not be nil.
	Classify func(error) Verdict
	// Events is told what happens, one event at a time; may be nil. It must not block for long.
	Events func(Event)
	// Parallel is the number of calls at a time. Default: 16. A resource that waits needs none.
	Parallel int
	// Window is how long the cloud may need to show what it made. Default: a minute.
	Window time.Duration
	// CallTimeout is the longest time of one call. Default: a minute.
	CallTimeout time.Duration
	// Until is the last phase to be made; empty for all.
	Until string
	// DeleteData removes Data as well.
	DeleteData bool
}

// Defaults of Options.
const (
	defaultParallel    = 16
	defaultWindow      = time.Minute
	defaultCallTimeout = time.Minute
)

// Outcome is what became of a resource.
type Outcome struct {
	Resource string `json:"resource"`
	Phase    string `json:"phase"`
	Kind     string `json:"kind"`
	ID       string `json:"id,omitempty"`
	// What is Found, Created, Changed, Removed, Kept, Broken or Skipped, and empty where the run was stopped before.
	What   string        `json:"what,omitempty"`
	Detail string        `json:"detail,omitempty"`
	Took   time.Duration `json:"took,omitempty"`
}

// Report is what became of all resources, in the graph's order.
type Report []Outcome

// Count is how many resources ended in one of the ways.
func (r Report) Count(what ...string) int {
	n := 0
	for _, o := range r {
		if slices.Contains(what, o.What) {
			n++
		}
	}
	return n
}

// Up makes the graph real, or its part up to Options.Until. What one failure leaves possible is still done. The error is
// Failures, or the context's cause when the run was stopped; both leave what a further run goes on with.
func (g *Graph) Up(ctx context.Context, o Options) (Report, error) {
	r, err := newRunner(g, o)
	if err != nil {
		return nil, err
	}
	chosen, err := g.until(o.Until)
	if err != nil {
		return nil, err
	}
	return r.each(ctx, chosen, func(n *node) []*node { return n.after }, r.converge)
}

// Down removes what is the cluster's, dependents first. Data is kept, with what it depends on, unless Options.DeleteData
// is set. What is not ours is left alone, and the report says so.
func (g *Graph) Down(ctx context.Context, o Options) (Report, error) {
	r, err := newRunner(g, o)
	if err != nil {
		return nil, err
	}
	all, err := g.until("")
	if err != nil {
		return nil, err
	}
	// What is below something must be looked for while that is still there.
	quiet := *r
	quiet.Events = nil
	if _, err := quiet.each(ctx, all, func(n *node) []*node { return n.after }, quiet.look); err != nil {
		return nil, err
	}
	r.keep = g.kept(o.DeleteData)
	return r.each(ctx, all, g.waitsForRemoval(), r.unmake)
}

// waitsForRemoval says what must be gone before a resource is removed: what depends on it. Data goes last of all, when
// nothing is left that might still fail; so does the lease that lies in it.
func (g *Graph) waitsForRemoval() func(*node) []*node {
	needed := map[*node]bool{}
	for _, n := range g.nodes {
		if n.data {
			for up := range n.above {
				needed[up] = true
			}
		}
	}
	var rest []*node
	for _, n := range g.nodes {
		if !n.data && !needed[n] {
			rest = append(rest, n)
		}
	}
	return func(n *node) []*node {
		if n.data {
			return append(slices.Clone(n.before), rest...)
		}
		return n.before
	}
}

// kept are data that was found, and what it depends on.
func (g *Graph) kept(deleteData bool) map[*node]string {
	kept := map[*node]string{}
	for _, n := range g.nodes {
		// What is not there keeps nothing.
		if _, there := n.output(); !n.data || !there || deleteData {
			continue
		}
		kept[n] = "data"
		for up := range n.above {
			if kept[up] == "" {
				kept[up] = "needed by " + n.name
			}
		}
	}
	return kept
}

// runner is one run.
type runner struct {
	Options
	graph *Graph
	slots chan struct{}
	keep  map[*node]string
	mu    *sync.Mutex
}

func newRunner(g *Graph, o Options) (*runner, error) {
	if err := g.Err(); err != nil {
		return nil, err
	}
	if o.Classify == nil {
		return nil, errors.New("no Classify is given: this is a mistake in bootstrap")
	}
	o.Parallel = orDefault(o.Parallel, defaultParallel)
	o.Window = orDefault(o.Window, defaultWindow)
	o.CallTimeout = orDefault(o.CallTimeout, defaultCallTimeout)
	return &runner{Options: o, graph: g, slots: make(chan struct{}, o.Parallel), mu: &sync.Mutex{}}, nil
}

func orDefault[T comparable](value, standard T) T {
	var zero T
	if value == zero {
		return standard
	}
	return value
}

// verb does what a run is for to one resource, and says what became of it.
type verb func(ctx context.Context, n *node) (what, detail string, err error)

// each does it to all chosen resources: to each as soon as it is done to those that the resource waits for.
func (r *runner) each(ctx context.Context, chosen map[*node]bool, waitsFor func(*node) []*node, do verb) (Report, error) {
	done := map[*node]chan struct{}{}
	for n := range chosen {
		done[n] = make(chan struct{})
	}
	outcomes, failures := map[*node]*Outcome{}, map[*node]*ResourceError{}
	for n := range chosen {
		outcomes[n] = &Outcome{Resource: n.name, Phase: n.phase, Kind: n.kind, ID: n.id}
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	for n := range chosen {
		wait.Go(func() {
			defer close(done[n])
			for _, other := range waitsFor(n) {
				if chosen[other] {
					<-done[other]
				}
			}
			mu.Lock()
			broken := firstBroken(waitsFor(n), outcomes)
			mu.Unlock()
			began := time.Now()
			what, detail, err := "", "", error(nil)
			switch {
			case ctx.Err() != nil:
			case broken != "":
				what, detail = Skipped, "waits for "+broken
				r.tell(n, began, what, detail)
			default:
				what, detail, err = r.one(ctx, n, began, do)
			}
			mu.Lock()
			defer mu.Unlock()
			o := outcomes[n]
			o.What, o.Detail, o.Took = what, detail, time.Since(began)
			if err != nil {
				var failure *ResourceError
				if !errors.As(err, &failure) {
					failure = &ResourceError{Resource: n.name, Kind: n.kind, ID: n.id, Doing: "run", Err: err}
				}
				failures[n] = failure
			}
		})
	}
	wait.Wait()
	return r.report(ctx, outcomes, failures)
}

// one does it to one resource within the time that it may take.
func (r *runner) one(parent context.Context, n *node, began time.Time, do verb) (what, detail string, err error) {
	ctx, cancel := context.WithTimeoutCause(context.WithValue(parent, nodeKey{}, n), n.limit, ErrLimit)
	defer cancel()
	r.tell(n, began, Started, "")
	what, detail, err = do(ctx, n)
	switch {
	case err != nil && parent.Err() != nil:
		return "", "", nil // stopped, not failed
	case err != nil:
		what, detail = Broken, err.Error()
	}
	r.tell(n, began, what, detail)
	return what, detail, err
}

func firstBroken(nodes []*node, outcomes map[*node]*Outcome) string {
	for _, n := range nodes {
		if o := outcomes[n]; o != nil && (o.What == Broken || o.What == Skipped) {
			return n.name
		}
	}
	return ""
}

func (r *runner) report(ctx context.Context, outcomes map[*node]*Outcome, failures map[*node]*ResourceError) (Report, error) {
	var report Report
	var failed Failures
	stopped := false
	for _, n := range r.graph.nodes {
		if o := outcomes[n]; o != nil {
			report = append(report, *o)
			stopped = stopped || o.What == ""
		}
		if f := failures[n]; f != nil {
			failed = append(failed, f)
		}
	}
	switch {
	case len(failed) > 0:
		return report, failed
	case stopped && ctx.Err() != nil:
		return report, fmt.Errorf("stopped: %w", context.Cause(ctx))
	}
	return report, nil
}

// tell passes an event on, one at a time.
func (r *runner) tell(n *node, since time.Time, what, detail string) {
	if r.Events == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Events(Event{
		Resource: n.name, Phase: n.phase, Kind: n.kind, ID: n.id,
		What: what, Detail: detail, Since: since, Expected: n.expected,
	})
}
