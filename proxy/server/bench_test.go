package server_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/proxytest"
)

// copyBuffers is a httputil.BufferPool.
type copyBuffers struct{ sync.Pool }

func (p *copyBuffers) Get() []byte {
	if b, ok := p.Pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 32<<10)
}

func (p *copyBuffers) Put(b []byte) { p.Pool.Put(&b) }

// BenchmarkProxy is a small query and a remote write through a whole proxy, with tokens, limits and metrics, beside a bare
// httputil.ReverseProxy. Client and upstream are in the same process, so that only the difference says something.
func BenchmarkProxy(b *testing.B) {
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
	p := proxytest.Start(b, proxytest.Options{Config: func(c *config.Config) {
		c.Upstreams.Metrics.QueryFrontend, c.Upstreams.Metrics.Distributor = origin.URL, origin.URL
		c.Limits.Tenant.RequestsPerSecond, c.Limits.Tenant.BytesPerSecond = 1_000_000, 1<<40
		c.Log.AccessSample = 0
	}})
	token := p.Token(b, proxytest.Payments, nil, config.MetricsRead, config.MetricsWrite)
	base, err := url.Parse(origin.URL)
	if err != nil {
		b.Fatal(err)
	}
	bare := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(base) },
		Transport:  &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true},
		BufferPool: &copyBuffers{},
	})
	bare.EnableHTTP2 = true
	bare.StartTLS()
	b.Cleanup(bare.Close)
	for name, http2 := range map[string]bool{"HTTP1": false, "HTTP2": true} {
		var protocols http.Protocols
		protocols.SetHTTP1(!http2)
		protocols.SetHTTP2(http2)
		direct := &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: &protocols, DisableCompression: true, //nolint:gosec // a bench's own
		}}
		client := p.Client(b, http2)
		client.Transport.(*http.Transport).DisableCompression = true //nolint:forcetypeassert // it is one
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			b.Run(method+"/"+name+"/ReverseProxy", func(b *testing.B) { send(b, direct, method, bare.URL, token) })
			b.Run(method+"/"+name+"/Proxy", func(b *testing.B) { send(b, client, method, "https://"+metricsHost, token) })
		}
	}
}

// send reports the processor time of a request: wall time says nothing on a shared machine.
func send(b *testing.B, client *http.Client, method, base, token string) {
	used := func() int64 {
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			b.Fatal(err)
		}
		return usage.Utime.Nano() + usage.Stime.Nano()
	}
	path, body := "/prometheus/api/v1/query?query=up", []byte(nil)
	if method == http.MethodPost {
		path, body = "/api/v1/push", make([]byte, 50_000)
	}
	b.ReportAllocs()
	before := used()
	for range b.N {
		r, err := http.NewRequestWithContext(b.Context(), method, base+path, bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode/100 != 2 {
			b.Fatal(answer.Status, err)
		}
		_ = answer.Body.Close()
	}
	b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op")
}
