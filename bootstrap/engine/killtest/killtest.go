package killtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"sync"
	"testing"
	"testing/synctest"
)

// Cloud is a fake of a cloud with nothing in it.
type Cloud struct {
	// Handler answers the calls. It may use the time, which is fake, and must not use the network.
	Handler http.Handler
	// Snapshot describes everything that is there, in a stable order and without the IDs that the cloud chose: two clouds
	// with the same in them give the same text.
	Snapshot func() string
	// Copy is the same cloud once more, as it is now; nothing that happens to one happens to the other. May be nil: then
	// every kill repeats the run from its beginning, which takes long for clouds with many calls.
	Copy func() Cloud
	// View is Snapshot with what callers can tell besides: what is not shown yet, not ready, or going away. Needed for Copy.
	View func() string
}

// Run is one run of the program, from nothing: whatever it knows, it asks through the transport. It returns when the
// context ends.
type Run func(ctx context.Context, transport http.RoundTripper) error

// Test is a run that may be killed.
type Test struct {
	// New makes an empty cloud.
	New func() Cloud
	// Before is what was done earlier, undisturbed; may be nil.
	Before Run
	// Run is what is killed, and run again.
	Run Run
	// After looks at what the second run left ("plan shows nothing to do"); may be nil.
	After Run
	// Every makes only each n-th call kill, for clouds with very many calls and without Copy. Default: 1, all of them.
	Every int
	// All kills at each call even where the cloud looks as at an earlier one, for clouds with Copy.
	All bool
}

// ErrKilled is what calls of a killed run give. Nothing but the end of the run follows, so it does not matter how the
// provider classifies it.
var ErrKilled = errors.New("the process was killed")

// fault is what happens at one call.
type fault int

const (
	none fault = iota
	killedBefore
	killedDuring // the cloud has done it, the answer never comes
	killedAfter
	answerLost // the run lives on
	unavailable
	throttled
)

func (f fault) String() string {
	return [...]string{"none", "killed before", "killed during", "killed after", "answer lost", "unavailable", "throttled"}[f]
}

func (f fault) kills() bool { return f == killedBefore || f == killedDuring || f == killedAfter }

// spread is how many runs share the calls of a run that lives on: each of them disturbs every spread-th call.
const spread = 8

// EveryCall tests every call of the run with every fault.
func (k Test) EveryCall(t *testing.T) {
	t.Helper()
	// A run leaves garbage that is not worth collecting often.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	r := k.record(t)
	if t.Failed() {
		return
	}
	t.Logf("an undisturbed run makes %d calls, between which the cloud looks different %d times", r.calls, len(r.moments))
	if len(r.moments) > 0 {
		k.killedAtEveryMoment(t, r)
	} else {
		for f := killedBefore; f.kills(); f++ {
			// A run that was killed may make other calls than the undisturbed one: those are disturbed too.
			for at, reached := 1, true; reached && !t.Failed(); at += max(1, k.Every) {
				reached = k.disturbed(t, r, f, at, 0)
			}
		}
	}
	for f := answerLost; f <= throttled; f++ {
		for first := 1; first <= spread && !t.Failed(); first++ {
			k.disturbed(t, r, f, first, spread)
		}
	}
}

// disturbed is false when the run ended before the call. Where every is given, each such call after it is disturbed, too.
func (k Test) disturbed(t *testing.T, r *recording, f fault, at, every int) (reached bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cloud := k.begin(t, r)
		ctx, kill := context.WithCancelCause(t.Context())
		line := &transport{handler: cloud.Handler, fault: f, at: at, every: every, last: r.calls, kill: func() { kill(ErrKilled) }}
		err := k.Run(ctx, line)
		kill(nil)
		what := fmt.Sprintf("%s call %d (%s)", f, at, line.hit)
		reached = line.hit != ""
		if f.kills() && reached {
			k.must(t, cloud, what+", run again", k.Run)
		} else if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		k.compare(t, cloud, what, r.snapshot)
	})
	return reached
}

// begin is the cloud as Before leaves it.
func (k Test) begin(t *testing.T, r *recording) Cloud {
	t.Helper()
	if r.begun.cloud.Copy == nil {
		cloud := k.New()
		k.must(t, cloud, "before", k.Before)
		return cloud
	}
	r.begun.wait()
	return r.begun.cloud.Copy()
}

func (k Test) compare(t *testing.T, cloud Cloud, what, want string) {
	t.Helper()
	k.must(t, cloud, what+", after", k.After)
	if got := cloud.Snapshot(); got != want {
		t.Errorf("%s leaves:\n%s\nan undisturbed run leaves:\n%s", what, got, want)
	}
}

func (k Test) must(t *testing.T, cloud Cloud, what string, run Run) {
	t.Helper()
	if run == nil {
		return
	}
	if err := run(t.Context(), &transport{handler: cloud.Handler}); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// Direct carries calls to a handler in the same process, undisturbed.
func Direct(handler http.Handler) http.RoundTripper { return &transport{handler: handler} }

// transport carries calls to the handler, and makes one of them fail.
type transport struct {
	handler http.Handler
	fault   fault
	at      int
	// every repeats the fault, until the last call of an undisturbed run, so that it ends; 0 for never.
	every, last int
	kill        func()
	// seen is told of each call, before and after the cloud had it, one at a time; may be nil.
	seen func(call string)

	mu    sync.Mutex
	calls int
	dead  bool
	// hit is the call that failed.
	hit string
}

// RoundTrip implements http.RoundTripper.
func (l *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	fault, err := l.begin(request)
	switch {
	case err != nil:
		return nil, err
	case fault == unavailable:
		return status(request, http.StatusServiceUnavailable), nil
	case fault == throttled:
		return status(request, http.StatusTooManyRequests), nil
	}
	recorder := httptest.NewRecorder()
	l.serve(recorder, request)
	return l.end(request, recorder, fault)
}

// serve hands the call over. While somebody looks, calls are made one at a time.
func (l *transport) serve(w http.ResponseWriter, request *http.Request) {
	if l.seen != nil {
		call := request.Method + " " + request.URL.RequestURI()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.seen("before " + call)
		defer l.seen("during and after " + call)
	}
	l.handler.ServeHTTP(w, request)
}

func (l *transport) begin(request *http.Request) (fault, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return none, ErrKilled
	}
	if err := request.Context().Err(); err != nil {
		return none, err
	}
	l.calls++
	again := l.every > 0 && l.calls > l.at && l.calls <= l.last && (l.calls-l.at)%l.every == 0
	if l.calls != l.at && !again || l.fault == none {
		return none, nil
	}
	l.hit = request.Method + " " + request.URL.RequestURI()
	if l.fault == killedBefore {
		l.dead = true
		l.kill()
		return none, ErrKilled
	}
	return l.fault, nil
}

func (l *transport) end(request *http.Request, recorder *httptest.ResponseRecorder, f fault) (*http.Response, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.kills() {
		l.dead = true
		l.kill()
	}
	if f == answerLost || l.dead && f != killedAfter {
		return nil, fmt.Errorf("%w: connection reset by peer", ErrKilled)
	}
	response := recorder.Result()
	response.Request = request
	return response, nil
}

func status(request *http.Request, code int) *http.Response {
	recorder := httptest.NewRecorder()
	recorder.WriteHeader(code)
	response := recorder.Result()
	response.Request = request
	return response
}
