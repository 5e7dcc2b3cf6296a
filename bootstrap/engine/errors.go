package engine

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class is what an error of a cloud means for the one who called.
type Class int

// Classes, from the one that is assumed when nothing is known.
const (
	// Refused: the call was wrong, or is not allowed. Trying again would give the same.
	Refused Class = iota
	// Uncertain: the answer was lost or is a server's failure. The write may have happened.
	Uncertain
	// Throttled: nothing happened, and the same call will succeed later.
	Throttled
	// NotYet: nothing happened, because something that was just made is not known everywhere yet.
	NotYet
	// Blocked: nothing happened, because something else is in the way that will go: a dependent that is being deleted, a
	// change that is under way.
	Blocked
	// Exists: nothing happened, because there is one of that name.
	Exists
	// Gone: there is no such thing.
	Gone
)

// Verdict is a classified error.
type Verdict struct {
	Class Class
	// Hint says what the user should do about a refusal; may be empty.
	Hint string
}

// ResourceError is why a resource is not as it should be.
type ResourceError struct {
	// Resource is the resource's name, Kind and ID are as in Resource.
	Resource, Kind, ID string
	// Doing is what was tried ("create", "find", "wait for").
	Doing string
	// Err is the cause.
	Err error
	// Hint says what to do; may be empty.
	Hint string
}

// Error is one or two lines: what was tried and why it failed, and what to do.
func (e *ResourceError) Error() string {
	name := e.Resource
	if e.ID != "" {
		name += " (" + e.ID + ")"
	}
	text := fmt.Sprintf("%s: %s: %v", name, e.Doing, e.Err)
	if e.Hint != "" {
		text += "\n  " + e.Hint
	}
	return text
}

// Unwrap is the cause.
func (e *ResourceError) Unwrap() error { return e.Err }

// Errors of resources.
var (
	// ErrForeign: a resource of that name exists and is not this cluster's.
	ErrForeign = errors.New("it exists and does not belong to this cluster")
	// ErrLimit: it took longer than it may.
	ErrLimit = errors.New("it took too long")
	// ErrNeeds: something that it needs failed.
	ErrNeeds = errors.New("something that it needs is not there")
)

// Failures are all resources that failed in one run, in the graph's order. What only lacks one of them is not among them.
type Failures []*ResourceError

// Error lists them, one after the other.
func (f Failures) Error() string {
	lines := make([]string, len(f))
	for i, e := range f {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap is all of them.
func (f Failures) Unwrap() []error {
	list := make([]error, len(f))
	for i, e := range f {
		list[i] = e
	}
	return list
}

// What happened to a resource.
const (
	// Started: its turn has come.
	Started = "started"
	// Found: it is as it should be, nothing was done.
	Found = "found"
	// Creating, Changing, Replacing and Removing: a call was made.
	Creating  = "creating"
	Changing  = "changing"
	Replacing = "replacing"
	Removing  = "removing"
	// Waiting: it is not ready, or not gone yet.
	Waiting = "waiting"
	// Retrying: a call failed in a way that passes.
	Retrying = "retrying"
	// Created, Changed and Removed: it is done.
	Created = "created"
	Changed = "changed"
	Removed = "removed"
	// Kept: it is not removed; Detail says why.
	Kept = "kept"
	// Broken: it failed; Detail says why.
	Broken = "failed"
	// Skipped: something that it needs failed.
	Skipped = "skipped"
)

// Event is one thing that happened in a run.
type Event struct {
	// Resource, Phase, Kind and ID are those of the resource.
	Resource, Phase, Kind, ID string
	// What is one of the constants above.
	What string
	// Detail is for people: the cloud's state, or the error.
	Detail string
	// Since is when the resource's turn came, Expected how long it usually takes.
	Since    time.Time
	Expected time.Duration
}

// Final says whether nothing more will happen to the resource in this run.
func (e Event) Final() bool {
	switch e.What {
	case Found, Created, Changed, Removed, Kept, Broken, Skipped:
		return true
	}
	return false
}
