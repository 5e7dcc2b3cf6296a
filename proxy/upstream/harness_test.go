package upstream_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/opsgen/opsgen/proxy/upstream"
)

// front is a proxy before an upstream: it answers Forward's errors as the server does.
type front struct {
	*httptest.Server
	errors chan *upstream.Error // of the requests, nil for those that ended well
}

func newFront(t *testing.T, options upstream.Options, target upstream.Target) *front {
	t.Helper()
	pool := upstream.New(options)
	f := &front{errors: make(chan *upstream.Error, 100)}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := target
		if to.Path == "" {
			to.Path = r.URL.EscapedPath()
		}
		var failed *upstream.Error
		defer r.Body.Close() //nolint:errcheck // as the server does
		if err := pool.Forward(w, r, to); errors.As(err, &failed) && !failed.Started {
			w.WriteHeader(failed.Status)
		}
		f.errors <- failed
	}))
	f.EnableHTTP2 = true
	f.StartTLS()
	t.Cleanup(func() {
		f.Close()
		pool.Close()
	})
	return f
}

func (f *front) do(t *testing.T, method, path string, body io.Reader, header http.Header) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, f.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	response, err := f.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read to its end
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	return answer{response.StatusCode, response.Header, response.Trailer, string(data)}
}

// answer is a response that was read to its end.
type answer struct {
	status          int
	header, trailer http.Header
	body            string
}

// raw is an upstream that says exactly what a test writes, once for each connection.
func raw(t *testing.T, serve func(conn net.Conn, r *http.Request)) string {
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
				if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					serve(conn, r)
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // of a test
	return "http://" + listener.Addr().String()
}
