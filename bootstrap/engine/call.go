package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// backoff is the time between two tries: it grows, and is never quite the same for two callers.
type backoff struct {
	next, most time.Duration
}

// Times between tries.
const (
	pollFirst  = time.Second
	pollMost   = 5 * time.Second
	retryFirst = 500 * time.Millisecond
	retryMost  = 20 * time.Second
)

func polls() backoff   { return backoff{next: pollFirst, most: pollMost} }
func retries() backoff { return backoff{next: retryFirst, most: retryMost} }

// sleep waits for the next try, or until the context ends.
func (b *backoff) sleep(ctx context.Context) error {
	wait := b.next/2 + time.Duration(rand.Int64N(int64(b.next/2)+1)) //nolint:gosec // spreading tries is no secret
	b.next = min(b.next*3/2, b.most)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// find asks the cloud until it answers.
func (r *runner) find(ctx context.Context, n *node, began time.Time) (state, error) {
	wait := retries()
	var last error
	for {
		var found state
		err := r.call(ctx, func(ctx context.Context) error {
			var err error
			found, err = n.find(ctx)
			return err
		})
		verdict := r.judge(err)
		switch {
		case err == nil:
			return found, nil
		case errors.Is(err, ErrMissing), verdict.Class == Gone:
			return state{}, nil
		case ctx.Err() != nil:
			return state{}, r.ended(ctx, n, last)
		case verdict.Class == Refused:
			return state{}, r.failure(n, "find", err, verdict.Hint)
		}
		last = err
		r.tell(n, began, Retrying, err.Error())
		if err := wait.sleep(ctx); err != nil {
			return state{}, r.ended(ctx, n, last)
		}
	}
}

// call does one call when there is room for it.
func (r *runner) call(ctx context.Context, f func(context.Context) error) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case r.slots <- struct{}{}:
	}
	defer func() { <-r.slots }()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.CallTimeout, errNoAnswer)
	defer cancel()
	return f(ctx)
}

// errNoAnswer ends a call that took too long.
var errNoAnswer = errors.New("no answer in time")

// write does one call that changes something. It is not cut short when the run is stopped: what was begun is finished, so
// that its answer is known.
func (r *runner) write(ctx context.Context, f func(context.Context) error) error {
	return r.call(ctx, func(limited context.Context) error {
		deadline, _ := limited.Deadline()
		whole, cancel := context.WithDeadline(context.WithoutCancel(limited), deadline)
		defer cancel()
		return f(whole)
	})
}

// judge classifies an error. A call that ran out of time may have happened.
func (r *runner) judge(err error) Verdict {
	switch {
	case err == nil:
		return Verdict{}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, errNoAnswer):
		return Verdict{Class: Uncertain}
	case errors.Is(err, ErrMissing):
		return Verdict{Class: NotYet}
	}
	return r.Classify(err)
}

func (r *runner) failure(n *node, doing string, err error, hint string) *ResourceError {
	return &ResourceError{Resource: n.name, Kind: n.kind, ID: n.id, Doing: doing, Err: err, Hint: hint}
}

// ended is the error of a resource whose time is over, with the last thing that went wrong.
func (r *runner) ended(ctx context.Context, n *node, last error) error {
	cause := context.Cause(ctx)
	if !errors.Is(cause, ErrLimit) {
		return cause
	}
	if last != nil {
		cause = fmt.Errorf("%w (%s); last: %w", ErrLimit, n.limit, last)
	} else {
		cause = fmt.Errorf("%w (%s)", ErrLimit, n.limit)
	}
	return r.failure(n, "wait for it", cause, "Run the same command to go on waiting; if it ends here again, look at it in the cloud's console.")
}
