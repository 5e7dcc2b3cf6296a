package trace_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/trace"
)

// The last 63 bits of the trace ID are 0x0448eb211c80319c/2: 1.67 % of their range.
const (
	traceID = "0af7651916cd43dd0448eb211c80319c"
	parent  = "00-" + traceID + "-b7ad6b7169203331-00"
)

type world struct {
	tracer   *trace.Tracer
	registry *prometheus.Registry
	log      bytes.Buffer
}

// start makes a tracer for a receiver that answers with a status.
func start(t *testing.T, sample float64, status *atomic.Int32) *world {
	t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	t.Cleanup(receiver.Close)
	w := &world{registry: prometheus.NewRegistry()}
	var err error
	w.tracer, err = trace.New(t.Context(), config.Tracing{Endpoint: receiver.URL, Sample: sample}, "prod",
		trace.NewCounters(w.registry), slog.New(slog.NewTextHandler(&w.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) expect(t *testing.T, sent, failed string) {
	t.Helper()
	want := "# HELP opsgen_proxy_spans_total Spans of the proxy's own work, by result.\n# TYPE opsgen_proxy_spans_total counter\n"
	for result, n := range map[string]string{"sent": sent, "failed": failed} {
		if n != "" {
			want += `opsgen_proxy_spans_total{result="` + result + `"} ` + n + "\n"
		}
	}
	if err := testutil.GatherAndCompare(w.registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func request(t *testing.T, parents ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	for _, value := range parents {
		r.Header.Add("Traceparent", value)
	}
	return r
}

func ok() *atomic.Int32 {
	status := new(atomic.Int32)
	status.Store(http.StatusOK)
	return status
}

func TestTheTraceDecidesWhetherItIsSampled(t *testing.T) {
	for name, test := range map[string]struct {
		sample  float64
		parents []string
		want    bool
	}{
		"everything":                          {1, []string{parent}, true},
		"nothing":                             {0, []string{parent}, false},
		"a trace within the sample":           {0.017, []string{parent}, true},
		"a trace outside of it":               {0.016, []string{parent}, false},
		"one that its client samples":         {0.016, []string{strings.TrimSuffix(parent, "00") + "01"}, false},
		"a new trace, of everything":          {1, nil, true},
		"a new trace, of nothing":             {0, nil, false},
		"two parents, which are none":         {0, []string{parent, parent}, false},
		"a parent that is none, of anything":  {1, []string{"00-xyz"}, true},
		"a parent without an ID, of anything": {1, []string{"00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			span := start(t, test.sample, ok()).tracer.Start(request(t, test.parents...), time.Now())
			if got := span != nil; got != test.want {
				t.Errorf("sampled is %v, want %v", got, test.want)
			}
		})
	}
}

func TestASpanIsOfTheClientsTraceAndHasAnIDOfItsOwn(t *testing.T) {
	w := start(t, 1, ok())
	span := w.tracer.Start(request(t, parent), time.Now())
	got := span.Parent()
	if len(got) != len(parent) || !strings.HasPrefix(got, "00-"+traceID+"-") || !strings.HasSuffix(got, "-01") || got[36:52] == parent[36:52] {
		t.Errorf("the upstream's parent is %s", got)
	}
	if span.ID() != traceID {
		t.Errorf("the trace is %s", span.ID())
	}
	for _, broken := range []string{"00-xyz", "00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01"} {
		if span := w.tracer.Start(request(t, broken), time.Now()); span.ID() == traceID || len(span.ID()) != 32 || strings.Trim(span.ID(), "0") == "" {
			t.Errorf("after %s the trace is %s", broken, span.ID())
		}
	}
}

func TestWhatIsNotTakenIsCountedAndSaidOnce(t *testing.T) {
	status := ok()
	w := start(t, 1, status)
	send := func(answer int32, spans int) {
		status.Store(answer)
		for range spans {
			w.tracer.Start(request(t), time.Now()).End(trace.Result{Method: "GET", Status: 500, Reason: "reset"}, time.Now())
		}
		if err := w.tracer.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	send(http.StatusServiceUnavailable, 1)
	send(http.StatusServiceUnavailable, 2)
	if n := strings.Count(w.log.String(), "traces cannot be sent"); n != 1 {
		t.Errorf("two failures in a row are said %d times:\n%s", n, w.log.String())
	}
	send(http.StatusOK, 4)
	send(http.StatusBadRequest, 1)
	if n := strings.Count(w.log.String(), "traces cannot be sent"); n != 2 {
		t.Errorf("a failure after a success is said %d times in all:\n%s", n, w.log.String())
	}
	w.expect(t, "4", "4")
}

func TestShutdownSendsWhatWaits(t *testing.T) {
	w := start(t, 1, ok())
	w.tracer.Start(request(t), time.Now()).End(trace.Result{Method: "GET", Status: 200}, time.Now())
	if err := w.tracer.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "1", "")
}

// A tracer that is off, and a request that is not sampled, are nil.
func TestNothingIsSafe(t *testing.T) {
	tracer, err := trace.New(t.Context(), config.Tracing{}, "prod", nil, nil)
	if tracer != nil || err != nil {
		t.Fatalf("without an endpoint: %v, %v", tracer, err)
	}
	span := tracer.Start(request(t, parent), time.Now())
	span.End(trace.Result{}, time.Now())
	if span.Parent() != "" || span.ID() != "" {
		t.Error("a span that is none has an ID")
	}
	if err := tracer.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}
