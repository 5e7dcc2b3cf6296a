package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/googleapi"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// policy is an IAM policy as all services write it.
type policy struct {
	Version  int64     `json:"version,omitempty"`
	Etag     string    `json:"etag,omitempty"`
	Bindings []binding `json:"bindings,omitempty"`
	// AuditConfigs are kept as they are.
	AuditConfigs json.RawMessage `json:"auditConfigs,omitempty"`
}

// binding gives a role to members, perhaps under a condition.
type binding struct {
	Role      string     `json:"role"`
	Members   []string   `json:"members"`
	Condition *condition `json:"condition,omitempty"`
}

type condition struct {
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Expression  string `json:"expression"`
	Location    string `json:"location,omitempty"`
}

// policyVersion is the one that knows conditions.
//
// Threat: a policy that is read in an older version lacks the conditions of others' bindings, and written back it would
// give them without. It is always asked for, and always written.
const policyVersion = 3

// grant is one role for one member.
type grant struct {
	role, member string
	// condition is an expression that must hold; empty for none.
	condition string
}

// guarded is something that has a policy. read and write make one call each; write fails when the policy was changed since
// it was read: the services compare etags.
type guarded struct {
	read  func(ctx context.Context) (policy, error)
	write func(ctx context.Context, p policy) error
}

// policyOf makes what is guarded of a service's own calls, whose types differ by name only.
func policyOf[T any](get func(context.Context) (*T, error), set func(context.Context, *T) error) guarded {
	return guarded{
		read: func(ctx context.Context) (policy, error) {
			theirs, err := get(ctx)
			if err != nil {
				return policy{}, err
			}
			var p policy
			return p, convert(theirs, &p)
		},
		write: func(ctx context.Context, p policy) error {
			p.Version = policyVersion
			var theirs T
			if err := convert(p, &theirs); err != nil {
				return err
			}
			return busy(set(ctx, &theirs))
		},
	}
}

func convert(from, to any) error {
	text, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		return fmt.Errorf("read a policy: %w", err)
	}
	return nil
}

// busy marks that somebody else has changed the policy meanwhile: services say so with 409 or 412.
func busy(err error) error {
	var answer *googleapi.Error
	if errors.As(err, &answer) && !constraint.MatchString(answer.Body) {
		if answer.Code == http.StatusConflict || answer.Code == http.StatusPreconditionFailed {
			return &busyError{err}
		}
	}
	return err
}

// addAccess adds rights on something. They are a part of it, and nothing else in its policy is touched.
func (c *cloud) addAccess(g *engine.Graph, name, id string, to guarded, wanted func(context.Context) ([]grant, error),
	after ...engine.Dependency,
) engine.Output[string] {
	change := func(ctx context.Context, what func(policy, []grant) policy) error {
		want, err := wanted(ctx)
		if err != nil {
			return err
		}
		have, err := to.read(ctx)
		if err != nil {
			return err
		}
		return to.write(ctx, what(have, want))
	}
	return add(c, g, engine.Resource[string]{
		Name: name, Kind: "rights", ID: id, Part: true, Expected: 3 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			want, err := wanted(ctx)
			if err != nil {
				return engine.State[string]{}, err
			}
			have, err := to.read(ctx)
			if answer := (*googleapi.Error)(nil); errors.As(err, &answer) && c.Classify(err).Hint == hintDenied {
				return engine.State[string]{}, nil // it is another's; who wants to change it is told so
			}
			return accessState(have, want), err
		},
		Create: func(ctx context.Context) error { return change(ctx, policy.with) },
		Reconcile: func(ctx context.Context, _ engine.State[string]) error {
			return change(ctx, policy.with)
		},
		Delete: func(ctx context.Context, _ engine.State[string]) error { return change(ctx, policy.without) },
	}, after...)
}

// accessState is Absent when nothing of what is wanted is there.
func accessState(have policy, want []grant) engine.State[string] {
	there := 0
	for _, w := range want {
		if have.has(w) {
			there++
		}
	}
	switch {
	case there == 0:
		return engine.State[string]{}
	case there < len(want):
		change := engine.Change{Field: "rights", Have: fmt.Sprint(there), Want: fmt.Sprint(len(want))}
		return engine.State[string]{Condition: engine.Ready, Drift: []engine.Change{change}}
	}
	return engine.State[string]{Condition: engine.Ready}
}

func (b binding) fits(g grant) bool {
	expression := ""
	if b.Condition != nil {
		expression = b.Condition.Expression
	}
	return b.Role == g.role && expression == g.condition
}

func (p policy) has(g grant) bool {
	return slices.ContainsFunc(p.Bindings, func(b binding) bool { return b.fits(g) && slices.Contains(b.Members, g.member) })
}

// with is the policy with what is wanted. Members of the same name that were deleted meanwhile are left out: Google keeps
// them as "deleted:serviceAccount:…?uid=…".
func (p policy) with(want []grant) policy {
	p = p.copied()
	for _, g := range want {
		if p.has(g) {
			continue
		}
		at := slices.IndexFunc(p.Bindings, func(b binding) bool { return b.fits(g) })
		if at < 0 {
			added := binding{Role: g.role}
			if g.condition != "" {
				added.Condition = &condition{Title: "opsgen", Expression: g.condition}
			}
			p.Bindings = append(p.Bindings, added)
			at = len(p.Bindings) - 1
		}
		b := &p.Bindings[at]
		b.Members = append(slices.DeleteFunc(b.Members, func(m string) bool { return remainsOf(m, g.member) }), g.member)
	}
	return p
}

// without is the policy without what is wanted.
func (p policy) without(want []grant) policy {
	p = p.copied()
	for _, g := range want {
		for i := range p.Bindings {
			if p.Bindings[i].fits(g) {
				p.Bindings[i].Members = slices.DeleteFunc(p.Bindings[i].Members, func(m string) bool { return m == g.member || remainsOf(m, g.member) })
			}
		}
	}
	p.Bindings = slices.DeleteFunc(p.Bindings, func(b binding) bool { return len(b.Members) == 0 })
	return p
}

func (p policy) copied() policy {
	p.Bindings = slices.Clone(p.Bindings)
	for i := range p.Bindings {
		p.Bindings[i].Members = slices.Clone(p.Bindings[i].Members)
	}
	return p
}

// remainsOf says whether a member is what is left of a deleted one.
func remainsOf(member, of string) bool { return strings.HasPrefix(member, "deleted:"+of+"?uid=") }
