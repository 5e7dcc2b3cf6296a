package sidecar

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/opsgen/opsgen/proxy/config"
)

// Options are the flags of the command.
type Options struct {
	// Metrics and Logs are addresses on loopback, for Cortex and Loki; one of them may be empty.
	Metrics, Logs string
	// Admin is the address of /-/ready, /-/healthy and /metrics.
	Admin string
	// Upstream is the URL of the proxy's internal listener: https, a host, no path.
	Upstream string
	// Domain is the domain of the cluster, below which metrics and logs are hosts.
	Domain string
	// CAFile holds the authorities (PEM) of Upstream, TokenFile the pod's token.
	CAFile, TokenFile string
	// Log gets JSON lines. Nil discards.
	Log io.Writer
}

// Sidecar is a running sidecar.
type Sidecar struct {
	options     Options
	log         *slog.Logger
	upstream    *url.URL
	token       cached[string]
	authorities cached[*x509.CertPool]
	transport   *http.Transport
	registry    *prometheus.Registry
	requests    *prometheus.CounterVec
	listeners   map[string]net.Listener
}

// Names of the listeners, as in labels.
const (
	metricsName = "metrics"
	logsName    = "logs"
	adminName   = "admin"
)

// New checks the options and listens. Token and authorities need not be there yet. The error says which option is wrong,
// or which address is taken.
func New(ctx context.Context, o Options) (*Sidecar, error) {
	upstream, err := url.Parse(o.Upstream)
	if err != nil || upstream.Scheme != "https" || upstream.Hostname() == "" || upstream.User != nil || upstream.Path != "" || upstream.RawQuery != "" {
		return nil, fmt.Errorf("--upstream is %q; write https://HOST, or the token would travel in the clear", o.Upstream)
	}
	if o.Domain == "" || o.CAFile == "" || o.TokenFile == "" || o.Metrics == "" && o.Logs == "" {
		return nil, errors.New("--domain, --ca-file, --token-file and one of --metrics and --logs are required")
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	s := &Sidecar{
		options: o, upstream: upstream, log: slog.New(slog.NewJSONHandler(o.Log, nil)), listeners: map[string]net.Listener{},
		token:       cached[string]{path: o.TokenFile, parse: parseToken, now: time.Now},
		authorities: cached[*x509.CertPool]{path: o.CAFile, parse: parseAuthorities, now: time.Now},
		registry:    prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "opsgen_sidecar_requests_total", Help: "Requests by listener and code.",
		}, []string{"listener", "code"}),
	}
	s.registry.MustRegister(s.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.transport = s.newTransport()
	if err := s.listen(ctx); err != nil {
		s.closeListeners()
		return nil, err
	}
	return s, nil
}

// listen opens the addresses.
//
// The threat is everybody else on the network: whoever reaches the address acts with the pod's token. So it must be a
// literal address of loopback, which only containers of the pod reach; a name could resolve to anything.
func (s *Sidecar) listen(ctx context.Context) error {
	var listening net.ListenConfig
	for name, address := range map[string]string{metricsName: s.options.Metrics, logsName: s.options.Logs, adminName: s.options.Admin} {
		if address == "" {
			continue
		}
		if name != adminName {
			host, _, err := net.SplitHostPort(address)
			if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
				return fmt.Errorf("--%s is %q; write an address of loopback such as 127.0.0.1:8081, or others would act with the pod's token", name, address)
			}
		}
		listener, err := listening.Listen(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("listening for %s: %w", name, err)
		}
		s.listeners[name] = listener
	}
	return nil
}

func (s *Sidecar) closeListeners() {
	for _, listener := range s.listeners {
		_ = listener.Close() // nobody uses it
	}
}

// Address is where it listens for "metrics", "logs" or "admin"; nil when it does not.
func (s *Sidecar) Address(name string) net.Addr {
	if listener := s.listeners[name]; listener != nil {
		return listener.Addr()
	}
	return nil
}

// newTransport speaks HTTP/1.1 only: tails need it, and a pod has few connections.
func (s *Sidecar) newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Transport{
		DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			authorities, err := s.authorities.get()
			if err != nil {
				return nil, fmt.Errorf("reading the authorities: %w", err)
			}
			port := s.upstream.Port()
			if port == "" {
				port = "443"
			}
			tlsDialer := tls.Dialer{NetDialer: dialer, Config: &tls.Config{
				RootCAs: authorities, ServerName: s.upstream.Hostname(), MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
			}}
			return tlsDialer.DialContext(ctx, network, net.JoinHostPort(s.upstream.Hostname(), port))
		},
		MaxIdleConnsPerHost: 100,
		// A proxy that drains keeps idle connections until it ends; so none is kept for long.
		IdleConnTimeout:    30 * time.Second,
		DisableCompression: true,
	}
}

// forwarder serves one listener. What the pod's program sends as credentials or tenant is dropped: it is in the pod, but
// its users are not.
func (s *Sidecar) forwarder(name string) http.Handler {
	host := name + "." + s.options.Domain
	reverse := &httputil.ReverseProxy{
		Transport:     s.transport,
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "https", s.upstream.Host, host
			for _, dropped := range []string{"Cookie", "X-Scope-Orgid", http.CanonicalHeaderKey(config.TenantHeader), "Dd-Api-Key"} {
				r.Out.Header.Del(dropped)
			}
			r.Out.Header.Set("Authorization", "Bearer "+bearer(r.In.Context()))
		},
		ModifyResponse: func(response *http.Response) error {
			s.requests.WithLabelValues(name, strconv.Itoa(response.StatusCode)).Inc()
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			s.log.Warn("the proxy gave no answer", slog.String("listener", name), slog.String("problem", err.Error()))
			s.fail(w, name, http.StatusBadGateway, "the proxy gave no answer")
		},
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := s.token.get()
		if err != nil {
			s.log.Warn("there is no token", slog.String("problem", err.Error()))
			s.fail(w, name, http.StatusServiceUnavailable, "the pod's token cannot be read yet")
			return
		}
		reverse.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), bearerKey{}, token)))
	})
}

type bearerKey struct{}

func bearer(ctx context.Context) string {
	token, _ := ctx.Value(bearerKey{}).(string)
	return token
}

func (s *Sidecar) fail(w http.ResponseWriter, name string, status int, message string) {
	s.requests.WithLabelValues(name, strconv.Itoa(status)).Inc()
	http.Error(w, message, status)
}

func (s *Sidecar) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "healthy\n") })
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		_, noToken := s.token.get()
		_, noAuthorities := s.authorities.get()
		if err := errors.Join(noToken, noAuthorities); err != nil {
			http.Error(w, "the token or the authorities cannot be read yet", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	return mux
}

// drain is for how long requests in work may go on when the pod ends.
const drain = 20 * time.Second

// Run serves until ctx ends and requests in work are over. The error says which listener failed.
func (s *Sidecar) Run(ctx context.Context) error {
	var work, ending sync.WaitGroup
	failed := make(chan error, len(s.listeners))
	servers := make([]*http.Server, 0, len(s.listeners))
	for name, listener := range s.listeners {
		handler := s.admin()
		if name != adminName {
			handler = s.forwarder(name)
		}
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 5 * time.Minute}
		servers = append(servers, server)
		work.Go(func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serving %s: %w", name, err)
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	for _, server := range servers {
		ending.Go(func() {
			if server.Shutdown(end) != nil {
				_ = server.Close() // what it waited for is cut
			}
		})
	}
	ending.Wait()
	work.Wait()
	s.transport.CloseIdleConnections()
	return err
}
