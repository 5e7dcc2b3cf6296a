package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Condition is the state of a resource in the cloud.
type Condition int

// Conditions.
const (
	// Absent: there is none.
	Absent Condition = iota
	// Pending: it is being made or changed, and will be ready by itself.
	Pending
	// Ready: others can use it.
	Ready
	// Deleting: it is going away.
	Deleting
	// Failed: it will never be ready.
	Failed
)

// String is the condition as shown to people.
func (c Condition) String() string {
	names := []string{"absent", "pending", "ready", "being deleted", "failed"}
	if c < 0 || int(c) >= len(names) {
		return fmt.Sprintf("condition %d", int(c))
	}
	return names[c]
}

// Change is one difference between what is and what should be.
type Change struct {
	// Field names what differs ("version", "logging.audit").
	Field string `json:"field"`
	// Have and Want are the values, as shown to people.
	Have string `json:"have"`
	Want string `json:"want"`
}

// String is "field: have → want".
func (c Change) String() string { return c.Field + ": " + c.Have + " → " + c.Want }

// State is what Find saw of a resource.
type State[T any] struct {
	// Condition is the resource's state; the zero value is Absent.
	Condition Condition
	// Output is what other resources need of this one (an ID, an address). It is kept once the resource is ready.
	Output T
	// Detail is the cloud's word for the state, and its reason where there is one; may be empty.
	Detail string
	// Tags are the resource's tags, those of others included: they say whose it is. Ignored for Part and Given.
	Tags map[string]string
	// Drift is what differs from what is wanted; Reconcile mends it.
	Drift []Change
	// Keep says why Up leaves an Unwanted resource where it is; empty when it may go. Down does not ask.
	Keep string
	// Borrowed says that the resource may be used although it is not ours, because the user gave us the means to: a bucket
	// that was there before, and that the given keys open. It is neither changed nor deleted.
	Borrowed bool
}

// Resource says how one thing is found, made, changed and removed. All functions are called with a context that ends
// after the time that one call may take; none of them waits or retries by itself.
type Resource[T any] struct {
	// Name identifies the resource in its graph; it is "phase/name" ("network/vpc"). Phases are shown as one line each,
	// in the order in which their first resources were added.
	Name string
	// Kind is what people call it ("NAT gateway").
	Kind string
	// ID is the name in the cloud where it is known beforehand ("prod-metrics"); shown in plans.
	ID string
	// Expected is how long it usually takes until it is ready; for progress and the longest path.
	Expected time.Duration
	// Limit is the longest wait for it, from when it could begin. Default: 10 minutes, or 3 times Expected if longer.
	Limit time.Duration
	// Uses are what it costs.
	Uses []Use
	// Data holds what users would miss: it is deleted only when asked for by name.
	Data bool
	// Given is a resource that the user named: it must exist, and is neither changed nor deleted.
	Given bool
	// Unwanted is a resource that an earlier cluster.yaml asked for, and this one does not: Up removes it, once what it
	// depends on is as it should be. Create is not called.
	Unwanted bool
	// Part is a resource that cannot carry tags. It belongs to whom the resources belong that it depends on.
	Part bool

	// Find looks for it. An error that says that it is not there may be returned as State{} and no error, or as the
	// error itself, if Classify calls it Gone.
	Find func(ctx context.Context) (State[T], error)
	// Create makes it; nil for what is made by others and only removed by us.
	Create func(ctx context.Context) error
	// Reconcile mends the drift of have, or a part of it: it is asked again as long as the drift that Find tells changes.
	// nil when nothing can drift.
	Reconcile func(ctx context.Context, have State[T]) error
	// Delete removes it; nil when it goes with what it depends on.
	Delete func(ctx context.Context, have State[T]) error
	// Retire removes an Unwanted one while everything else stays; nil where Delete does.
	Retire func(ctx context.Context, have State[T]) error
}

// Use is an amount of something that has a price.
type Use struct {
	// Item is a key of the price table ("aws/nat-gateway"), without the region.
	Item string `json:"item"`
	// Quantity is a month's amount, in the item's unit.
	Quantity float64 `json:"quantity"`
}

// ErrMissing is what Output.Get returns for a resource that is not there.
var ErrMissing = errors.New("it does not exist yet")

// Dependency is a resource that another one needs: an Output.
type Dependency interface{ dependency() *node }

// Output is what a resource gives to those that depend on it.
type Output[T any] struct{ node *node }

func (o Output[T]) dependency() *node { return o.node }

// Get is the output of a resource that exists. The error wraps ErrMissing when it does not, as in a plan. Inside a
// function of a resource that does not depend on this one, it is an error of the program.
func (o Output[T]) Get(ctx context.Context) (T, error) {
	var zero T
	if reader, ok := ctx.Value(nodeKey{}).(*node); ok && !reader.dependsOn(o.node) {
		return zero, fmt.Errorf("%s reads the output of %s without depending on it: this is a mistake in bootstrap", reader.name, o.node.name)
	}
	value, known := o.node.output()
	if !known {
		return zero, fmt.Errorf("%s: %w", o.node.name, ErrMissing)
	}
	typed, ok := value.(T)
	if !ok {
		return zero, fmt.Errorf("%s: the output is a %T: this is a mistake in bootstrap", o.node.name, value)
	}
	return typed, nil
}

// After makes dependencies of a list of outputs.
func After[T any](outputs []Output[T]) []Dependency {
	list := make([]Dependency, len(outputs))
	for i, o := range outputs {
		list[i] = o
	}
	return list
}
