package upstream_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/opsgen/opsgen/proxy/upstream"
)

func TestAnAnswerPassesAsItIs(t *testing.T) {
	for name, row := range map[string]struct {
		answer string
		status int
		body   string
	}{
		"429 with Retry-After":  {"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nslow", 429, "slow"},
		"500":                   {"HTTP/1.1 500 Internal Server Error\r\nRetry-After: 7\r\nContent-Length: 3\r\n\r\nbad", 500, "bad"},
		"503 without a body":    {"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 503, ""},
		"chunks":                {"HTTP/1.1 200 OK\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200, "abcde"},
		"trailers, which end":   {"HTTP/1.1 200 OK\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n", 200, "abc"},
		"an informational one":  {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nRetry-After: 7\r\nContent-Length: 1\r\n\r\nx", 200, "x"},
		"until the end of file": {"HTTP/1.0 200 OK\r\nRetry-After: 7\r\n\r\nall", 200, "all"},
	} {
		t.Run(name, func(t *testing.T) {
			base := raw(t, func(conn net.Conn, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				_, _ = io.WriteString(conn, row.answer)
			})
			f := newFront(t, upstream.Options{}, upstream.Target{Base: base, Tenant: "acme", Timeout: time.Minute})
			for method, body := range map[string]io.Reader{"POST": strings.NewReader("data"), "GET": nil} {
				response := f.do(t, method, "/x", body, nil)
				if response.status != row.status || response.body != row.body || response.header.Get("Retry-After") != "7" || len(response.trailer) > 0 {
					t.Errorf("%s: got %+v", method, response)
				}
			}
		})
	}
}

func TestAFailureOfTheUpstreamIsNeverTheClients(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	for name, row := range map[string]struct {
		base    func(t *testing.T) string
		options upstream.Options
		status  int
		reason  string
	}{
		"refused": {closedPort, upstream.Options{}, 502, "connect"},
		"reset":   {func(t *testing.T) string { return raw(t, func(net.Conn, *http.Request) {}) }, upstream.Options{}, 502, "reset"},
		"nonsense": {func(t *testing.T) string {
			return raw(t, func(c net.Conn, _ *http.Request) { _, _ = io.WriteString(c, "SSH-2.0\r\n\r\n") })
		}, upstream.Options{}, 502, "reset"},
		"headers without end": {func(t *testing.T) string {
			return raw(t, func(c net.Conn, _ *http.Request) {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")
			})
		}, upstream.Options{}, 502, "reset"},
		"another protocol": {func(t *testing.T) string {
			return raw(t, func(c net.Conn, _ *http.Request) {
				_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			})
		}, upstream.Options{}, 502, "reset"},
		"silent": {func(t *testing.T) string { return raw(t, func(net.Conn, *http.Request) { <-hang }) }, upstream.Options{}, 504, "timeout"},
		"a name without address": {
			func(*testing.T) string { return "http://nowhere.invalid" },
			upstream.Options{Resolver: names(nil)},
			503, "no_address",
		},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := time.Minute // so that a busy machine does not make every failure a late one
			if row.reason == "timeout" {
				timeout = 100 * time.Millisecond
			}
			f := newFront(t, row.options, upstream.Target{Base: row.base(t), Tenant: "acme", Timeout: timeout})
			response := f.do(t, "POST", "/x", strings.NewReader("data"), nil)
			failed := <-f.errors
			if response.status != row.status || failed == nil || failed.Reason != row.reason {
				t.Errorf("got %d %v, want %d %s", response.status, failed, row.status, row.reason)
			}
		})
	}
}

// names is a resolver with a fixed answer.
type names []string

func (n names) LookupHost(_ context.Context, host string) ([]string, error) {
	if len(n) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return n, nil
}

func TestHalfAnAnswerIsNotTakenForAWholeOne(t *testing.T) {
	for name, answer := range map[string]string{
		"chunked":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"with length": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
	} {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, HTTP/2 %v", name, http2), func(t *testing.T) {
				base := raw(t, func(conn net.Conn, _ *http.Request) { _, _ = io.WriteString(conn, answer) })
				f := newFront(t, upstream.Options{}, upstream.Target{Base: base, Tenant: "acme", Timeout: time.Minute})
				client := f.Client()
				if !http2 {
					client = &http.Client{Transport: &http.Transport{
						TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true, //nolint:gosec // of a test
					}}
				}
				r, _ := http.NewRequestWithContext(t.Context(), "GET", f.URL+"/x", nil)
				response, err := client.Do(r)
				if err != nil {
					return // seen even earlier
				}
				defer response.Body.Close() //nolint:errcheck // of a test
				if body, err := io.ReadAll(response.Body); err == nil {
					t.Errorf("the client got %q over %s and no error", body, response.Proto)
				}
				if failed := <-f.errors; failed == nil || !failed.Started || failed.Reason != "reset" {
					t.Errorf("the server got %v", failed)
				}
			})
		}
	}
}

