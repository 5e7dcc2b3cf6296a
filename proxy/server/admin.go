package server

import (
	"net/http"
	"net/http/pprof"
)

// admin serves probes and metrics, in plain HTTP: it holds no secret, and network policies let only monitoring in.
func (s *Server) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "healthy") })
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		switch {
		case s.draining.Load():
			answer(w, http.StatusServiceUnavailable, "ending")
		case s.state.Load() == nil || !s.listening.Load():
			answer(w, http.StatusServiceUnavailable, "starting")
		default:
			answer(w, http.StatusOK, "ready")
		}
	})
	mux.Handle("GET /metrics", s.metrics.Handler())
	// A profile shows what is in memory, tokens too; so it is off unless somebody asked for it.
	profile := func(handler http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if state := s.state.Load(); state == nil || !state.config.Listeners.Admin.Profiling {
				http.NotFound(w, r)
				return
			}
			handler(w, r)
		}
	}
	mux.HandleFunc("GET /debug/pprof/", profile(pprof.Index))
	mux.HandleFunc("GET /debug/pprof/cmdline", profile(pprof.Cmdline))
	mux.HandleFunc("GET /debug/pprof/profile", profile(pprof.Profile))
	mux.HandleFunc("GET /debug/pprof/symbol", profile(pprof.Symbol))
	mux.HandleFunc("GET /debug/pprof/trace", profile(pprof.Trace))
	return mux
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // a probe that went away needs no answer
}
