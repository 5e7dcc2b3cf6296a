package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/opsgen/opsgen/proxy/route"
)

// Resolver finds the addresses of a host; *net.Resolver is one.
type Resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
}

// Options are what a Pool is made with. The zero value is usable.
type Options struct {
	// Connect is how long a connection may take; 0 means 3 seconds. SetConnect changes it.
	Connect time.Duration
	// Resolver finds addresses; nil means the system's.
	Resolver Resolver
	// Logger gets what an operator should know; nil means none.
	Logger *slog.Logger
	// Registerer gets the metrics; nil means none.
	Registerer prometheus.Registerer
	// OwnCookies are the names of the proxy's own cookies, which no upstream may see or set.
	OwnCookies []string
	// TLS is for https upstreams, without ServerName; nil means the system's authorities.
	TLS *tls.Config
}

// Target is where one request goes, and how.
type Target struct {
	// Base is the upstream's URL of scheme and host, as in the configuration.
	Base string
	// Path is the path in its escaped form, as route.Match has it. It begins with one "/".
	Path string
	// Tenant becomes X-Scope-OrgID; empty for Grafana, which gets none.
	Tenant string
	// Kind decides about WebSockets: for route.Stream nothing else is answered.
	Kind route.Kind
	// WebSocket allows the request to become a WebSocket, for other kinds than route.Stream.
	WebSocket bool
	// Timeout is how long neither side may move: no byte of the request's body, of the answer's beginning or of its body.
	// 0 means none.
	Timeout time.Duration
	// StreamIdle is how long a WebSocket may be silent in both directions. 0 means none.
	StreamIdle time.Duration
	// RequestID becomes X-Request-Id; nil for none. It is shared with the answer's headers and not changed.
	RequestID []string
	// Traceparent is the span that the upstream's own follow; empty passes the client's on.
	Traceparent string
	// Header may change the headers that the upstream gets, after all others were set; nil changes nothing.
	Header func(http.Header)
	// Idempotent says that the request may be sent again, to another address, if no byte of an answer came.
	Idempotent bool
	// KeepCookies passes cookies on, but for the proxy's own, in both directions. Without it there are none.
	KeepCookies bool
}

// Error is a request that got no answer, or not all of one.
type Error struct {
	// Status is what to answer: 502, 503 or 504 for failures of the upstream, 500 for a Target that cannot be, 400, 408 or
	// 499 when it was the client. It means nothing when Started is true.
	Status int
	// Reason is a bounded label: "connect", "no_address", "timeout", "reset", "client_body", "client_gone",
	// "not_websocket", "upgrade", "target".
	Reason string
	// Started says that the answer had begun. It was cut so that the client notices; nothing can be written any more.
	Started bool
	// Err is the cause. What the body's reader returned can be found in it with errors.As.
	Err error
}

// Error says what happened. It may hold the upstream's address, which clients have no use for.
func (e *Error) Error() string {
	if e.Err == nil {
		return "forwarding: " + e.Reason
	}
	return fmt.Sprintf("forwarding: %s: %v", e.Reason, e.Err)
}

// Unwrap is Err.
func (e *Error) Unwrap() error { return e.Err }

const (
	idlePerAddress = 512
	bufferSize     = 32 << 10
	// h2c is the scheme of an upstream that speaks HTTP/2 without TLS, and nothing else.
	h2c = "h2c"
	// handshake is how long TLS to an upstream may take.
	handshake = 10 * time.Second
)

// Pool holds the connections to all upstreams of a process.
type Pool struct {
	options   Options
	plain     *http.Transport
	resolver  Resolver
	logger    *slog.Logger
	metrics   *metrics
	context   context.Context // ends with Close
	end       context.CancelFunc
	ownCookie map[string]bool
	connect   atomic.Int64 // ns
	spread    atomic.Int64 // when connections to lone addresses were closed last, in ns since 1970

	mu      sync.RWMutex
	origins map[string]*origin
}

// New makes a Pool. Close it when no request is in work any more.
func New(o Options) *Pool {
	if o.Connect <= 0 {
		o.Connect = 3 * time.Second
	}
	p := &Pool{
		options: o, resolver: o.Resolver, logger: o.Logger,
		metrics: newMetrics(o.Registerer), ownCookie: map[string]bool{}, origins: map[string]*origin{},
	}
	if p.resolver == nil {
		p.resolver = net.DefaultResolver
	}
	if p.logger == nil {
		p.logger = slog.New(slog.DiscardHandler)
	}
	for _, name := range o.OwnCookies {
		p.ownCookie[name] = true
	}
	p.SetConnect(o.Connect)
	p.context, p.end = context.WithCancel(context.Background())
	p.plain = p.transport("")
	p.spread.Store(time.Now().UnixNano())
	return p
}

// SetConnect changes for how long a connection may take, from the next one on.
func (p *Pool) SetConnect(timeout time.Duration) { p.connect.Store(int64(timeout)) }

// transport makes a transport for plain HTTP, or for the https upstream of a name.
func (p *Pool) transport(serverName string) *http.Transport {
	t := &http.Transport{
		DialContext:            p.dial,
		DisableCompression:     true, // bodies pass as they are
		MaxIdleConnsPerHost:    idlePerAddress,
		IdleConnTimeout:        idleKept,
		ExpectContinueTimeout:  time.Second,
		TLSHandshakeTimeout:    handshake,
		MaxResponseHeaderBytes: answerHeader,
	}
	if serverName != "" {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		if p.options.TLS != nil {
			t.TLSClientConfig = p.options.TLS.Clone()
		}
		t.TLSClientConfig.ServerName = serverName
		t.ForceAttemptHTTP2 = true
	}
	return t
}

// dialError is a connection that was never made: nothing of the request was sent.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

func (p *Pool) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := p.open(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &connection{conn}, nil
}

func (p *Pool) open(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: time.Duration(p.connect.Load()), KeepAlive: 30 * time.Second}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, &dialError{err}
	}
	return conn, nil
}

// origin is the state of one base URL.
func (p *Pool) origin(base string) (*origin, error) {
	p.mu.RLock()
	found := p.origins[base]
	p.mu.RUnlock()
	if found != nil {
		return found, nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != h2c {
		return nil, fmt.Errorf("the upstream %q is no URL of scheme and host", base)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if found = p.origins[base]; found != nil {
		return found, nil
	}
	made := &origin{pool: p, scheme: u.Scheme, host: u.Host, name: u.Hostname(), port: u.Port(), transport: p.plain}
	if made.port == "" {
		made.port = map[string]string{"http": "80", h2c: "80", "https": "443"}[u.Scheme]
	}
	switch u.Scheme {
	case "https":
		made.transport = p.transport(made.name)
	case h2c:
		made.scheme, made.transport = "http", p.transport("")
		made.transport.Protocols = new(http.Protocols)
		made.transport.Protocols.SetUnencryptedHTTP2(true)
	}
	p.origins[base] = made
	return made, nil
}

// Close ends look-ups and WebSockets, and closes the connections that no request uses.
func (p *Pool) Close() {
	p.end()
	p.plain.CloseIdleConnections()
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, o := range p.origins {
		if o.transport != p.plain {
			o.transport.CloseIdleConnections()
		}
		if state := o.state.Load(); state != nil {
			for _, a := range state.list {
				a.links.drop(true)
			}
		}
	}
}
