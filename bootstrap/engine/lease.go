package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Lease says who works on a cluster. It is one small object that all runs share, in the cluster's bucket for metrics or,
// for provider existing, in the cluster: there is no server and no file of our own.
type Lease struct {
	// Run identifies the run; it must be different for each.
	Run string `json:"run"`
	// Holder is who runs it, for people ("ada@laptop, process 4711").
	Holder string `json:"holder"`
	// Command is what is run ("up").
	Command string `json:"command"`
	// Began is when the run began, Renewed is when the lease was last written. Both are the holder's clock: for people.
	Began   time.Time `json:"began"`
	Renewed time.Time `json:"renewed"`
}

// Leases keep one lease. Write and Remove are conditional: they return ErrLost when the version is not what is there
// ("If-Match", "x-goog-if-generation-match", resourceVersion). Errors that pass (throttling) are the caller's to retry.
type Leases interface {
	// Read is the lease and its version; the version is empty when there is none.
	Read(ctx context.Context) (Lease, string, error)
	// Write replaces the lease of that version, "" where there must be none, and gives the new version.
	Write(ctx context.Context, lease Lease, version string) (string, error)
	// Remove takes the lease of that version away.
	Remove(ctx context.Context, version string) error
}

// ErrLost is for a lease that is not what it was thought to be: somebody else wrote it.
var ErrLost = errors.New("somebody else has taken the lease")

// Placed are Leases that say where the lease is, for people ("gs://prod-rules/opsgen-lease.json").
type Placed interface{ Place() string }

// HeldError refuses a run since another one works.
type HeldError struct{ Lease Lease }

// Error names the other run.
func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is running `bootstrap %s` on this cluster since %s", e.Lease.Holder, e.Lease.Command, e.Lease.Began.Format("15:04:05 MST"))
}

// LeaseError is a lease that could not be had, or kept.
type LeaseError struct {
	// Doing is what was tried ("read", "write", "keep"), Place where the lease is; Place may be empty.
	Doing, Place string
	// Err is the cause.
	Err error
	// Hint says what to do; may be empty.
	Hint string
}

// Error is the cause, and in a second line what to do.
func (e *LeaseError) Error() string {
	text := e.Doing + " the lease"
	if e.Place != "" {
		text += " (" + e.Place + ")"
	}
	text += ": " + e.Err.Error()
	// Some errors bring their advice along.
	if e.Hint != "" && !strings.Contains(text, e.Hint) {
		text += "\n  " + e.Hint
	}
	return text
}

// Unwrap is the cause.
func (e *LeaseError) Unwrap() error { return e.Err }

// HintHeld is what to do about a HeldError, hintLost about a lease that was lost.
const (
	HintHeld = "Two runs at once would disturb each other: wait for that one, or stop it (Ctrl-C, where it runs), and run the same command again. " +
		"A run that was killed is noticed, and its place taken, after 90 seconds."
	hintLost       = "This run has stopped, and nothing is lost. See who else works on the cluster, and run the same command again when nobody does."
	hintUnreadable = "Delete it when nobody runs bootstrap on this cluster, and run the same command again."
	hintMute       = "Check the network, and run the same command again."
)

// ErrUnreadable is for a lease that is not what bootstrap writes.
var ErrUnreadable = errors.New("it is not what bootstrap writes")

// Times of a lease. The longest silence is longer than the window in which a cloud may not show what it made
// (Options.Window): so the run after one that was killed sees everything that it made.
const (
	leaseRenewal = 15 * time.Second
	leaseSilence = 90 * time.Second
	// leaseCall is the longest time of one look at the lease, leaseFailing for how long it is tried while nothing answers.
	leaseCall    = 30 * time.Second
	leaseFailing = 2 * time.Minute
)

// Holding is what Hold needs.
type Holding struct {
	// Leases keep the lease.
	Leases Leases
	// Mine is the lease to write.
	Mine Lease
	// Classify is that of Options: what passes is tried again.
	Classify func(error) Verdict
	// Waiting is told whose lease is watched, and for how long; may be nil.
	Waiting func(Lease, time.Duration)
}

// Hold runs something while it has the lease. Where another run has it, Hold watches for as long as a living run may be
// silent: a lease that is renewed meanwhile is a *HeldError, one that is not belongs to a run that was killed, and is
// taken over. Clocks of different machines are never compared.
//
// The context of run ends, with ErrLost as its cause, when the lease can no longer be kept.
func Hold(ctx context.Context, h Holding, run func(context.Context) error) error {
	version, err := h.acquire(ctx)
	if err != nil {
		return err
	}
	held, cancel := context.WithCancelCause(ctx)
	renewed := make(chan string)
	stop := make(chan struct{})
	go func() { renewed <- h.renew(held, version, stop, cancel) }()
	err = run(held)
	close(stop)
	version = <-renewed
	cancel(nil)
	if version == "" {
		return h.afterLoss(held, err)
	}
	h.release(ctx, version)
	return err
}

// afterLoss is the error of a run whose lease was lost: that the run was stopped for it says nothing more.
func (h *Holding) afterLoss(held context.Context, err error) error {
	failure := h.failure("keep", context.Cause(held))
	if err != nil && !errors.Is(err, ErrLost) {
		return errors.Join(err, failure)
	}
	return failure
}

