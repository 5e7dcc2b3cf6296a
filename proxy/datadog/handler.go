package datadog

import (
	"context"
	"log/slog"
	"net/http"
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
	// HostTagsKept is for how long a host's tags are joined to its series after the host sent them. Default 2h.
	HostTagsKept time.Duration
	// Logger gets one line for each payload that is refused or partly lost. Default: nothing is logged.
	Logger *slog.Logger
	// Registerer gets the metrics. Default: none.
	Registerer prometheus.Registerer
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Handler serves Routes.
type Handler struct {
	options Options
	routes  map[string]served
}

// New makes a Handler.
func New(o Options) *Handler {
	h := &Handler{options: o, routes: map[string]served{}}
	for _, entry := range routes() {
		h.routes[entry.Method+" "+entry.Path] = entry
	}
	return h
}

// ServeTenant answers a request whose caller was let in for the tenant. The path is as the agent calls it, and the body
// is already bounded as it arrives; what it inflates to is bounded here by limits.InflatedBytes.
func (h *Handler) ServeTenant(w http.ResponseWriter, r *http.Request, tenant string, limits config.TenantLimits) {
	http.Error(w, "not served yet", http.StatusServiceUnavailable)
}

// SetHostTagsKept changes Options.HostTagsKept at a reload.
func (h *Handler) SetHostTagsKept(kept time.Duration) {}
