package ruler

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/syncer/frontdoor"
)

// Wanted is what a tenant has in Git.
type Wanted struct {
	// Prefix begins the name of every namespace that is the syncer's. All others are left alone.
	Prefix string
	// Namespaces are the groups by the full name of their namespace.
	Namespaces map[string][]Group
	// Partly says that not everything in Git could be read: nothing is removed then.
	Partly bool
}

// Refusal is a group that the ruler does not take.
type Refusal struct {
	Namespace, Group string
	// Message is the ruler's.
	Message string
}

// Change is one request that succeeded.
type Change struct {
	// Namespace and Group are what was changed; Group is empty where a whole namespace was removed.
	Namespace, Group string
	// Removed says that it is gone now; otherwise it was stored.
	Removed bool
	// Foreign says that nobody changed it in Git since the last time: somebody changed it behind Git's back.
	Foreign bool
}

// Outcome is what came of one comparison.
type Outcome struct {
	// Changes are in the order in which they were made.
	Changes []Change
	// Refused are groups that the ruler does not take; what it holds of them is what it held before.
	Refused []Refusal
	// Again says that something was refused before other things were removed: a limit may have been in the way.
	Again bool
}

// Memory is what one tenant's ruler was known to hold after the last comparison, as canonical texts by namespace and
// group. It tells a change in Git from one behind its back, and nothing else depends on it. The zero Memory knows nothing.
type Memory map[key]string

type key struct{ namespace, group string }

// Sync makes a ruler hold what is wanted. An error (of the list, or of a request that may succeed later) ends it before
// anything further is done; the Outcome is what came until then. Nothing is removed unless the ruler listed it, Git was
// read completely, and every write before was answered.
func (a *API) Sync(ctx context.Context, tenant string, want Wanted, memory Memory) (Outcome, error) {
	var out Outcome
	held, err := a.List(ctx, tenant)
	if err != nil {
		return out, err
	}
	for _, namespace := range slices.Sorted(maps.Keys(want.Namespaces)) {
		for _, g := range want.Namespaces[namespace] {
			if err := a.store(ctx, tenant, namespace, g, held[namespace], memory, &out); err != nil {
				return out, err
			}
		}
	}
	if want.Partly {
		return out, nil
	}
	return out, a.prune(ctx, tenant, want, held, memory, &out)
}

// store writes a group unless the ruler holds it.
func (a *API) store(ctx context.Context, tenant, namespace string, g Group, held []Group, memory Memory, out *Outcome) error {
	id, text := key{namespace, g.Name}, string(g.canonical())
	if i := slices.IndexFunc(held, func(h Group) bool { return h.Name == g.Name }); i >= 0 && equal(held[i], g) {
		memory[id] = text
		return nil
	}
	foreign := memory[id] == text
	switch err := a.set(ctx, tenant, namespace, g); {
	case refused(err):
		out.Refused = append(out.Refused, Refusal{Namespace: namespace, Group: g.Name, Message: frontdoor.As(err).Message})
		return nil
	case err != nil:
		return fmt.Errorf("write rule group %s of %s: %w", g.Name, namespace, err)
	}
	memory[id] = text
	out.Changes = append(out.Changes, Change{Namespace: namespace, Group: g.Name, Foreign: foreign})
	return nil
}

// prune removes what the ruler holds below the prefix and Git does not have.
func (a *API) prune(ctx context.Context, tenant string, want Wanted, held map[string][]Group, memory Memory, out *Outcome) error {
	for _, namespace := range slices.Sorted(maps.Keys(held)) {
		if !strings.HasPrefix(namespace, want.Prefix) {
			continue
		}
		wanted, stays := want.Namespaces[namespace]
		if !stays || len(wanted) == 0 {
			if err := a.drop(ctx, tenant, key{namespace, ""}, memory, out); err != nil {
				return err
			}
			continue
		}
		for _, h := range held[namespace] {
			if slices.ContainsFunc(wanted, func(g Group) bool { return g.Name == h.Name }) {
				continue
			}
			if err := a.drop(ctx, tenant, key{namespace, h.Name}, memory, out); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *API) drop(ctx context.Context, tenant string, id key, memory Memory, out *Outcome) error {
	if err := a.remove(ctx, tenant, id.namespace, id.group); err != nil {
		return fmt.Errorf("remove rules %s %s: %w", id.namespace, id.group, err)
	}
	known := false
	for m := range memory {
		if m.namespace == id.namespace && (id.group == "" || m.group == id.group) {
			known = true
			delete(memory, m)
		}
	}
	out.Changes = append(out.Changes, Change{Namespace: id.namespace, Group: id.group, Removed: true, Foreign: !known && len(memory) > 0})
	out.Again = len(out.Refused) > 0
	return nil
}
