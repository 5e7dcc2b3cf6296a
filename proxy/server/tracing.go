package server

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/trace"
)

// tracing is where spans go.
type tracing struct {
	counters *trace.Counters
	settings config.Tracing
	current  atomic.Pointer[trace.Tracer] // nil while it is off
}

// useTracing follows a change of the receiver. Spans of requests in work that began before it are lost.
func (s *Server) useTracing(c config.Config) error {
	if s.tracing.settings == c.Tracing {
		return nil
	}
	made, err := trace.New(s.background, c.Tracing, c.Cluster, s.tracing.counters, s.log)
	if err != nil {
		return err
	}
	s.tracing.settings = c.Tracing
	before := s.tracing.current.Swap(made)
	s.work.Go(func() { s.endTracing(before) })
	return nil
}

// endTracing sends what waits, for a moment.
func (s *Server) endTracing(t *trace.Tracer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.background), 5*time.Second)
	defer cancel()
	if err := t.Shutdown(ctx); err != nil {
		s.log.Warn("not all traces were sent", slog.String("problem", err.Error()))
	}
}
