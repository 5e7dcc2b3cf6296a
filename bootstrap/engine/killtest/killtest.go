package killtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
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
	// Every makes only each n-th call fail, for clouds with very many calls. Default: 1, all of them.
	Every int
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

// EveryCall tests every call of the run with every fault.
func (k Test) EveryCall(t *testing.T) {
	t.Helper()
	want, calls := k.undisturbed(t)
	t.Logf("an undisturbed run makes %d calls", calls)
	for f := killedBefore; f <= throttled; f++ {
		// A disturbed run may make more calls than the undisturbed one: those are disturbed too.
		for at, reached := 1, true; reached; at += max(1, k.Every) {
			reached = k.disturbed(t, f, at, want)
			if t.Failed() {
				return
			}
		}
	}
}

func (k Test) undisturbed(t *testing.T) (snapshot string, calls int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cloud := k.New()
		k.must(t, cloud, "before", k.Before)
		line := &transport{handler: cloud.Handler}
		if err := k.Run(t.Context(), line); err != nil {
			t.Fatalf("undisturbed: %v", err)
		}
		k.must(t, cloud, "after", k.After)
		snapshot, calls = cloud.Snapshot(), line.calls
	})
	return snapshot, calls
}

// disturbed is false when the run ended before the call.
func (k Test) disturbed(t *testing.T, f fault, at int, want string) (reached bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cloud := k.New()
		k.must(t, cloud, "before", k.Before)
		ctx, kill := context.WithCancelCause(t.Context())
		line := &transport{handler: cloud.Handler, fault: f, at: at, kill: func() { kill(ErrKilled) }}
		err := k.Run(ctx, line)
		kill(nil)
		what := fmt.Sprintf("%s call %d (%s)", f, at, line.hit)
		reached = line.hit != ""
		if f.kills() && reached {
			k.must(t, cloud, what+", run again", k.Run)
		} else if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		k.must(t, cloud, what+", after", k.After)
		if got := cloud.Snapshot(); got != want {
			t.Errorf("%s leaves:\n%s\nan undisturbed run leaves:\n%s", what, got, want)
		}
	})
	return reached
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
	kill    func()

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
	l.handler.ServeHTTP(recorder, request)
	return l.end(request, recorder, fault)
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
	if l.calls != l.at || l.fault == none {
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
