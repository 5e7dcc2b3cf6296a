package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// convergence is how one resource is brought to what it should be.
type convergence struct {
	*runner
	n     *node
	began time.Time
	// did is what was done to it so far.
	did string
	// wrote is when it was created; zero once it was seen.
	wrote time.Time
	// mended is when the drift was last changed, and drift what it was then.
	mended time.Time
	drift  string
	// replaced says that a failed one was deleted.
	replaced bool
	// exists says that creating it was refused since there is one.
	exists bool
	// passing is when tries began to fail in a way that passes, last the last such failure.
	passing time.Time
	last    error
	wait    backoff
	again   backoff
}

// converge is the verb of Up.
func (r *runner) converge(ctx context.Context, n *node) (what, detail string, err error) {
	if n.unwanted {
		return r.retire(ctx, n)
	}
	c := &convergence{runner: r, n: n, began: time.Now(), did: Found, wait: polls(), again: retries()}
	for {
		found, err := r.find(ctx, n, c.began)
		if err != nil {
			if !c.wrote.IsZero() && ctx.Err() != nil {
				c.settle(ctx)
			}
			return "", "", err
		}
		done, err := c.step(ctx, found)
		switch {
		case err != nil && ctx.Err() != nil && !isFailure(err):
			c.settle(ctx)
			return "", "", r.ended(ctx, n, c.last)
		case err != nil:
			return "", "", err
		case done:
			n.record(found)
			return c.did, found.Detail, nil
		}
	}
}

func isFailure(err error) bool {
	var failure *ResourceError
	return errors.As(err, &failure)
}

// settle looks for what was created but not seen when the run was stopped, without writing anything more. So the run that
// comes next will see it, too.
func (c *convergence) settle(ctx context.Context) {
	if c.wrote.IsZero() {
		return
	}
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Window)
	defer cancel()
	wait := polls()
	for {
		found, err := c.n.find(rest)
		if err != nil || found.Condition != Absent || wait.sleep(rest) != nil {
			return
		}
	}
}

// step does the next thing to a resource in the given state.
func (c *convergence) step(ctx context.Context, found state) (done bool, err error) {
	if found.Condition != Absent {
		c.wrote = time.Time{}
		switch owned := c.graph.owned(c.n, found); {
		case owned:
		case found.Borrowed && found.Condition == Ready:
			return true, nil
		default:
			return false, c.foreign(found)
		}
	}
	switch found.Condition {
	case Absent:
		return c.make(ctx)
	case Failed:
		return false, c.replace(ctx, found)
	case Ready:
		if len(found.Drift) == 0 {
			return true, nil
		}
		return false, c.mend(ctx, found)
	case Pending, Deleting:
	}
	return false, c.linger(ctx, found.Condition.String(), found.Detail)
}

// linger waits and says for what.
func (c *convergence) linger(ctx context.Context, why, detail string) error {
	if detail != "" {
		why = detail
	}
	c.last = errors.New(why)
	c.tell(c.n, c.began, Waiting, why)
	return c.wait.sleep(ctx)
}

func (c *convergence) foreign(found state) error {
	owner := "it has no tag " + TagCluster
	if other := found.Tags[TagCluster]; other != "" {
		owner = fmt.Sprintf("its tags say that it is %s of the cluster %s", orDefault(found.Tags[TagName], "something"), other)
	} else if found.Detail != "" {
		owner = found.Detail
	}
	return c.failure(c.n, "use it", fmt.Errorf("%w: %s", ErrForeign, owner),
		"Nothing was changed. Choose another name in cluster.yaml, or remove it yourself if nobody needs it.")
}