// failure is an error with the place of the lease and what to do.
func (h *Holding) failure(doing string, err error) *LeaseError {
	e := &LeaseError{Doing: doing, Err: err}
	if where, ok := h.Leases.(Placed); ok {
		e.Place = where.Place()
	}
	switch verdict := h.Classify(err); {
	case errors.Is(err, ErrLost):
		e.Hint = hintLost
	case errors.Is(err, ErrUnreadable):
		e.Hint = hintUnreadable
	case verdict.Hint != "":
		e.Hint = verdict.Hint
	case verdict.Class != Refused:
		e.Hint = hintMute
	}
	return e
}

// release gives the lease back. A lease that cannot be removed keeps others out for leaseSilence and no longer, so that what
// the run gave is not spoilt by it.
func (h *Holding) release(ctx context.Context, version string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseRenewal)
	defer cancel()
	wait := retries()
	for {
		err := h.Leases.Remove(ctx, version)
		if errors.Is(err, ErrLost) {
			// The answer of our last renewal may have been lost: then what is there is ours, in a version not known here.
			var there Lease
			if there, version, err = h.Leases.Read(ctx); err == nil && (version == "" || there.Run != h.Mine.Run) {
				return
			}
		} else if err == nil || h.refused(err) {
			return
		}
		if wait.sleep(ctx) != nil {
			return
		}
	}
}

// acquire writes the lease, after the one that is there has been silent for long enough. What fails in a way that passes is
// tried again for leaseFailing.
func (h *Holding) acquire(ctx context.Context) (string, error) {
	wait := backoff{next: pollMost, most: pollMost}
	var other silence
	answered := time.Now()
	for {
		call, cancel := context.WithTimeout(ctx, leaseCall)
		there, version, err := h.Leases.Read(call)
		cancel()
		if err != nil && (h.refused(err) || ctx.Err() != nil || time.Since(answered) > leaseFailing) {
			return "", h.failure("read", err)
		}
		if err == nil { // else it passes
			written, err := h.consider(ctx, there, version, &other)
			switch {
			case written != "", err != nil && (!h.passes(err) || time.Since(answered) > leaseFailing):
				return written, err
			case err == nil:
				answered = time.Now()
			}
		}
		if version != "" && h.Waiting != nil {
			h.Waiting(there, max(0, leaseSilence-time.Since(other.since)))
		}
		if err := wait.sleep(ctx); err != nil {
			return "", err
		}
	}
}

// silence is for how long another run's lease has not changed.
type silence struct {
	version string
	since   time.Time
}

// consider takes the lease where it is free, and gives no version while it is not known whether its run lives.
func (h *Holding) consider(ctx context.Context, there Lease, version string, other *silence) (string, error) {
	switch {
	case version != "" && there.Run == h.Mine.Run: // our write's answer was lost
		return version, nil
	case version == "" || version == other.version && time.Since(other.since) >= leaseSilence:
		return h.take(ctx, version)
	case other.version == "":
		*other = silence{version, time.Now()}
	case version != other.version:
		return "", &HeldError{Lease: there}
	}
	return "", nil
}

// take writes the lease; it gives no version, and no error, where that is to be tried again.
func (h *Holding) take(ctx context.Context, version string) (string, error) {
	h.Mine.Renewed = time.Now()
	written, err := h.Leases.Write(ctx, h.Mine, version)
	switch {
	case err == nil:
		return written, nil
	case errors.Is(err, ErrLost): // somebody was quicker
		return "", nil
	}
	return "", h.failure("write", err)
}

// refused says whether trying again is of no use.
func (h *Holding) refused(err error) bool {
	return errors.Is(err, ErrUnreadable) || !errors.Is(err, context.DeadlineExceeded) && h.Classify(err).Class == Refused
}

// passes says whether a lease that could not be written may be written later.
func (h *Holding) passes(err error) bool {
	var failed *LeaseError
	return errors.As(err, &failed) && !h.refused(failed.Err)
}

// renew writes the lease again and again until it is told to stop. It gives the last version, "" when it was lost.
func (h *Holding) renew(ctx context.Context, version string, stop <-chan struct{}, lost context.CancelCauseFunc) string {
	ticker := time.NewTicker(leaseRenewal)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-stop:
			return version
		case <-ticker.C:
		}
		h.Mine.Renewed = time.Now()
		call, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseRenewal)
		written, err := h.Leases.Write(call, h.Mine, version)
		cancel()
		switch {
		case err == nil:
			version, last = written, time.Now()
		case errors.Is(err, ErrLost):
			// The answer of our own last write may have been lost: then what is there is ours.
			there, now, err := h.Leases.Read(ctx)
			switch {
			case err != nil: // asked again at the next turn
			case there.Run == h.Mine.Run:
				version, last = now, time.Now()
			default:
				lost(ErrLost)
				return ""
			}
		case time.Since(last) > leaseSilence-leaseRenewal:
			lost(fmt.Errorf("%w: it could not be renewed: %w", ErrLost, err))
			return ""
		}
	}
}
