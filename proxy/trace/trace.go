package trace

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"

	"github.com/opsgen/opsgen/proxy/config"
)

// Bounds of what waits to be sent. A span that finds no room is lost.
const (
	queued       = 2048
	batch        = 256
	batchEvery   = 5 * time.Second
	exportAtMost = 5 * time.Second
)

// MetricSpans counts spans by result: "sent", or "failed" for those that the receiver did not take.
const MetricSpans = "opsgen_proxy_spans_total"

// Counters are the metrics of all tracers of a process.
type Counters struct{ spans *prometheus.CounterVec }

// NewCounters registers the metrics.
func NewCounters(registerer prometheus.Registerer) *Counters {
	c := &Counters{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: MetricSpans, Help: "Spans of the proxy's own work, by result.",
	}, []string{"result"})}
	registerer.MustRegister(c.spans)
	return c
}

// Tracer makes spans. A nil one makes none.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   api.Tracer
	below    uint64 // trace IDs whose last 63 bits are below it are sampled
}

// New makes a tracer for a receiver. It returns nil for none, and an error for an endpoint that is no URL.
func New(ctx context.Context, c config.Tracing, cluster string, counters *Counters, log *slog.Logger) (*Tracer, error) {
	if c.Endpoint == "" {
		return nil, nil //nolint:nilnil // a nil Tracer is a tracer that is off
	}
	exporter, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(strings.TrimSuffix(c.Endpoint, "/")+"/v1/traces"),
		otlptracehttp.WithTimeout(exportAtMost),
		// What was not taken is lost: the queue is small, and the next spans are worth as much.
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}),
	)
	if err != nil {
		return nil, fmt.Errorf("sending traces to %s: %w", c.Endpoint, err)
	}
	provider := sdk.NewTracerProvider(
		sdk.WithSampler(sdk.AlwaysSample()), // Start has decided
		sdk.WithBatcher(&counted{SpanExporter: exporter, counters: counters, log: log},
			sdk.WithMaxQueueSize(queued), sdk.WithMaxExportBatchSize(batch), sdk.WithBatchTimeout(batchEvery), sdk.WithExportTimeout(exportAtMost)),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "opsgen-proxy"), attribute.String("opsgen.cluster", cluster),
		)),
	)
	return &Tracer{
		provider: provider, tracer: provider.Tracer("github.com/opsgen/opsgen/proxy"), below: uint64(c.Sample * math.MaxInt64),
	}, nil
}

// Shutdown sends what waits, until ctx ends.
func (t *Tracer) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Span is a request that is sampled. A nil one is a request that is not.
type Span struct{ span api.Span }

// Start begins the span of a request, or returns nil when it is not sampled. A client's trace ID is kept, and decides: all
// proxies sample the same traces. Its sampled flag is not heard.
//
// The threat is a client that has every request of its own traced: the flag would be the switch. Whoever makes up trace
// IDs can still do it, and fills a queue that drops what it cannot hold.
func (t *Tracer) Start(r *http.Request, at time.Time) *Span {
	if t == nil {
		return nil
	}
	ctx, draw := context.Background(), rand.Uint64()>>1 //nolint:gosec // a sample needs no secret numbers
	if parent, given := parentOf(r.Header); given {
		ctx, draw = api.ContextWithRemoteSpanContext(ctx, parent), drawOf(parent.TraceID())
	}
	if draw >= t.below {
		return nil
	}
	_, span := t.tracer.Start(ctx, "request", api.WithSpanKind(api.SpanKindServer), api.WithTimestamp(at))
	return &Span{span}
}

// drawOf is the random part of a trace ID (W3C Trace Context, level 2), 63 bits of it.
func drawOf(id api.TraceID) uint64 {
	var draw uint64
	for _, b := range id[8:] {
		draw = draw<<8 | uint64(b)
	}
	return draw >> 1
}

// parentOf is the client's span, if the header is one.
func parentOf(header http.Header) (api.SpanContext, bool) {
	values := header["Traceparent"]
	if len(values) != 1 || len(values[0]) < 55 || values[0][2] != '-' || values[0][35] != '-' {
		return api.SpanContext{}, false
	}
	trace, err := api.TraceIDFromHex(values[0][3:35])
	if err != nil {
		return api.SpanContext{}, false
	}
	span, err := api.SpanIDFromHex(values[0][36:52])
	if err != nil {
		return api.SpanContext{}, false
	}
	return api.NewSpanContext(api.SpanContextConfig{TraceID: trace, SpanID: span, TraceFlags: api.FlagsSampled, Remote: true}), true
}

// Parent is the value of the header traceparent for the upstream: the span, sampled. It is "" for a nil span: then the
// client's own is passed on.
func (s *Span) Parent() string {
	if s == nil {
		return ""
	}
	c := s.span.SpanContext()
	trace, span := c.TraceID(), c.SpanID()
	return "00-" + hex.EncodeToString(trace[:]) + "-" + hex.EncodeToString(span[:]) + "-01"
}

// ID is the trace's ID in hex, "" for a nil span.
func (s *Span) ID() string {
	if s == nil {
		return ""
	}
	return s.span.SpanContext().TraceID().String()
}

// Result is what is told of a request that is over; all of it is bounded text of the proxy's own.
type Result struct {
	// Method, Route, Tenant, Listener and RequestID are as in the access log.
	Method, Route, Tenant, Listener, RequestID string
	// Status is the answer's.
	Status int
	// Reason says why it reached no upstream.
	Reason string
	// BytesIn and BytesOut are of the bodies.
	BytesIn, BytesOut int64
}

// End ends the span.
func (s *Span) End(r Result, at time.Time) {
	if s == nil {
		return
	}
	s.span.SetName(strings.TrimSpace(r.Method + " " + r.Route))
	// The names are OpenTelemetry's semantic conventions for HTTP, where there is one.
	s.span.SetAttributes(
		attribute.String("http.request.method", r.Method), attribute.String("http.route", r.Route),
		attribute.Int("http.response.status_code", r.Status), attribute.Int64("http.request.body.size", r.BytesIn),
		attribute.Int64("http.response.body.size", r.BytesOut), attribute.String("opsgen.tenant", r.Tenant),
		attribute.String("opsgen.listener", r.Listener), attribute.String("opsgen.request_id", r.RequestID),
	)
	if r.Reason != "" {
		s.span.SetAttributes(attribute.String("error.type", r.Reason))
	}
	if r.Status >= http.StatusInternalServerError {
		s.span.SetStatus(codes.Error, r.Reason)
	}
	s.span.End(api.WithTimestamp(at))
}

// counted counts what is sent. Errors end here: the SDK would hand them to a global handler.
type counted struct {
	sdk.SpanExporter
	counters *Counters
	log      *slog.Logger
	failing  atomic.Bool
}

// ExportSpans implements sdktrace.SpanExporter. It logs the first failure of several.
func (c *counted) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	result := "sent"
	err := c.SpanExporter.ExportSpans(ctx, spans)
	if err != nil {
		result = "failed"
		if !c.failing.Swap(true) {
			c.log.Warn("traces cannot be sent; what waits is lost", slog.String("problem", err.Error()))
		}
	} else {
		c.failing.Store(false)
	}
	c.counters.spans.WithLabelValues(result).Add(float64(len(spans)))
	return nil
}
