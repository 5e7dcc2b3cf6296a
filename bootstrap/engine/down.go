package engine

import (
	"context"
	"fmt"
	"time"
)

// look only looks, for those that need its output.
func (r *runner) look(ctx context.Context, n *node) (what, detail string, err error) {
	found, err := r.find(ctx, n, time.Now())
	if err != nil {
		return "", "", err
	}
	n.record(found)
	return Found, found.Detail, nil
}

// unmake is the verb of Down.
func (r *runner) unmake(ctx context.Context, n *node) (what, detail string, err error) {
	return r.undo(ctx, n, n.remove, r.leave)
}

// retire is Up's for what is not wanted any more.
func (r *runner) retire(ctx context.Context, n *node) (what, detail string, err error) {
	return r.undo(ctx, n, n.retire, func(n *node, found state) string { return orDefault(r.leave(n, found), found.Keep) })
}

// undo removes a resource, unless leave says why not.
func (r *runner) undo(ctx context.Context, n *node, remove func(context.Context, state) error, leave func(*node, state) string,
) (what, detail string, err error) {
	began, wait, again := time.Now(), polls(), retries()
	var deleted time.Time
	var last error
	what = Found
	for {
		found, err := r.find(ctx, n, began)
		if err != nil {
			return "", "", err
		}
		if found.Condition == Absent {
			n.record(found)
			return what, "", nil
		}
		if why := leave(n, found); why != "" {
			return Kept, why, nil
		}
		if remove == nil {
			return Removed, "goes with what it belongs to", nil
		}
		pause, waitingFor := &wait, orDefault(found.Detail, Deleting.String())
		if found.Condition != Deleting && (deleted.IsZero() || time.Since(deleted) > r.Window) {
			r.tell(n, began, Removing, "")
			err := r.write(ctx, func(ctx context.Context) error { return remove(ctx, found) })
			verdict := r.judge(err)
			switch {
			case err == nil, verdict.Class == Gone:
				deleted, what = time.Now(), Removed
			case ctx.Err() != nil:
				return "", "", r.ended(ctx, n, last)
			case verdict.Class == Refused:
				return "", "", r.failure(n, "delete", err, verdict.Hint)
			default:
				last, pause, waitingFor = err, &again, err.Error()
				what = Removed
			}
		}
		r.tell(n, began, Waiting, waitingFor)
		if err := pause.sleep(ctx); err != nil {
			return "", "", r.ended(ctx, n, last)
		}
	}
}

// leave says why a resource that is there is not removed; empty when it is.
func (r *runner) leave(n *node, found state) string {
	switch {
	case n.given:
		return "named in cluster.yaml, not made by bootstrap"
	case !r.graph.owned(n, found) && found.Borrowed:
		return orDefault(found.Detail, "it was there before")
	case !r.graph.owned(n, found):
		return fmt.Sprintf("not ours: its tag %s is %q", TagCluster, found.Tags[TagCluster])
	case r.keep[n] != "":
		return r.keep[n]
	case n.data && !r.DeleteData:
		return "data" // it appeared after the run had looked for what to keep
	}
	return ""
}
