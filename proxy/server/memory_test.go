package server_test

import (
	"io"
	"net/http"
	"runtime"
	"testing"

	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/proxytest"
)

// long is a body of some size that looks at the heap on its way.
type long struct {
	left, step, next int64
	alive            []uint64 // bytes after a collection, each step
}

func (l *long) Read(into []byte) (int, error) {
	if l.left <= l.next {
		// Twice: what a pool holds is kept for one collection.
		runtime.GC()
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		l.alive = append(l.alive, stats.HeapAlloc)
		l.next -= l.step
	}
	if l.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(into)), l.left)
	l.left -= n
	return int(n), nil
}

// Nothing of a body is kept. Clients, proxy and upstream are all in this process, and none of them may grow.
func TestMemoryIsFlatUnderALongBody(t *testing.T) {
	const step, steps = 16 << 20, 8
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			p := proxytest.Start(t, proxytest.Options{Config: func(c *config.Config) {
				c.Limits.Tenant.BodyBytes, c.Limits.Tenant.BytesPerSecond = 1<<30, quantity.Bytes(1<<40)
			}})
			body := &long{left: (steps + 2) * step, step: step, next: steps * step}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+metricsHost+"/api/v1/push", body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+p.Token(t, proxytest.Payments, nil, config.MetricsWrite))
			response, err := p.Client(t, http2).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Fatalf("answered %s", response.Status)
			}
			// The first step is after what the upstream of this test keeps of a body. Half a step of 8 is room for what a busy
			// machine has in flight, and much less than a body that is kept.
			first, last := body.alive[0], body.alive[len(body.alive)-1]
			if len(body.alive) <= steps || last > first+step/2 {
				t.Errorf("of %d bytes, %d bytes of memory were kept: %d", (steps+1)*step, int64(last)-int64(first), body.alive)
			}
		})
	}
}
