package server

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/opsgen/opsgen/proxy/metrics"
)

// failuresPerSecond is how many failed requests are shown; an attack must not fill the disk.
const failuresPerSecond = 50

// accessLog writes a line for a part of the requests that succeed, and for failed ones up to a rate. It never shows what
// a client wrote: no path, no query, no header. The route's name says what was asked.
type accessLog struct {
	logger  *slog.Logger
	rate    *rate.Limiter
	dropped atomic.Int64
	metrics *metrics.Metrics
}

func newAccessLog(logger *slog.Logger, m *metrics.Metrics) *accessLog {
	return &accessLog{logger: logger, rate: rate.NewLimiter(failuresPerSecond, failuresPerSecond), metrics: m}
}

// show says whether a request gets a line. Failed are 4xx and 5xx; sample is log.accessSample.
func (l *accessLog) show(status int, sample float64, now time.Time) bool {
	if status < http.StatusBadRequest {
		return sample > 0 && rand.Float64() < sample //nolint:gosec // a sample needs no secret numbers
	}
	if l.rate.AllowN(now, 1) {
		return true
	}
	l.dropped.Add(1)
	l.metrics.LineDropped()
	return false
}

// write writes the line of a request that is over.
func (l *accessLog) write(x *exchange, r *http.Request, duration time.Duration) {
	fields := make([]slog.Attr, 0, 15)
	fields = append(fields,
		slog.String("requestID", x.ids[0]),
		slog.String("listener", x.listener()),
		slog.String("tenant", x.tenant),
		slog.String("route", x.route()),
		slog.String("method", method(r.Method)),
		slog.Int("status", x.out.status),
		slog.Int64("bytesIn", x.in.bytes.Load()),
		slog.Int64("bytesOut", x.out.bytes),
		slog.Float64("seconds", duration.Seconds()),
		slog.String("client", r.RemoteAddr),
	)
	if x.caller != "" {
		fields = append(fields, slog.String("caller", x.caller))
	}
	if x.reason != "" {
		fields = append(fields, slog.String("reason", x.reason))
	}
	if x.span != nil {
		fields = append(fields, slog.String("traceID", x.span.ID()))
	}
	if x.ended != nil {
		fields = append(fields, slog.String("ended", x.ended.Error()))
	}
	if dropped := l.dropped.Swap(0); dropped > 0 {
		fields = append(fields, slog.Int64("linesDropped", dropped))
	}
	l.logger.LogAttrs(context.Background(), slog.LevelInfo, "request", fields...)
}

// method keeps out of the log what a client made up.
func method(name string) string {
	switch name {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return name
	}
	return "other"
}
