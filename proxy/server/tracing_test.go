package server_test

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/proxytest"
)

// receiver takes traces as a collector does.
type receiver struct {
	*httptest.Server
	mutex sync.Mutex
	spans []*spans.Span
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		var body io.Reader = request.Body
		if request.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(request.Body)
		}
		data, err := io.ReadAll(body)
		var message collector.ExportTraceServiceRequest
		if err != nil || request.URL.Path != "/v1/traces" || proto.Unmarshal(data, &message) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.mutex.Lock()
		defer r.mutex.Unlock()
		for _, resource := range message.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				r.spans = append(r.spans, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

const (
	clientTrace, clientSpan = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	clientParent            = "00-" + clientTrace + "-" + clientSpan + "-00"
)

// traced sends a query of a client that traces, and returns the parent that the upstream got.
func traced(t *testing.T, p *proxytest.Proxy) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+metricsHost+"/prometheus/api/v1/query?query=secret", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+p.Token(t, proxytest.Payments, nil, config.MetricsRead))
	r.Header.Set("Traceparent", clientParent)
	r.Header.Set("Tracestate", "vendor=x")
	response, err := p.Client(t, true).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("answered %s", response.Status)
	}
	seen := p.Requests()
	header := seen[len(seen)-1].Header
	if state := header.Get("Tracestate"); state != "vendor=x" {
		t.Errorf("the upstream gets the state %q", state)
	}
	return header.Get("Traceparent")
}

func TestARequestIsTraced(t *testing.T) {
	to := newReceiver(t)
	p := proxytest.Start(t, proxytest.Options{Config: func(c *config.Config) {
		c.Tracing = config.Tracing{Endpoint: to.URL, Sample: 1}
	}})
	parent := traced(t, p)
	p.Stop()
	<-p.Ended()
	if len(to.spans) != 1 {
		t.Fatalf("%d spans arrive", len(to.spans))
	}
	span := to.spans[0]
	if got := hex.EncodeToString(span.GetTraceId()); got != clientTrace {
		t.Errorf("the span is of trace %s", got)
	}
	if got := hex.EncodeToString(span.GetParentSpanId()); got != clientSpan {
		t.Errorf("the span follows %s", got)
	}
	if want := "00-" + clientTrace + "-" + hex.EncodeToString(span.GetSpanId()) + "-01"; parent != want {
		t.Errorf("the upstream gets %s, want %s", parent, want)
	}
	text := span.String()
	for _, want := range []string{`"GET metrics_query"`, "payments", "http.response.status_code"} {
		if !strings.Contains(text, want) {
			t.Errorf("the span does not say %s: %s", want, text)
		}
	}
	if strings.Contains(text, "secret") {
		t.Errorf("the span holds what a client wrote: %s", text)
	}
}

// Whoever has no receiver, or one that does not answer, serves as before.
func TestTracingNeverStandsInTheWay(t *testing.T) {
	to := newReceiver(t)
	to.Close()
	p := proxytest.Start(t, proxytest.Options{Config: func(c *config.Config) {
		c.Tracing = config.Tracing{Endpoint: to.URL, Sample: 1}
	}})
	if parent := traced(t, p); parent == clientParent {
		t.Error("the request is not traced")
	}
	// A change of the receiver sends what waits to the one before.
	change(t, p, func(c *config.Config) { c.Tracing = config.Tracing{} })
	proxytest.Eventually(t, "the failure is counted", func() bool {
		return strings.Contains(p.Metrics(t), `opsgen_proxy_spans_total{result="failed"} 1`)
	})
	if parent := traced(t, p); parent != clientParent {
		t.Errorf("without tracing the upstream gets %s", parent)
	}
	// The client's trace has a large random part: a small sample does not have it, whatever its flag says.
	change(t, p, func(c *config.Config) { c.Tracing = config.Tracing{Endpoint: to.URL, Sample: 0.5} })
	if parent := traced(t, p); parent != clientParent {
		t.Errorf("a trace outside of the sample is traced: %s", parent)
	}
	change(t, p, func(c *config.Config) { c.Tracing = config.Tracing{Endpoint: to.URL, Sample: 0.6} })
	if parent := traced(t, p); parent == clientParent {
		t.Error("a trace within the sample is not traced")
	}
}
