package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// zone is a resolver whose answer changes.
type zone struct {
	hosts atomic.Pointer[[]string]
	asked atomic.Int32
}

func (z *zone) set(hosts ...string) { z.hosts.Store(&hosts) }

func (z *zone) LookupHost(_ context.Context, host string) ([]string, error) {
	z.asked.Add(1)
	if hosts := *z.hosts.Load(); len(hosts) > 0 {
		return hosts, nil
	}
	return nil, &net.DNSError{Err: "server misbehaving", Name: host}
}

func pickMany(t *testing.T, o *origin) map[string]int {
	t.Helper()
	chosen := map[string]int{}
	for range 1000 {
		a, err := o.pick(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		chosen[a.hostPort]++
	}
	return chosen
}

func TestLoadGoesToAllAddressesAndAwayFromBrokenOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		z.set("10.0.0.1", "10.0.0.2", "10.0.0.3")
		p := New(Options{Resolver: z})
		defer p.Close()
		o, err := p.origin("http://headless.example:8080")
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range pickMany(t, o) {
			if n < 200 {
				t.Errorf("uneven: %v", pickMany(t, o))
			}
		}
		broken := o.state.Load().list[0]
		for range failuresAside {
			broken.failed(p.metrics)
		}
		if chosen := pickMany(t, o); chosen[broken.hostPort] != 0 || len(chosen) != 2 {
			t.Errorf("a broken address is asked: %v", chosen)
		}
		for _, a := range o.state.Load().list[1:] {
			for range failuresAside {
				a.failed(p.metrics)
			}
		}
		if chosen := pickMany(t, o); len(chosen) != 3 {
			t.Errorf("with all broken, not all are asked: %v", chosen)
		}
		synctest.Wait()
		broken.failed(p.metrics) // one more failure than the others
		time.Sleep(asideFirst + time.Second)
		if chosen := pickMany(t, o); len(chosen) != 3 {
			t.Errorf("after a while they are not tried again: %v", chosen)
		}
		synctest.Wait()
	})
}

func TestABusyAddressIsAskedLess(t *testing.T) {
	z := &zone{}
	z.set("10.0.0.1", "10.0.0.2")
	p := New(Options{Resolver: z})
	defer p.Close()
	o, err := p.origin("http://headless.example:8080")
	if err != nil {
		t.Fatal(err)
	}
	pickMany(t, o)
	busy := o.state.Load().list[0]
	busy.inFlight.Store(100)
	if chosen := pickMany(t, o); chosen[busy.hostPort] > 0 {
		t.Errorf("the busy one was asked %d times of 1000", chosen[busy.hostPort])
	}
}

func TestNewPodsAreFoundAndABrokenNameServerDoesNoHarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		z.set("10.0.0.1")
		p := New(Options{Resolver: z})
		defer p.Close()
		o, err := p.origin("http://headless.example:8080")
		if err != nil {
			t.Fatal(err)
		}
		first, _ := o.pick(t.Context(), nil)
		pickMany(t, o)
		if n := z.asked.Load(); n != 1 {
			t.Errorf("asked %d times for a thousand requests", n)
		}
		first.inFlight.Store(7)
		next := func(hosts ...string) map[string]int {
			z.set(hosts...)
			time.Sleep(lookupFresh + time.Second)
			pickMany(t, o) // begins the look-up
			synctest.Wait()
			return pickMany(t, o)
		}
		if chosen := next("10.0.0.2", "10.0.0.1"); len(chosen) != 2 && chosen["10.0.0.2:8080"] != 1000 {
			t.Errorf("the new pod is not asked: %v", chosen)
		}
		if o.state.Load().list[0] != first {
			t.Error("the counters of an address that stayed are lost")
		}
		if chosen := next(); chosen["10.0.0.2:8080"] == 0 {
			t.Errorf("without name server: %v", chosen)
		}
		if chosen := next("10.0.0.3"); chosen["10.0.0.3:8080"] != 1000 {
			t.Errorf("the only pod is not the only one: %v", chosen)
		}
	})
}

func TestWhatIsRefusedGoesToAnotherAddressWithItsBody(t *testing.T) {
	var served atomic.Int32
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "headless.example:"+r.Header.Get("X-Port") {
			w.WriteHeader(http.StatusTeapot)
		}
		served.Add(1)
	}))
	defer origin.Close()
	_, port, err := net.SplitHostPort(origin.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{}
	z.set("127.0.0.1", "127.0.0.2") // nobody listens on the second
	p := New(Options{Resolver: z})
	defer p.Close()
	for range 50 {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/x", http.NoBody)
		r.Header.Set("X-Port", port)
		w := httptest.NewRecorder()
		if err := p.Forward(w, r, Target{Base: "http://headless.example:" + port, Path: "/x", Tenant: "acme"}); err != nil || w.Code != 200 {
			t.Fatalf("got %d %v", w.Code, err)
		}
	}
	if n := served.Load(); n != 50 {
		t.Errorf("%d of 50 were served", n)
	}
}

