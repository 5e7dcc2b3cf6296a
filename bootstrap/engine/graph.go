package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Tags by which a resource is known to be ours.
const (
	// TagCluster names the cluster that a resource belongs to. Without it, nothing is changed or deleted.
	TagCluster = "opsgen.io/cluster"
	// TagName is the resource's name in the graph.
	TagName = "opsgen.io/name"
	// TagVersion is the bundle's version that made the resource; nothing is decided by it.
	TagVersion = "opsgen.io/version"
)

// Graph is what one cluster consists of. Resources are added by Add, before it is run.
type Graph struct {
	// Cluster is the owner: the cluster's name.
	Cluster string
	// Version is the bundle's version.
	Version string

	nodes  []*node
	byName map[string]*node
	errs   []error
}

// NewGraph makes an empty graph.
func NewGraph(cluster, version string) *Graph {
	return &Graph{Cluster: cluster, Version: version, byName: map[string]*node{}}
}

// Add adds a resource that needs others. What needs it, gets its Output.
func Add[T any](g *Graph, r Resource[T], after ...Dependency) Output[T] {
	n := &node{
		name: r.Name, kind: r.Kind, id: r.ID, expected: r.Expected, limit: r.Limit, uses: r.Uses,
		data: r.Data, given: r.Given, part: r.Part, unwanted: r.Unwanted, create: r.Create,
	}
	if n.limit == 0 {
		n.limit = max(defaultLimit, 3*n.expected)
	}
	n.find = func(ctx context.Context) (state, error) {
		s, err := r.Find(ctx)
		return state{Condition: s.Condition, Output: s.Output, Detail: s.Detail, Tags: s.Tags, Drift: s.Drift, Keep: s.Keep, Borrowed: s.Borrowed}, err
	}
	n.reconcile = typed(r.Reconcile)
	n.remove = typed(r.Delete)
	if n.retire = typed(r.Retire); n.retire == nil {
		n.retire = n.remove
	}
	if n.unwanted {
		n.create = nil
	}
	g.add(n, r.Find != nil, after)
	return Output[T]{node: n}
}

// defaultLimit is the longest wait for a resource that states none.
const defaultLimit = 10 * time.Minute

// typed is f for states whose type is not known any more.
func typed[T any](f func(context.Context, State[T]) error) func(context.Context, state) error {
	if f == nil {
		return nil
	}
	return func(ctx context.Context, s state) error {
		output, ok := s.Output.(T)
		if !ok {
			return fmt.Errorf("the output is a %T: this is a mistake in bootstrap", s.Output)
		}
		return f(ctx, State[T]{Condition: s.Condition, Output: output, Detail: s.Detail, Tags: s.Tags, Drift: s.Drift, Keep: s.Keep, Borrowed: s.Borrowed})
	}
}

// add checks what a provider can get wrong. A cycle cannot be written: a dependency is an Output, which exists only
// after its resource was added.
func (g *Graph) add(n *node, hasFind bool, after []Dependency) {
	n.phase, _, _ = strings.Cut(n.name, "/")
	switch {
	case g.byName[n.name] != nil:
		g.errs = append(g.errs, fmt.Errorf("two resources are called %s: this is a mistake in bootstrap", n.name))
	case !hasFind:
		g.errs = append(g.errs, fmt.Errorf("%s cannot be found: this is a mistake in bootstrap", n.name))
	case !strings.Contains(n.name, "/"):
		g.errs = append(g.errs, fmt.Errorf("%q is not phase/name: this is a mistake in bootstrap", n.name))
	}
	n.above = map[*node]bool{}
	for _, d := range after {
		up := d.dependency()
		if up == nil || g.byName[up.name] != up {
			g.errs = append(g.errs, fmt.Errorf("%s depends on a resource that is not in its graph: this is a mistake in bootstrap", n.name))
			continue
		}
		if slices.Contains(n.after, up) {
			continue
		}
		n.after = append(n.after, up)
		up.before = append(up.before, n)
		n.above[up] = true
		for further := range up.above {
			n.above[further] = true
		}
	}
	g.nodes = append(g.nodes, n)
	g.byName[n.name] = n
}

// Err is what is wrong with the graph itself.
func (g *Graph) Err() error { return errors.Join(g.errs...) }

// Len is the number of resources.
func (g *Graph) Len() int { return len(g.nodes) }

// Phases are the phases in the order in which they were added.
func (g *Graph) Phases() []string {
	var phases []string
	for _, n := range g.nodes {
		if !slices.Contains(phases, n.phase) {
			phases = append(phases, n.phase)
		}
	}
	return phases
}

// Tags are those that the resource must be created with. Clouds whose labels know neither dots nor slashes write them
// in their own way, and give them back in this one.
func (g *Graph) Tags(name string) map[string]string {
	return map[string]string{TagCluster: g.Cluster, TagName: name, TagVersion: g.Version}
}

// Token is a client token for creating the resource: the same for every run that would create the same, so that a cloud
// that has made it already gives it back. Parts are what the resource is made of (a name, a version, a parent's ID); a
// resource that is made anew after it failed needs a part that differs. It has 32 hexadecimal digits.
func (g *Graph) Token(name string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{g.Cluster, name}, parts...), "\x00")))
	return hex.EncodeToString(sum[:16])
}

// until is the part of the graph that is needed for the phases up to the named one; everything for "".
func (g *Graph) until(phase string) (map[*node]bool, error) {
	phases := g.Phases()
	last := slices.Index(phases, phase)
	if phase != "" && last < 0 {
		return nil, fmt.Errorf("there is no phase %q; phases are %s", phase, strings.Join(phases, ", "))
	}
	chosen := map[*node]bool{}
	for _, n := range g.nodes {
		if phase == "" || slices.Index(phases, n.phase) <= last {
			chosen[n] = true
			for up := range n.above {
				chosen[up] = true
			}
		}
	}
	return chosen, nil
}

// node is a resource whose type is not known any more.
type node struct {
	name, phase, kind, id string
	expected, limit       time.Duration
	uses                  []Use
	data, given, part     bool
	unwanted              bool
	find                  func(context.Context) (state, error)
	create                func(context.Context) error
	reconcile             func(context.Context, state) error
	remove, retire        func(context.Context, state) error
	// after are those it needs, before those that need it, above everything it needs in the end.
	after, before []*node
	above         map[*node]bool

	mu    sync.Mutex
	value any
	known bool
}

// state is a State of any output.
type state = State[any]

// nodeKey is the context's key of the resource whose function runs.
type nodeKey struct{}

func (n *node) dependsOn(other *node) bool { return n == other || n.above[other] }

func (n *node) output() (any, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.value, n.known
}

// record keeps what was seen of the resource, so that others can use it.
func (n *node) record(s state) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.value, n.known = s.Output, s.Condition != Absent
}

// owned says whether a resource that was found is the cluster's.
func (g *Graph) owned(n *node, s state) bool {
	return n.part || n.given || s.Tags[TagCluster] == g.Cluster && s.Tags[TagName] == n.name
}