// resetAtOnce is an HTTP/2 stream whose request is over as soon as it is cut.
type resetAtOnce struct {
	http.ResponseWriter
	reset context.CancelFunc
}

func (w resetAtOnce) SetWriteDeadline(time.Time) error {
	w.reset()
	return nil
}

func TestACutAnswerIsTheUpstreamsFault(t *testing.T) {
	base := raw(t, func(conn net.Conn, _ *http.Request) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
	})
	pool := upstream.New(upstream.Options{})
	defer pool.Close()
	ctx, reset := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/x", http.NoBody)
	err := pool.Forward(resetAtOnce{httptest.NewRecorder(), reset}, r, upstream.Target{Base: base, Path: "/x", Tenant: "acme"})
	var failed *upstream.Error
	if !errors.As(err, &failed) || !failed.Started || failed.Reason != "reset" || ctx.Err() == nil {
		t.Errorf("got %v", err)
	}
}

func TestASlowAnswerLivesAsLongAsItMoves(t *testing.T) {
	t.Parallel() // it waits
	step := make(chan struct{})
	base := raw(t, func(conn net.Conn, _ *http.Request) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for range step {
			_, _ = io.WriteString(conn, "1\r\nx\r\n")
		}
		_, _ = io.WriteString(conn, "0\r\n\r\n")
	})
	const timeout = 2 * time.Second
	f := newFront(t, upstream.Options{}, upstream.Target{Base: base, Tenant: "acme", Timeout: timeout})
	go func() {
		ticker := time.NewTicker(timeout / 4)
		defer ticker.Stop()
		for range 6 {
			<-ticker.C
			step <- struct{}{}
		}
		close(step)
	}()
	if response := f.do(t, "GET", "/x", nil, nil); response.body != "xxxxxx" {
		t.Errorf("got %q", response.body)
	}
}

func TestPartsArriveBeforeTheAnswerEnds(t *testing.T) {
	next := make(chan struct{})
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 2 {
			_, _ = io.WriteString(w, "part\n")
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	}))
	defer origin.Close()
	f := newFront(t, upstream.Options{}, upstream.Target{Base: origin.URL, Tenant: "acme", Timeout: time.Minute})
	r, _ := http.NewRequestWithContext(t.Context(), "GET", f.URL, nil)
	response, err := f.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // of a test
	reader := bufio.NewReader(response.Body)
	for range 2 {
		if line, err := reader.ReadString('\n'); err != nil || line != "part\n" {
			t.Fatalf("got %q %v", line, err)
		}
		next <- struct{}{}
	}
}

func TestAClientThatLeavesTakesItsQueryAlong(t *testing.T) {
	asked, gone := make(chan struct{}), make(chan struct{})
	origin := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(gone)
	}))
	defer origin.Close()
	f := newFront(t, upstream.Options{}, upstream.Target{Base: origin.URL, Tenant: "acme", Timeout: time.Minute})
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-asked
		leave()
	}()
	r, _ := http.NewRequestWithContext(ctx, "GET", f.URL, nil)
	if response, err := f.Client().Do(r); err == nil {
		_ = response.Body.Close()
		t.Error("got an answer")
	}
	<-gone
	if failed := <-f.errors; failed == nil || failed.Reason != "client_gone" {
		t.Errorf("got %v", failed)
	}
}

