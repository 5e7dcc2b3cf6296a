package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opsgen/opsgen/proxy/certificate"
	"github.com/opsgen/opsgen/proxy/datadog"
	"github.com/opsgen/opsgen/proxy/limit"
	"github.com/opsgen/opsgen/proxy/login"
	"github.com/opsgen/opsgen/proxy/metrics"
	"github.com/opsgen/opsgen/proxy/trace"
	"github.com/opsgen/opsgen/proxy/upstream"
	"github.com/opsgen/opsgen/proxy/watch"
)

// Names of the listeners, as in logs and labels.
const (
	listenerPublic   = "public"
	listenerInternal = "internal"
	listenerAdmin    = "admin"
)

// pollInterval is how often files are looked at when the system reports nothing.
const pollInterval = 30 * time.Second

// Options are what New needs.
type Options struct {
	// ConfigFile is the path of proxy.yaml.
	ConfigFile string
	// Log gets JSON lines. Nil discards.
	Log io.Writer
	// Resolver finds the addresses of upstreams; nil means the system's.
	Resolver upstream.Resolver
	// Now is the time by which tokens are judged; nil means time.Now.
	Now func() time.Time
}

// Server is one proxy process.
type Server struct {
	options     Options
	log         *slog.Logger
	level       *slog.LevelVar
	metrics     *metrics.Metrics
	access      *accessLog
	limiter     *limit.Limiter
	upstreams   *upstream.Pool
	datadog     *datadog.Handler
	login       *login.Login
	connections connections
	hijacked    hijacked
	streams     streams
	failures    limit.Failures
	tracing     tracing
	state       atomic.Pointer[state]

	// What follows belongs to the one goroutine that reads files.
	files    files
	accounts accounts
	watcher  *watch.Watcher
	reloaded atomic.Int64

	background context.Context //nolint:containedctx // it is the process's own life, which callers of Run end
	stop       context.CancelFunc
	work       sync.WaitGroup // in the background
	requests   sync.WaitGroup

	listening atomic.Bool
	draining  atomic.Bool
	leaving   atomic.Bool
	listeners map[string]net.Listener
	fronts    []*front
}

