package datadog

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/opsgen/opsgen/proxy/config"
)

// Answer is what an upstream said to a write.
type Answer struct {
	// Status is the HTTP status.
	Status int
	// Body is the beginning of the answer's body.
	Body []byte
	// RetryAfter is the header Retry-After as it came, "" for none.
	RetryAfter string
}

// Sender writes to Cortex and Loki for a tenant. The body is only valid during the call. An error means that no answer
// came; every status, 4xx and 5xx too, is an Answer.
type Sender interface {
	// Metrics sends a remote write 1.0 request, snappy-compressed.
	Metrics(ctx context.Context, tenant string, body []byte) (*Answer, error)
	// Logs sends a Loki push request (protobuf), snappy-compressed.
	Logs(ctx context.Context, tenant string, body []byte) (*Answer, error)
}

// Options are what a Handler is made of. Fields that are left out get a default.
type Options struct {
	// Sender is required.
	Sender Sender
	// JoinHostTags joins a host's tags to its series. It is only right where this process sees every payload, so with one
	// replica: otherwise a series had the tags or not, depending on the replica, and would be two series. The tags are
	// written as the series datadog_host_tags in any case, which PromQL can join.
	JoinHostTags bool
	// HostTagsKept is for how long a host's tags are joined to its series after the host sent them. Default 2h.
	HostTagsKept time.Duration
	// Logger gets a warning for each tag with too many values (at most 20 an hour and tenant), and at level debug a line
	// for each payload that was not taken. Default: nothing is logged.
	Logger *slog.Logger
	// Registerer gets the metrics. Default: none.
	Registerer prometheus.Registerer
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Handler serves Routes.
type Handler struct {
	sender    Sender
	join      atomic.Bool
	kept      atomic.Int64
	logger    *slog.Logger
	now       func() time.Time
	meters    *meters
	tenants   *tenants
	routes    map[string]served
	inflaters inflaters
	requests  sync.Pool
}

// New makes a Handler.
func New(o Options) *Handler {
	if o.HostTagsKept <= 0 {
		o.HostTagsKept = 2 * time.Hour
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	states := &tenants{states: map[string]*tenantState{}}
	h := &Handler{
		sender: o.Sender, logger: o.Logger, now: o.Now, tenants: states, routes: map[string]served{},
		meters: newMeters(o.Registerer, states, o.Now),
	}
	h.SetHostTags(o.JoinHostTags, o.HostTagsKept)
	for _, entry := range routes() {
		h.routes[entry.Method+" "+entry.Path] = entry
	}
	return h
}

// SetHostTags changes Options.JoinHostTags and HostTagsKept at a reload.
func (h *Handler) SetHostTags(join bool, kept time.Duration) {
	h.join.Store(join)
	h.kept.Store(int64(kept))
}

// ServeTenant answers a request whose caller was let in for the tenant. The path is as the agent calls it, and the body
// is already bounded as it arrives; what it inflates to is bounded here by limits.InflatedBytes.
func (h *Handler) ServeTenant(w http.ResponseWriter, r *http.Request, tenant string, limits config.TenantLimits) {
	route, known := h.routes[r.Method+" "+r.URL.Path]
	if !known {
		formatError(w, http.StatusNotFound, "", "the path is not one that Datadog agents use here")
		return
	}
	switch route.payload {
	case nothing:
		success(w, route.Path)
		return
	case events:
		h.meters.drop(tenant, droppedEvent, 1)
		success(w, route.Path)
		return
	case dropped:
		h.meters.drop(tenant, droppedPath, 1)
		success(w, route.Path)
		return
	}
	source := &wire{reader: r.Body}
	err := h.take(r, route, source, tenant, int64(limits.InflatedBytes))
	if err == nil {
		success(w, route.Path)
		return
	}
	status, retryAfter, message := failure(err, source)
	// The access log shows all failures at a bounded rate, and the agent logs the reason.
	h.logger.LogAttrs(r.Context(), slog.LevelDebug, "a payload of a Datadog agent was not taken",
		slog.String("tenant", tenant), slog.String("path", route.Path), slog.Int("status", status), slog.String("reason", message))
	formatError(w, status, retryAfter, message)
}

// request is what one payload needs; the buffers are used again.
type request struct {
	*batch
	handler *Handler
	tenant  string
	state   *tenantState
	now     time.Time
	reader  *bufio.Reader
	element []byte
	kinds   map[string]int // samples of the current batch by type
	refused error
}

// take reads a payload and writes it.
func (h *Handler) take(r *http.Request, route served, source *wire, tenant string, bound int64) error {
	inflated, done, err := h.inflaters.open(r, source, bound)
	defer done()
	if err != nil {
		return err
	}
	q, ok := h.requests.Get().(*request)
	if !ok {
		q = &request{batch: &batch{}, reader: bufio.NewReaderSize(nil, 32<<10), kinds: map[string]int{}}
	}
	defer q.release()
	q.handler, q.tenant, q.state, q.now = h, tenant, h.tenants.state(tenant), h.now()
	q.reader.Reset(inflated)
	q.ctx, q.send = r.Context(), q.metrics
	switch route.payload {
	case seriesJSON, seriesEither, checkRuns, sketches, intake:
		err = q.readMetrics(route.payload, r.Header.Get("Content-Type"))
	case columnar:
		err = q.readColumns(bound)
	case logs:
		q.send = q.logs
		err = q.readLogs(r)
	}
	if err == nil {
		err = q.flush()
	}
	if err == nil {
		err = q.refused
	}
	return err
}

// release gives the buffers back, without what they hold, and not if they grew large.
func (q *request) release() {
	h := q.handler
	if cap(q.body)+cap(q.packed)+cap(q.item)+cap(q.element)+cap(q.labels.arena)+cap(q.extra.arena) > keptBytes {
		return
	}
	q.reader.Reset(nil)
	q.ctx, q.send, q.handler, q.state, q.refused = nil, nil, nil, nil, nil
	q.body, q.items, q.total = q.body[:0], 0, 0
	clear(q.kinds)
	h.requests.Put(q)
}

// metrics sends a batch to Cortex.
func (q *request) metrics(ctx context.Context, body []byte) error {
	answer, err := q.handler.sender.Metrics(ctx, q.tenant, body)
	return q.sent(judge("Cortex", answer, err))
}

// logs sends a batch to Loki.
func (q *request) logs(ctx context.Context, body []byte) error {
	answer, err := q.handler.sender.Logs(ctx, q.tenant, body)
	return q.sent(judge("Loki", answer, err))
}

// sent counts a batch. Data that is refused for good does not keep the rest of the payload from being written: the
// agent learns of it at the end, and drops the payload. Any other error ends the payload at once, as all of it comes
// again; Cortex and Loki take the same sample or line twice without harm.
func (q *request) sent(err error) error {
	var refused *refusedError
	switch {
	case errors.As(err, &refused):
		q.handler.meters.drop(q.tenant, droppedRefused, q.items)
		if q.refused == nil {
			q.refused = err
		}
	case err != nil:
		return err
	default:
		for kind, n := range q.kinds {
			q.handler.meters.written.WithLabelValues(q.tenant, kind).Add(float64(n))
		}
	}
	clear(q.kinds)
	return nil
}

func (h *Handler) hostTagsKept() time.Duration { return time.Duration(h.kept.Load()) }
