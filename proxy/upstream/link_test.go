package upstream_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opsgen/opsgen/proxy/upstream"
)

const (
	good = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"
	evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
)

// What follows the first answer on a connection is another tenant's answer in the worst case.
func TestAQueryGetsTheAnswerToItself(t *testing.T) {
	const whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"
	nothing := func(net.Conn, *bufio.Reader) {}
	for name, row := range map[string]struct {
		method string
		first  string
		then   func(conn net.Conn, in *bufio.Reader) // on the first connection, after its answer was read
		kept   bool
	}{
		"of known length":         {"GET", whole, nil, true},
		"in chunks":               {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n", nil, true},
		"empty":                   {"GET", "HTTP/1.1 204 No Content\r\n\r\n", nil, true},
		"not changed":             {"GET", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", nil, true},
		"only a head":             {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", nil, true},
		"the last one":            {"GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nfirst", nothing, false},
		"HTTP/1.0":                {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nfirst", nothing, false},
		"two at once":             {"GET", whole + evil, nothing, false},
		"a body without leave":    {"HEAD", whole, nothing, false},
		"a body after none":       {"GET", "HTTP/1.1 204 No Content\r\n\r\n" + evil, nothing, false},
		"a second one, unasked":   {"GET", whole, func(conn net.Conn, _ *bufio.Reader) { _, _ = io.WriteString(conn, evil) }, false},
		"closed":                  {"GET", whole, func(conn net.Conn, _ *bufio.Reader) { _ = conn.Close() }, false},
		"closed when asked again": {"GET", whole, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			var opened atomic.Int32
			read, done := make(chan struct{}), make(chan struct{})
			base := connections(t, func(conn net.Conn, in *bufio.Reader) {
				first := opened.Add(1) == 1
				for {
					if _, err := http.ReadRequest(in); err != nil {
						return
					}
					if !first {
						_, _ = io.WriteString(conn, good)
						continue
					}
					first = false
					_, _ = io.WriteString(conn, row.first)
					<-read
					if row.then != nil {
						row.then(conn, in)
					}
					close(done)
					if name == "closed when asked again" {
						_, _ = http.ReadRequest(in)
						return
					}
				}
			})
			f := newFront(t, upstream.Options{}, upstream.Target{Base: base, Tenant: "acme", Timeout: time.Minute})
			if answer := f.do(t, row.method, "/first", nil, nil); strings.Contains(answer.body, "evil") {
				t.Errorf("the first got %+v", answer)
			}
			<-f.errors
			close(read)
			<-done
			if answer := f.do(t, "GET", "/second", nil, nil); answer.body != "good" {
				t.Errorf("the second got %+v", answer)
			}
			if kept := opened.Load() == 1; kept != row.kept {
				t.Errorf("%d connections were opened", opened.Load())
			}
		})
	}
}

// connections is an upstream of which a test serves each connection by itself.
func connections(t *testing.T, serve func(conn net.Conn, in *bufio.Reader)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close() //nolint:errcheck // of a test
				serve(conn, bufio.NewReader(conn))
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// A query whose client left, or for which the upstream took too long, must not go on to cost the upstream anything.
func TestAQueryThatIsGivenUpEndsAtTheUpstream(t *testing.T) {
	for name, begun := range map[string]string{
		"before the answer":        "",
		"in the middle of headers": "HTTP/1.1 200 OK\r\nContent-Type: te",
		"in the middle of a body":  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
		"between chunks":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
	} {
		// A second is long enough for the question to arrive, on a busy machine too: nothing ends that never began.
		for why, timeout := range map[string]time.Duration{"the client leaves": time.Minute, "it takes too long": time.Second} {
			t.Run(name+", "+why, func(t *testing.T) {
				t.Parallel()
				asked, ended := make(chan struct{}), make(chan struct{})
				base := connections(t, func(conn net.Conn, in *bufio.Reader) {
					_, _ = http.ReadRequest(in)
					_, _ = io.WriteString(conn, begun)
					close(asked)
					_, _ = io.Copy(io.Discard, in) // until the proxy closes it
					close(ended)
				})
				f := newFront(t, upstream.Options{}, upstream.Target{Base: base, Tenant: "acme", Timeout: timeout})
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				go func() {
					<-asked
					if timeout == time.Minute {
						leave()
					}
				}()
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL+"/x", http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				if answer, err := f.Client().Do(r); err == nil {
					if _, err := io.ReadAll(answer.Body); err == nil && answer.StatusCode == http.StatusOK {
						t.Error("half an answer passes for a whole one")
					}
					_ = answer.Body.Close()
				}
				<-ended
				if failed := <-f.errors; failed == nil {
					t.Error("it is counted as a success")
				}
			})
		}
	}
}

func TestAHeadWithoutEndIsGivenUp(t *testing.T) {
	for name, part := range map[string]string{
		"one head": "X-Padding: " + strings.Repeat("x", 1000) + "\r\n",
		"many":     "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int64
			base := connections(t, func(conn net.Conn, in *bufio.Reader) {
				_, _ = http.ReadRequest(in)
				if name == "one head" {
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
				}
				for {
					n, err := io.WriteString(conn, part)
					sent.Add(int64(n))
					if err != nil {
						return
					}
				}
			})
			f := newFront(t, upstream.Options{}, upstream.Target{Base: base, Tenant: "acme", Timeout: time.Minute})
			if answer := f.do(t, "GET", "/x", nil, nil); answer.status != http.StatusBadGateway {
				t.Errorf("got %d after %d bytes", answer.status, sent.Load())
			}
		})
	}
}

// Many clients, of whom some leave, share the connections to an upstream that answers in all ways.
func TestAnswersOfManyAreNeverMixedUp(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &n)
		switch n % 7 {
		case 0:
			w.Header().Set("Connection", "close")
		case 1:
			_ = http.NewResponseController(w).Flush() // chunks follow
		case 2:
			w.WriteHeader(http.StatusEarlyHints)
		}
		_, _ = io.WriteString(w, strings.Repeat(r.URL.Path, 1+n%11*300))
	}))
	defer origin.Close()
	f := newFront(t, upstream.Options{}, upstream.Target{Base: origin.URL, Tenant: "acme", Timeout: time.Minute})
	go func() {
		for range f.errors { //nolint:revive // nobody else reads them
		}
	}()
	var all sync.WaitGroup
	for client := range 8 {
		all.Go(func() {
			for i := range 60 {
				n := 60*client + i
				ctx, leave := context.WithCancel(t.Context())
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/%d", f.URL, n), http.NoBody)
				if err != nil {
					t.Error(err)
				}
				answer, err := f.Client().Do(r)
				if err != nil {
					t.Error(err)
					leave()
					continue
				}
				if n%5 == 0 {
					leave() // in the middle, perhaps
				}
				body, err := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				if want := strings.Repeat(r.URL.Path, 1+n%11*300); err == nil && string(body) != want || err != nil && n%5 != 0 {
					t.Errorf("%s: got %.20q… of %d bytes, %v", r.URL.Path, body, len(body), err)
				}
				leave()
			}
		})
	}
	all.Wait()
}
