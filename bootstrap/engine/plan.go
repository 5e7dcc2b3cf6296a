package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// What Up would do to a resource.
const (
	// ActionNone: it is as it should be, or is made by others.
	ActionNone = "none"
	// ActionCreate: there is none.
	ActionCreate = "create"
	// ActionChange: it differs.
	ActionChange = "change"
	// ActionReplace: it failed, and is deleted and made anew.
	ActionReplace = "replace"
	// ActionDelete: an earlier cluster.yaml asked for it, and this one does not.
	ActionDelete = "delete"
	// ActionWait: it is becoming ready, or going away.
	ActionWait = "wait"
	// ActionRefuse: it is somebody else's, or named in cluster.yaml and not as it must be. Up would fail.
	ActionRefuse = "refuse"
)

// Step is what Up would do to one resource.
type Step struct {
	Resource string `json:"resource"`
	Phase    string `json:"phase"`
	Kind     string `json:"kind"`
	ID       string `json:"id,omitempty"`
	// Action is one of the constants above.
	Action string `json:"action"`
	// Changes are what would be mended; Reason says why it is waited for, replaced or refused.
	Changes []Change `json:"changes,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	// Condition is the state that it was found in.
	Condition string `json:"condition"`
	// Data and Given are as in Resource.
	Data  bool `json:"data,omitempty"`
	Given bool `json:"given,omitempty"`
	// Passive says that others make it, and that it is there only to be removed.
	Passive bool `json:"passive,omitempty"`
	// Borrowed is as in State.
	Borrowed bool `json:"borrowed,omitempty"`
	// Ours says that it is there, and that Down with DeleteData would remove it.
	Ours bool `json:"ours,omitempty"`
	// Uses are what it costs, Expected is how long it usually takes.
	Uses     []Use         `json:"uses,omitempty"`
	Expected time.Duration `json:"expected,omitempty"`
}

// Exists says whether the resource was found.
func (s Step) Exists() bool { return s.Condition != Absent.String() }

// Plan is what Up would do, in the graph's order.
type Plan []Step

// Count is the number of steps with one of the actions.
func (p Plan) Count(actions ...string) int {
	n := 0
	for _, s := range p {
		if slices.Contains(actions, s.Action) {
			n++
		}
	}
	return n
}

// Differs says whether Up would do anything, or fail.
func (p Plan) Differs() bool { return p.Count(ActionNone) != len(p) }

// Plan looks at everything and changes nothing.
func (g *Graph) Plan(ctx context.Context, o Options) (Plan, error) {
	r, err := newRunner(g, o)
	if err != nil {
		return nil, err
	}
	chosen, err := g.until(o.Until)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	steps := map[*node]Step{}
	_, err = r.each(ctx, chosen, func(n *node) []*node { return n.after }, func(ctx context.Context, n *node) (string, string, error) {
		found, err := r.find(ctx, n, time.Now())
		if err != nil {
			return "", "", err
		}
		n.record(found)
		mu.Lock()
		defer mu.Unlock()
		steps[n] = r.graph.plan(n, found)
		return Found, found.Detail, nil
	})
	if err != nil {
		return nil, err
	}
	var plan Plan
	for _, n := range g.nodes {
		if chosen[n] {
			plan = append(plan, steps[n])
		}
	}
	return plan, nil
}

// plan is what Up would do to a resource in the given state.
func (g *Graph) plan(n *node, found state) Step {
	s := Step{
		Resource: n.name, Phase: n.phase, Kind: n.kind, ID: n.id, Action: ActionNone, Condition: found.Condition.String(),
		Data: n.data, Given: n.given, Passive: n.create == nil && !n.given, Uses: n.uses, Expected: n.expected,
		Ours: found.Condition != Absent && !n.given && g.owned(n, found),
	}
	switch {
	case found.Condition == Absent && n.given:
		s.Action, s.Reason = ActionRefuse, "cluster.yaml names it, and there is none"
	case found.Condition == Absent && n.create != nil:
		s.Action = ActionCreate
	case found.Condition == Absent:
	case found.Borrowed && !g.owned(n, found):
		s.Borrowed = true
	case n.unwanted:
		g.planUnwanted(&s, n, found)
	case !g.owned(n, found):
		s.Action, s.Reason = ActionRefuse, fmt.Sprintf("it exists and is not this cluster's: its tag %s is %q", TagCluster, found.Tags[TagCluster])
	case found.Condition == Pending, found.Condition == Deleting:
		s.Action, s.Reason = ActionWait, orDefault(found.Detail, found.Condition.String())
	default:
		g.planFound(&s, n, found)
	}
	return s
}

// planUnwanted is what Up would do to a resource that is there and not wanted any more.
func (g *Graph) planUnwanted(s *Step, n *node, found state) {
	switch {
	case !g.owned(n, found):
	case found.Keep != "":
		s.Reason = "kept: " + found.Keep
	default:
		s.Action, s.Reason = ActionDelete, found.Detail
	}
}

// planFound is what Up would do to a resource that is there and ours.
func (*Graph) planFound(s *Step, n *node, found state) {
	switch {
	case found.Condition == Failed && (n.given || n.data || n.remove == nil || n.create == nil):
		s.Action, s.Reason = ActionRefuse, orDefault(found.Detail, "it failed")
	case found.Condition == Failed:
		s.Action, s.Reason = ActionReplace, orDefault(found.Detail, "it failed")
	case len(found.Drift) > 0:
		s.Action, s.Changes = ActionChange, found.Drift
		if n.given || n.reconcile == nil {
			s.Action, s.Reason = ActionRefuse, "it is not as it must be, and bootstrap cannot change it"
		}
	}
}

// LongestPath is the chain of resources that takes longest, and how long that is. took says how long each takes, as
// Step.Expected does; nil takes what each resource expects.
func (g *Graph) LongestPath(took func(resource string) time.Duration) ([]string, time.Duration) {
	total, from := map[*node]time.Duration{}, map[*node]*node{}
	var last *node
	for _, n := range g.nodes { // what a node depends on was added before it
		for _, up := range n.after {
			if from[n] == nil || total[up] > total[from[n]] {
				from[n] = up
			}
		}
		own := n.expected
		if took != nil {
			own = took(n.name)
		}
		total[n] = own
		if from[n] != nil {
			total[n] += total[from[n]]
		}
		if last == nil || total[n] > total[last] {
			last = n
		}
	}
	if last == nil {
		return nil, 0
	}
	var path []string
	for n := last; n != nil; n = from[n] {
		path = append(path, n.name)
	}
	slices.Reverse(path)
	return path, total[last]
}