// make creates a resource that is not there, but not twice: what was created may take some time to be seen.
func (c *convergence) make(ctx context.Context) (done bool, err error) {
	switch {
	case c.n.given:
		return false, c.failure(c.n, "find", errors.New("there is none of that name"), "Check the name in cluster.yaml, and that it is in this account and region.")
	case c.n.create == nil:
		return true, nil
	case !c.wrote.IsZero() && time.Since(c.wrote) < c.Window:
		return false, c.linger(ctx, "waiting until the cloud shows it", "")
	case c.exists:
		return false, c.failure(c.n, "create", fmt.Errorf("%w: the cloud says that the name is taken, and does not show by whom", ErrForeign),
			"Choose another name in cluster.yaml.")
	}
	c.tell(c.n, c.began, Creating, "")
	err = c.write(ctx, c.n.create)
	verdict := c.judge(err)
	switch {
	case err == nil, verdict.Class == Uncertain && (ctx.Err() == nil || !errors.Is(err, context.Cause(ctx))):
		c.did, c.wrote, c.passing = orDefault(c.madeAs(), Created), time.Now(), time.Time{}
	case verdict.Class == Exists:
		c.exists, c.wrote = true, time.Now()
	}
	if err == nil {
		return false, nil
	}
	return false, c.passes(ctx, "create", err, verdict)
}

// madeAs is Changed for a resource that replaces a failed one.
func (c *convergence) madeAs() string {
	if c.replaced {
		return Changed
	}
	return ""
}

// patience is how long a cloud may take until it knows everywhere what was just made or allowed. Most often that takes
// seconds; Google says two minutes usually, and seven or more at times (IAM documentation, "Access change propagation"), and
// AWS promises nothing (IAM user guide, "Changes that I make are not always immediately visible").
const patience = 8 * time.Minute

// passes waits when a failure is one that passes, and is the failure otherwise.
func (c *convergence) passes(ctx context.Context, doing string, err error, verdict Verdict) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c.last = err
	switch verdict.Class {
	case Refused, Gone:
		return c.failure(c.n, doing, err, verdict.Hint)
	case NotYet:
		if c.passing.IsZero() {
			c.passing = time.Now()
		}
		if time.Since(c.passing) > patience {
			return c.failure(c.n, doing, err, verdict.Hint)
		}
	case Uncertain, Throttled, Blocked, Exists:
	}
	c.tell(c.n, c.began, Retrying, err.Error())
	return c.again.sleep(ctx)
}

// mend changes what differs. The cloud may need some time to show the change; what it shows meanwhile is not mended again.
func (c *convergence) mend(ctx context.Context, found state) error {
	text := driftText(found.Drift)
	switch {
	case c.n.given:
		return c.failure(c.n, "use it", errors.New("it is not as it must be: "+text), "Change it yourself: bootstrap changes nothing that it did not make.")
	case c.n.reconcile == nil:
		return c.failure(c.n, "change", errors.New("this cannot be changed: "+text), "Change it back in cluster.yaml, or remove the resource and run up again.")
	case text == c.drift && time.Since(c.mended) < c.Window:
		return c.linger(ctx, "waiting until the cloud shows the change", "")
	case text == c.drift && found.Detail != "":
		return c.failure(c.n, "change", fmt.Errorf("it still differs after the change: %s (%s)", text, found.Detail), "Mend the cause, then run the same command.")
	case text == c.drift:
		return c.failure(c.n, "change", errors.New("it still differs after the change: "+text), "Somebody else may be changing it back.")
	}
	c.tell(c.n, c.began, Changing, text)
	err := c.write(ctx, func(ctx context.Context) error { return c.n.reconcile(ctx, found) })
	if err != nil {
		return c.passes(ctx, "change", err, c.judge(err))
	}
	c.did, c.drift, c.mended, c.passing = Changed, text, time.Now(), time.Time{}
	return nil
}

func driftText(drift []Change) string {
	parts := make([]string, len(drift))
	for i, change := range drift {
		parts[i] = change.String()
	}
	return strings.Join(parts, ", ")
}

// replace deletes a resource that will never be ready, once; what holds data is never deleted for that.
func (c *convergence) replace(ctx context.Context, found state) error {
	if c.replaced || c.n.data || c.n.given || c.n.create == nil || c.n.remove == nil {
		why := orDefault(found.Detail, "the cloud gives no reason")
		return c.failure(c.n, "wait for it", errors.New("it failed: "+why), "Mend the cause, then run the same command.")
	}
	c.tell(c.n, c.began, Replacing, found.Detail)
	err := c.write(ctx, func(ctx context.Context) error { return c.n.remove(ctx, found) })
	if verdict := c.judge(err); err != nil && verdict.Class != Gone {
		return c.passes(ctx, "delete the failed one", err, verdict)
	}
	c.replaced = true
	return c.wait.sleep(ctx)
}
