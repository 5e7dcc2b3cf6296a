package upstream_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/opsgen/opsgen/proxy/route"
	"github.com/opsgen/opsgen/proxy/upstream"
)

type bufferPool struct{ sync.Pool }

func (p *bufferPool) Get() []byte {
	if b, ok := p.Pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 32<<10)
}

func (p *bufferPool) Put(b []byte) { p.Pool.Put(&b) }

// BenchmarkForward compares Pool with the bare httputil.ReverseProxy that docs/performance.md calls ratio 1: both between
// the same client and the same upstream in one process, so that only the difference says something.
func BenchmarkForward(b *testing.B) {
	answer := []byte(strings.Repeat("x", 2000))
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = w.Write(answer)
	}))
	b.Cleanup(origin.Close)
	pool := upstream.New(upstream.Options{})
	b.Cleanup(pool.Close)
	base, err := url.Parse(origin.URL)
	if err != nil {
		b.Fatal(err)
	}
	bare := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(base)
			r.SetXForwarded()
			r.Out.Header.Del("Authorization")
			r.Out.Header.Set("X-Scope-OrgID", "acme")
		},
		BufferPool: &bufferPool{},
		Transport:  &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true},
	}
	proxies := []struct {
		name    string
		handler http.Handler
	}{
		{"ReverseProxy", bare},
		{"Pool", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := pool.Forward(w, r, upstream.Target{
				Base: origin.URL, Path: "/api/v1/push", Tenant: "acme", Kind: route.Write, Timeout: 30e9,
			}); err != nil {
				b.Error(err)
			}
		})},
	}
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		for _, proxy := range proxies {
			b.Run(method+"/"+proxy.name, func(b *testing.B) { measure(b, method, proxy.handler) })
		}
	}
}

func measure(b *testing.B, method string, handler http.Handler) {
	front := httptest.NewServer(handler)
	defer front.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	defer transport.CloseIdleConnections()
	var body []byte
	if method == http.MethodPost {
		body = make([]byte, 50_000)
	}
	b.ReportAllocs()
	before := processor(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, err := http.NewRequestWithContext(context.Background(), method, front.URL+"/api/v1/push", bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			r.Header.Set("Authorization", "Bearer x")
			answer, err := transport.RoundTrip(r)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
		}
	})
	b.ReportMetric(float64(processor(b)-before)/float64(b.N), "cpu-ns/op")
}

// processor is the time that this process has used of the processors, in ns: wall time says nothing on a shared machine.
func processor(b *testing.B) int64 {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}