type brokenBody struct{ err error }

func (b brokenBody) Read([]byte) (int, error) { return 0, b.err }
func (b brokenBody) Close() error             { return nil }

func TestWhyABodyWasRefusedReachesTheServer(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer origin.Close()
	pool := upstream.New(upstream.Options{})
	defer pool.Close()
	why := errors.New("over the limit")
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/x", brokenBody{why})
	r.ContentLength = 10
	err := pool.Forward(httptest.NewRecorder(), r, upstream.Target{Base: origin.URL, Path: "/x", Tenant: "acme"})
	var failed *upstream.Error
	if !errors.As(err, &failed) || failed.Reason != "client_body" || failed.Status != 400 || !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

// closedAfterItsEnd is what a server's body is once the answer has begun: read again, it is an error.
type closedAfterItsEnd struct{ io.Reader }

func (b *closedAfterItsEnd) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if n == 0 {
		return 0, http.ErrBodyReadAfterClose
	}
	return n, err
}

func (b *closedAfterItsEnd) Close() error { return nil }

func TestABodyIsNotReadAfterItsEnd(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "whole")
	}))
	defer origin.Close()
	pool := upstream.New(upstream.Options{})
	defer pool.Close()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/x", &closedAfterItsEnd{iotest.DataErrReader(strings.NewReader("query=up"))})
	r.ContentLength = 8
	w := httptest.NewRecorder()
	if err := pool.Forward(w, r, upstream.Target{Base: origin.URL, Path: "/x", Tenant: "acme"}); err != nil || w.Body.String() != "whole" {
		t.Errorf("got %q, %v", w.Body, err)
	}
}

func TestABodyArrivesWhole(t *testing.T) {
	sums := make(chan int, 1)
	origin := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		sums <- bytes.Count(data, []byte("x"))
	}))
	defer origin.Close()
	f := newFront(t, upstream.Options{}, upstream.Target{Base: origin.URL, Tenant: "acme", Timeout: time.Minute})
	big := strings.Repeat("x", 3<<20)
	for name, body := range map[string]io.Reader{"with a length": strings.NewReader(big), "in chunks": io.MultiReader(strings.NewReader(big))} {
		if response := f.do(t, "POST", "/x", body, http.Header{"Expect": {"100-continue"}}); response.status != 200 {
			t.Errorf("%s: status %d", name, response.status)
		}
		if sum := <-sums; sum != len(big) {
			t.Errorf("%s: %d bytes arrived", name, sum)
		}
	}
}

func TestAnEarlyAnswerDoesNotWaitForTheRestOfTheBody(t *testing.T) {
	for name, framing := range map[string]string{
		"with a length": "Content-Length: 100\r\n\r\nabc", "in chunks": "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			base := raw(t, func(conn net.Conn, _ *http.Request) {
				_, _ = io.WriteString(conn, "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nslow")
				_, _ = io.Copy(io.Discard, conn)
			})
			f := newFront(t, upstream.Options{}, upstream.Target{Base: base, Tenant: "acme", Timeout: time.Minute})
			conn, err := tls.Dial("tcp", f.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}) //nolint:gosec // of a test
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close() //nolint:errcheck // of a test
			if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(conn, "POST /x HTTP/1.1\r\nHost: a\r\n"+framing)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close() //nolint:errcheck // of a test
			if response.StatusCode != 429 {
				t.Errorf("got %d", response.StatusCode)
			}
		})
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("load", func(t *testing.T) {
		var n atomic.Int32
		origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1)%3 == 0 {
				panic(http.ErrAbortHandler) // the upstream dies
			}
			_, _ = io.Copy(w, r.Body)
		}))
		defer origin.Close()
		f := newFront(t, upstream.Options{}, upstream.Target{Base: origin.URL, Tenant: "acme", Timeout: time.Minute})
		for range 60 {
			f.do(t, "POST", "/x", strings.NewReader("data"), nil)
		}
		f.Client().CloseIdleConnections()
	})
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before+1 {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, before %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}
