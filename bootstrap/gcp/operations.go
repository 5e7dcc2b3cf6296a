package gcp

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"google.golang.org/api/compute/v1"
	"google.golang.org/api/container/v1"
	"google.golang.org/api/serviceusage/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// operation is something that Google does in the background. Its failure is told nowhere else: what should have been made
// simply never appears.
type operation struct {
	// becoming is what the resource is meanwhile: Pending or Deleting.
	becoming engine.Condition
	// look gives whether it has ended and the error it ended with.
	look func(ctx context.Context) (ended bool, failure, err error)
}

// operations are those that this run began, by resource. A run that was killed forgets them, and the next one looks at the
// resources.
type operations struct{ byResource sync.Map }

func (o *operations) add(resource string, becoming engine.Condition, look func(context.Context) (bool, error, error)) {
	o.byResource.Store(resource, operation{becoming, look})
}

// pending says what a resource is while its operation runs. A failed operation's error is returned once.
func (c *cloud) pending(ctx context.Context, resource string) (engine.Condition, error) {
	stored, ok := c.begun.byResource.Load(resource)
	op, known := stored.(operation)
	if !ok || !known {
		return engine.Absent, nil
	}
	ended, failure, err := op.look(ctx)
	switch {
	case err != nil && c.gone(err):
		ended = true
	case err != nil:
		return engine.Absent, err
	}
	if !ended {
		return op.becoming, nil
	}
	c.begun.byResource.Delete(resource)
	if failure != nil && !c.gone(failure) {
		return engine.Absent, fmt.Errorf("the operation failed: %w", failure)
	}
	return engine.Absent, nil
}

// making and removing follow an operation of Compute Engine that a resource's Create or Delete began.
func (c *cloud) making(resource string, op *compute.Operation, err error) error {
	return c.follow(resource, engine.Pending, op, err)
}

func (c *cloud) removing(resource string, op *compute.Operation, err error) error {
	return c.follow(resource, engine.Deleting, op, err)
}

func (c *cloud) follow(resource string, becoming engine.Condition, op *compute.Operation, err error) error {
	if err != nil {
		return err
	}
	c.begun.add(resource, becoming, func(ctx context.Context) (bool, error, error) {
		now, err := c.computeOperation(ctx, op)
		if err != nil {
			return false, nil, err
		}
		return now.Status == "DONE", operationError(now), nil
	})
	return nil
}

// computeOperation asks in the place where the operation runs: everywhere, a region, or a zone.
func (c *cloud) computeOperation(ctx context.Context, op *compute.Operation) (*compute.Operation, error) {
	switch {
	case op.Zone != "":
		return c.compute.ZoneOperations.Get(c.project(), last(op.Zone), op.Name).Context(ctx).Do()
	case op.Region != "":
		return c.compute.RegionOperations.Get(c.project(), last(op.Region), op.Name).Context(ctx).Do()
	}
	return c.compute.GlobalOperations.Get(c.project(), op.Name).Context(ctx).Do()
}

// last is the name at the end of a resource's address.
func last(address string) string { return address[strings.LastIndex(address, "/")+1:] }

// operationError is the failure of an operation; nil for one that ended well.
func operationError(op *compute.Operation) error {
	if op.Error == nil || len(op.Error.Errors) == 0 {
		return nil
	}
	first := op.Error.Errors[0]
	return &failedError{code: first.Code, message: first.Message}
}

// failedError is what an operation ended with, or a call, in Google's words.
type failedError struct{ code, message string }

// Error is the message with its code.
func (e *failedError) Error() string { return e.code + ": " + e.message }

// clusterOperation follows an operation of GKE.
func (c *cloud) clusterOperation(resource string, becoming engine.Condition, op *container.Operation, err error) error {
	if err != nil {
		return err
	}
	name := c.location() + "/operations/" + op.Name
	c.begun.add(resource, becoming, func(ctx context.Context) (bool, error, error) {
		now, err := c.container.Projects.Locations.Operations.Get(name).Context(ctx).Do()
		if err != nil {
			return false, nil, err
		}
		var failure error
		if now.Error != nil {
			failure = &failedError{code: statusOf(now.Error.Code), message: now.Error.Message}
		}
		return now.Status == "DONE", failure, nil
	})
	return nil
}

// serviceOperation follows the enabling of APIs.
func (c *cloud) serviceOperation(resource string, op *serviceusage.Operation, err error) error {
	if err != nil || op.Done {
		return err
	}
	c.begun.add(resource, engine.Pending, func(ctx context.Context) (bool, error, error) {
		now, err := c.services.Operations.Get(op.Name).Context(ctx).Do()
		if err != nil {
			return false, nil, err
		}
		var failure error
		if now.Error != nil {
			failure = &failedError{code: statusOf(now.Error.Code), message: now.Error.Message}
		}
		return now.Done, failure, nil
	})
	return nil
}

// statusOf is the name of a status (google.rpc.Code). What an operation lacks is no limit of calls, as it would be in an answer.
func statusOf(code int64) string {
	names := map[int64]string{
		3: "INVALID_ARGUMENT", 5: "NOT_FOUND", 6: "ALREADY_EXISTS", 7: "PERMISSION_DENIED", 8: "QUOTA_EXCEEDED", 9: "FAILED_PRECONDITION",
		10: "ABORTED", 13: "INTERNAL", 14: "UNAVAILABLE", 16: "UNAUTHENTICATED",
	}
	return names[code]
}

// early marks a refusal of a write for something that is not known everywhere yet. What the write refers to was seen before,
// so that "not found" means there: not yet.
func (c *cloud) early(err error) error {
	if err == nil {
		return nil
	}
	if class := c.Classify(err).Class; class != engine.Gone && class != engine.NotYet {
		return err
	}
	return &earlyError{err}
}

// add adds a resource. While an operation of this run works on it, it is what the operation makes of it.
func add[T any](c *cloud, g *engine.Graph, r engine.Resource[T], after ...engine.Dependency) engine.Output[T] {
	find, name, labelled := r.Find, r.Name, g.Tags(r.Name)
	r.Find = func(ctx context.Context) (engine.State[T], error) {
		becoming, err := c.pending(ctx, name)
		if err != nil || becoming != engine.Absent {
			return engine.State[T]{Condition: becoming, Tags: labelled}, err
		}
		return find(ctx)
	}
	if create := r.Create; create != nil {
		r.Create = func(ctx context.Context) error { return c.early(create(ctx)) }
	}
	if mend := r.Reconcile; mend != nil {
		r.Reconcile = func(ctx context.Context, have engine.State[T]) error { return c.early(mend(ctx, have)) }
	}
	return engine.Add(g, r, after...)
}