// New reads the configuration and everything that it names, and listens. The error says what is wrong with which file
// (document.Problems for those that the proxy's own formats are written in), or which address is taken.
func New(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	level := new(slog.LevelVar)
	s := &Server{
		options: o, level: level, log: slog.New(slog.NewJSONHandler(o.Log, &slog.HandlerOptions{Level: level})),
		metrics: metrics.New(), listeners: map[string]net.Listener{},
	}
	s.background, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := s.prepare(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *Server) prepare(ctx context.Context) error {
	s.access = newAccessLog(s.log, s.metrics)
	first, accepted, err := s.first()
	if err != nil {
		return err
	}
	c := first.config
	s.limiter = limit.New(c.Limits)
	s.metrics.InFlight(s.limiter.InFlight)
	s.upstreams = upstream.New(upstream.Options{
		Connect: time.Duration(c.Timeouts.Connect), Resolver: s.options.Resolver, Logger: s.log, Registerer: s.metrics.Registry,
	})
	s.datadog = datadog.New(datadog.Options{
		Sender: &sender{server: s}, JoinHostTags: joinHostTags(c), HostTagsKept: time.Duration(c.Limits.HostTagsKept), Logger: s.log, Registerer: s.metrics.Registry,
	})
	if s.login, err = login.New(login.Options{Config: c, Tenants: first.tenants.Tenants, Logger: s.log}); err != nil {
		return fmt.Errorf("setting up the login: %w", err)
	}
	if s.watcher, err = watch.New(pollInterval); err != nil {
		return err
	}
	s.tracing.counters = trace.NewCounters(s.metrics.Registry)
	if err := s.assemble(first); err != nil {
		return err
	}
	s.files = first
	for _, name := range accepted {
		s.metrics.Loaded(name, true)
	}
	s.watcher.Set(s.files.paths(s.options.ConfigFile))
	return s.listen(ctx)
}

func (s *Server) listen(ctx context.Context) error {
	var listening net.ListenConfig
	for name, address := range map[string]string{
		listenerPublic:   s.files.config.Listeners.Public.Address,
		listenerInternal: s.files.config.Listeners.Internal.Address,
		listenerAdmin:    s.files.config.Listeners.Admin.Address,
	} {
		listener, err := listening.Listen(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("listening for %s: %w", name, err)
		}
		s.listeners[name] = listener
	}
	return nil
}

// PublicAddress is where agents and people call.
func (s *Server) PublicAddress() net.Addr { return s.listeners[listenerPublic].Addr() }

// InternalAddress is where pods of the cluster call.
func (s *Server) InternalAddress() net.Addr { return s.listeners[listenerInternal].Addr() }

// AdminAddress is where probes and metrics are.
func (s *Server) AdminAddress() net.Addr { return s.listeners[listenerAdmin].Addr() }

// Reloads is how often the files were looked at after the start; for tests that wait for one.
func (s *Server) Reloads() int64 { return s.reloaded.Load() }

// close ends what runs in the background, and closes listeners that nobody serves.
func (s *Server) close() {
	s.stop()
	if s.watcher != nil {
		_ = s.watcher.Close() // the process ends
	}
	for _, listener := range s.listeners {
		_ = listener.Close() // perhaps closed by its server already
	}
	s.work.Wait()
	s.endTracing(s.tracing.current.Load())
	if s.upstreams != nil {
		s.upstreams.Close()
	}
}

// tlsServer is the server of a TLS listener.
//
// The threats are clients that are slow on purpose. Headers have a time of their own, which also bounds the handshake;
// bodies and answers have one for each read and write (body, response). There is no time for a whole request: a tail and
// a long query live as long as they move.
func (s *Server) tlsServer(name string, settings connectionSettings) *http.Server {
	current := func() *certificate.Set {
		if name == listenerInternal {
			return s.state.Load().internalCertificates
		}
		return s.state.Load().publicCertificates
	}
	return &http.Server{
		Handler:           s.handler(name == listenerInternal, settings),
		TLSConfig:         certificate.ServerConfig(current),
		ReadHeaderTimeout: settings.headers,
		WriteTimeout:      settings.answer(), // of short answers; response has the others
		IdleTimeout:       settings.idle,
		MaxHeaderBytes:    settings.headerBytes,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 250,
			// A peer that vanished without a word is found by a ping.
			SendPingTimeout: 60 * time.Second,
			PingTimeout:     15 * time.Second,
		},
		// Failed handshakes and broken frames are daily life on a public address.
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// Run serves until ctx ends, and then drains: the proxy takes connections for timeouts.drainDelay, until the load balancer
// has noticed; then it is not ready any more and takes none, and requests in work have timeouts.drain to end. The error is
// nil after a complete drain.
func (s *Server) Run(ctx context.Context) error {
	defer s.close()
	admin := &http.Server{Handler: s.admin(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	for _, name := range []string{listenerPublic, listenerInternal} {
		listener := &boundedListener{
			Listener: s.listeners[name], all: &s.connections, gauge: s.metrics.Connections(name),
			refused: func() { s.metrics.ConnectionRefused(name) },
		}
		s.fronts = append(s.fronts, newFront(listener, s.log, settingsOf(s.files.config), func(settings connectionSettings) *http.Server {
			return s.tlsServer(name, settings)
		}))
	}
	failed := make(chan error, 3)
	serve := func(what string, serve func() error) {
		s.work.Go(func() {
			if err := serve(); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serving %s: %w", what, err)
			}
		})
	}
	serve(listenerAdmin, func() error { return admin.Serve(s.listeners[listenerAdmin]) })
	for i, name := range []string{listenerPublic, listenerInternal} {
		serve(name, s.fronts[i].serve)
	}
	s.work.Go(func() { s.watcher.Run(s.background, s.reload) })
	s.listening.Store(true)
	s.log.Info("serving", slog.String("public", s.PublicAddress().String()), slog.String("internal", s.InternalAddress().String()),
		slog.String("admin", s.AdminAddress().String()))
	var err error
	select {
	case <-ctx.Done():
		s.drain()
	case err = <-failed:
		for _, f := range s.fronts {
			f.cut()
		}
		s.hijacked.end()
	}
	_ = admin.Close() // before close waits for it
	return err
}

// drain ends the servers without breaking what is in work.
func (s *Server) drain() {
	timeouts := s.state.Load().config.Timeouts
	delay := time.Duration(timeouts.DrainDelay)
	s.log.Info("ending; connections are still taken", slog.Duration("drainDelay", delay), slog.Duration("drain", time.Duration(timeouts.Drain)))
	// In the first half the load balancer still sends, and a client that comes back would only land here again. In the
	// second half answers ask clients to come back on another connection, so that few are left when the listeners close.
	time.Sleep(delay / 2)
	s.leaving.Store(true)
	time.Sleep(delay - delay/2)
	// Not before: Kubernetes takes an ending pod from its Services by itself. But while a load balancer still sends to a
	// node whose only proxy ends (externalTrafficPolicy: Local), kube-proxy leads connections to it only as long as it is
	// ready, and drops them otherwise.
	s.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.background), time.Duration(timeouts.Drain))
	defer cancel()
	var ending sync.WaitGroup
	for _, f := range s.fronts {
		ending.Go(func() {
			if err := f.shutdown(ctx); err != nil {
				s.log.Warn("requests in work are cut", slog.String("problem", err.Error()))
			}
		})
	}
	ending.Wait()
	// Tails last for ever; clients connect again, and find another proxy.
	s.hijacked.end()
	done := make(chan struct{})
	go func() {
		s.requests.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	s.log.Info("ended")
}

func (s *Server) setLevel(name string) {
	var level slog.Level
	if level.UnmarshalText([]byte(name)) == nil { // the configuration knows no other names
		s.level.Set(level)
	}
}

// Connections is how many client connections are open.
func (s *Server) Connections() int64 { return s.connections.open.Load() }