// A pod was replaced while nobody asked: the first request goes to where the new one is, however long that was ago.
func TestTheOnlyPodMoves(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer origin.Close()
	_, port, err := net.SplitHostPort(origin.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for name, last := range map[string]time.Duration{"just looked up": 0, "due": lookupFresh + 1, "long ago": lookupStale + 1} {
		t.Run(name, func(t *testing.T) {
			z := &zone{}
			z.set("127.0.0.2") // nobody listens there any more
			p := New(Options{Resolver: z})
			defer p.Close()
			o, err := p.origin("http://headless.example:" + port)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := o.pick(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			o.refreshed.Store(time.Now().Add(-last).UnixNano())
			z.set("127.0.0.1")
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/x", strings.NewReader("samples"))
			if err := p.Forward(w, r, Target{Base: "http://headless.example:" + port, Path: "/x", Tenant: "acme"}); err != nil || w.Code != 200 {
				t.Errorf("got %d %v", w.Code, err)
			}
		})
	}
}

// What was kept open to a pod that left the name is closed: the pod's address may lead nowhere without anybody saying so.
func TestConnectionsAreMadeAnewWhenPodsMayHaveChanged(t *testing.T) {
	for name, test := range map[string]struct {
		now  []string      // the addresses at the second look-up
		last time.Duration // since when connections to lone addresses are kept
		anew bool
	}{
		"the pod left":                      {[]string{"127.0.0.2"}, 0, true},
		"one of two left":                   {[]string{"127.0.0.2", "127.0.0.3"}, 0, true},
		"a pod came":                        {[]string{"127.0.0.1", "127.0.0.2"}, spreadAgain + time.Second, false},
		"a lone address, perhaps a Service": {[]string{"127.0.0.1"}, spreadAgain + time.Second, true},
		"a lone address, a moment ago":      {[]string{"127.0.0.1"}, spreadAgain / 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			var opened atomic.Int32
			closed := make(chan struct{})
			origin := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			origin.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				switch state {
				case http.StateNew:
					opened.Add(1)
				case http.StateClosed:
					close(closed)
				default:
				}
			}
			origin.Start()
			defer origin.Close()
			_, port, err := net.SplitHostPort(origin.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			z := &zone{}
			z.set("127.0.0.1")
			p := New(Options{Resolver: z})
			defer p.Close()
			base := "http://headless.example:" + port
			send := func() {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/x", http.NoBody)
				if err := p.Forward(httptest.NewRecorder(), r, Target{Base: base, Path: "/x", Tenant: "acme"}); err != nil {
					t.Fatal(err)
				}
			}
			send()
			o, err := p.origin(base)
			if err != nil {
				t.Fatal(err)
			}
			z.set(test.now...)
			p.spread.Store(time.Now().Add(-test.last).UnixNano())
			if _, err := o.lookup(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !test.anew {
				if send(); opened.Load() != 1 {
					t.Error("the connection is not used again")
				}
				return
			}
			select {
			case <-closed:
			case <-time.After(10 * time.Second):
				t.Error("the connection is still open")
			}
		})
	}
}

func TestAWriteThatMayHaveArrivedIsNotSentAgain(t *testing.T) {
	for _, row := range []struct {
		method     string
		idempotent bool
		want       int32
	}{{"POST", false, 1}, {"GET", true, 2}, {"GET", false, 1}} {
		var asked atomic.Int32
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 4096))
				asked.Add(1)
				_ = conn.Close()
			}
		}()
		p := New(Options{})
		r := httptest.NewRequestWithContext(t.Context(), row.method, "/x", http.NoBody)
		err = p.Forward(httptest.NewRecorder(), r, Target{Base: "http://" + listener.Addr().String(), Path: "/x", Idempotent: row.idempotent})
		var failed *Error
		if !errors.As(err, &failed) || failed.Status != 502 || asked.Load() != row.want {
			t.Errorf("%s, idempotent %v: %v, asked %d times, want %d", row.method, row.idempotent, err, asked.Load(), row.want)
		}
		p.Close()
		_ = listener.Close()
	}
}

func TestAPathThatNamesAHostIsRefused(t *testing.T) {
	p := New(Options{})
	defer p.Close()
	for _, target := range []Target{{Base: "http://a", Path: "//b/c"}, {Base: "http://a", Path: "c"}, {Base: "ftp://a", Path: "/"}, {Base: "http://a/b", Path: "/"}} {
		var failed *Error
		err := p.Forward(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/", nil), target)
		if !errors.As(err, &failed) || failed.Reason != "target" || failed.Status != 500 {
			t.Errorf("%+v: got %v", target, err)
		}
	}
}

func TestTraceContextIsPassedOnOnlyWhenWellFormed(t *testing.T) {
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for value, want := range map[string]bool{
		good: true, "cc" + good[2:]: true, "cc" + good[2:] + "-later": true,
		"": false, "ff" + good[2:]: false, good + "-x": false, good[:54]: false,
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01": false,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01": false,
	} {
		if got := traceparent(value); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

func TestAConnectionThatNobodyUsesIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, upstreams := net.Pipe()
		var kept links
		kept.keep(newLink(ours))
		closed := make(chan time.Time)
		began := time.Now()
		go func() {
			_, _ = upstreams.Read(make([]byte, 1))
			closed <- time.Now()
		}()
		if after := (<-closed).Sub(began); after != idleKept {
			t.Errorf("it was closed after %s", after)
		}
		kept.drop(true)
		other, end := net.Pipe()
		kept.keep(newLink(other))
		if _, err := end.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // a pipe's own
			t.Errorf("one to a pod that is gone stays open: %v", err)
		}
	})
}
