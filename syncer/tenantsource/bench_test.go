package tenantsource

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/opsgen/opsgen/syncer/config"
)

// BenchmarkThousandTenants measures what it costs to watch a thousand namespaces over real connections. The server is in
// the same process, so that the figure is an upper bound.
func BenchmarkThousandTenants(b *testing.B) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("watch") == "" && strings.HasSuffix(r.URL.Path, "/configmaps") {
			_, _ = io.WriteString(w, `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"1"},"items":[]}`)
			return
		}
		if r.URL.Query().Get("watch") == "" {
			http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`, http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, `{"type":"BOOKMARK","object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1",`+
			`"metadata":{"resourceVersion":"1","annotations":{"k8s.io/initial-events-end":"true"}}}}`+"\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	c := config.Config{}
	c.SetDefaults()
	for b.Loop() {
		w, err := NewWatcher(&rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}, QPS: -1}, c.Sources, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		read := make(chan string, 1000)
		w.Changed = func(namespace string) { read <- namespace }
		before := used()
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = w.Start(ctx) }()
		for i := range 1000 {
			w.Follow(fmt.Sprint("tenant-", i))
		}
		for range 1000 {
			<-read
		}
		b.ReportMetric(float64(used()-before)/1000, "B/tenant")
		b.ReportMetric(float64(runtime.NumGoroutine())/1000, "goroutines/tenant")
		stop()
		<-ended
	}
}

// used is what the process holds, without what is garbage.
func used() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
