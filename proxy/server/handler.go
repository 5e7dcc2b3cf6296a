package server

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/identity"
	"github.com/opsgen/opsgen/proxy/limit"
	"github.com/opsgen/opsgen/proxy/login"
	"github.com/opsgen/opsgen/proxy/metrics"
	"github.com/opsgen/opsgen/proxy/route"
	"github.com/opsgen/opsgen/proxy/token"
	"github.com/opsgen/opsgen/proxy/trace"
)

// requestIDHeader names a request in answers that are errors, in logs and to upstreams. One that a client sends is not
// kept: it could be made to look like another's. Answers that are none go without: HTTP/2 compresses headers by a table,
// and one that is new each time costs it 3 % of a small request.
const requestIDHeader = login.RequestIDHeader

// exchange is one request and its answer.
type exchange struct {
	server   *Server
	request  *http.Request
	state    *state
	internal bool
	// ids holds the request's ID alone, as headers have it.
	ids   [1]string
	span  *trace.Span
	start time.Time
	match *route.Match
	// tenant is one of tenants.yaml, or "" while it is not known.
	tenant string
	// removed is the ID of a tenant that is in tenants.yaml no more, for which the platform clears away; else "".
	removed string
	// caller is who called, by a name that is safe to log: of a token its ID.
	caller string
	// reason says why the request reached no upstream.
	reason string
	// ended says why a stream was ended by the proxy.
	ended error
	// expires is until when who calls may.
	expires time.Time
	// may says whether who calls still may after a reload; nil means by the credential raw.
	may func(*state) bool
	raw string
	out response
	in  body
}

// handler serves a TLS listener. A panic is left to net/http, which ends the one connection; what the exchange holds is
// given back in any case.
func (s *Server) handler(internal bool, settings connectionSettings) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 {
			growStack(r.ProtoMinor)
		}
		s.requests.Add(1)
		defer s.requests.Done()
		now := time.Now()
		state := s.state.Load()
		x := &exchange{server: s, state: state, internal: internal, ids: [1]string{newID()}, start: now}
		x.span = s.tracing.current.Load().Start(r, now)
		control := http.NewResponseController(w)
		x.out.ResponseWriter, x.out.control, x.out.set, x.out.leaving = w, control, &s.hijacked, &s.leaving
		x.out.ids, x.out.idle, x.out.http2 = x.ids[:], settings.bodyIdle, r.ProtoMajor == 2
		// HTTP/2 has a body in place of none, with the length 0.
		if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
			x.in.ReadCloser, x.in.control, x.in.idle, x.in.http2 = r.Body, control, settings.bodyIdle, x.out.http2
			x.in.begin(now)
			x.out.in = &x.in
			// A copy: net/http looks at the type of its own request's body when the answer begins. One that it does not know it
			// would read on before it answers, and so wait for what a refused client will never send.
			r = r.WithContext(r.Context())
			r.Body = &x.in
		}
		x.out.begin(now, settings.answer())
		x.request = r
		defer x.end(r)
		x.serve(r)
	})
}

// growStack makes room for what a request needs of its goroutine's stack. HTTP/2 has a goroutine for each request, which
// begins with 2 or 4 kB. A stack that grows is copied with all its frames: here there are few, in the middle of a request
// many (5 % of a small request's time).
//
//go:noinline
func growStack(i int) byte {
	var room [5 << 10]byte
	return room[i]
}

// newID is unlikely to be met twice; nothing depends on nobody guessing it.
func newID() string {
	var id [8]byte
	var text [2 * len(id)]byte
	binary.BigEndian.PutUint64(id[:], rand.Uint64()) //nolint:gosec // no secret
	hex.Encode(text[:], id[:])
	return string(text[:])
}

// end counts the request.
func (x *exchange) end(r *http.Request) {
	x.in.end()
	x.out.end()
	if x.out.status == 0 {
		x.out.status = http.StatusOK
	}
	now := time.Now()
	duration := now.Sub(x.start)
	x.server.metrics.Observe(metrics.Request{
		Tenant: x.tenant, Route: x.route(), Status: x.out.status, Bytes: x.in.bytes.Load(), Duration: duration, Reason: x.reason,
	})
	if x.span != nil {
		x.span.End(trace.Result{
			Method: method(r.Method), Route: x.route(), Tenant: x.tenant, Listener: x.listener(), RequestID: x.ids[0],
			Status: x.out.status, Reason: x.reason, BytesIn: x.in.bytes.Load(), BytesOut: x.out.bytes,
		}, now)
	}
	if x.server.access.show(x.out.status, x.state.config.Log.AccessSample, now) {
		x.server.access.write(x, r, duration)
	}
}

func (x *exchange) route() string {
	if x.match == nil {
		return ""
	}
	return x.match.Name
}

func (x *exchange) listener() string {
	if x.internal {
		return listenerInternal
	}
	return listenerPublic
}

// serve asks everybody who may refuse, in the order that package server describes.
func (x *exchange) serve(r *http.Request) {
	if !x.rightHost(r) {
		return
	}
	match, problem := x.state.table.Match(x.internal, r)
	if problem != nil {
		if problem.Allow != "" {
			x.out.Header().Set("Allow", problem.Allow)
		}
		x.refuse(problem.Component, problem.Status, problem.Reason, problem.Detail)
		return
	}
	x.match = match
	x.out.otlp = match.Component == route.OTLP
	switch match.Kind {
	case route.Keys:
		x.server.login.ServeKeys(&x.out, r)
		return
	case route.Login:
		x.serveLogin(r)
		return
	case route.Grafana:
		x.serveGrafana(r)
		return
	}
	caller, ok := x.authenticate(r)
	if !ok || !x.authorize(r, caller) {
		return
	}
	if match.Kind == route.Validate {
		x.server.datadog.ServeTenant(&x.out, r, x.tenant, x.server.limiter.Limits(x.tenant))
		return
	}
	x.admitted(r, func(r *http.Request) {
		if match.Kind == route.Datadog {
			x.server.datadog.ServeTenant(&x.out, r, x.tenant, x.server.limiter.Limits(x.tenant))
			return
		}
		x.forward(r, nil)
	})
}

// rightHost compares what the request and the handshake say.
//
// The threat is a client whose handshake names one host and whose request another: whatever decides by the server name
// (a load balancer, a web application firewall, a record of who called what) sees a different request than the proxy
// serves. On the internal listener the names differ on purpose: a sidecar asks for proxy-internal.proxy.svc in the
// handshake, and for metrics.DOMAIN in the request. There nothing is decided by a host but the component, and the tenant
// is the caller's own.
func (x *exchange) rightHost(r *http.Request) bool {
	if r.Host == "" {
		x.refuse("", http.StatusBadRequest, "host", "the request names no host")
		return false
	}
	if x.internal || r.TLS == nil || r.TLS.ServerName == "" {
		return true
	}
	host := r.Host
	if host == r.TLS.ServerName {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if !strings.EqualFold(strings.TrimSuffix(host, "."), strings.TrimSuffix(r.TLS.ServerName, ".")) {
		x.refuse("", http.StatusMisdirectedRequest, "misdirected", "this connection was opened for another host")
		return false
	}
	return true
}

// authenticate says who calls, anew at each request: a token that was revoked is refused on a connection that it opened.
func (x *exchange) authenticate(r *http.Request) (*identity.Caller, bool) {
	datadog := x.match.Kind == route.Datadog || x.match.Kind == route.Validate
	raw, err := identity.Credential(r, datadog)
	if err == nil {
		var caller *identity.Caller
		if caller, err = x.verify(r, raw); err == nil {
			x.raw = raw
			return caller, true
		}
	}
	var refused *token.Error
	switch {
	case errors.Is(err, errTooManyFailures):
		x.out.Header().Set("Retry-After", "1")
		x.refuse(x.match.Component, http.StatusServiceUnavailable, "too_many_failures", "too many bad tokens came from your address; this one was not looked at yet")
	case errors.Is(err, identity.ErrUnavailable):
		x.out.Header().Set("Retry-After", "5")
		x.refuse(x.match.Component, http.StatusServiceUnavailable, "keys_unavailable", "credentials cannot be verified yet")
	case errors.As(err, &refused):
		x.out.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		x.refuse(x.match.Component, x.unauthorized(), "token_"+string(refused.Reason), refused.Detail)
	default:
		x.out.Header().Set("WWW-Authenticate", "Bearer")
		x.refuse(x.match.Component, x.unauthorized(), "no_credential", "send a token as Authorization: Bearer TOKEN")
	}
	return nil, false
}

var errTooManyFailures = errors.New("too many bad tokens came from the address")

// verify looks at a credential, unless too many bad ones came from the same address. One that was good is always looked
// at: nobody is locked out by a neighbour behind the same address, but a new agent for as long as that goes on. Its answer
// is 503, so that it keeps its data. The address is the connection's: what a header says of it anybody can write.
func (x *exchange) verify(r *http.Request, raw string) (*identity.Caller, error) {
	authenticator := x.state.authenticator(x.internal)
	if caller := authenticator.Recall(raw); caller != nil {
		return caller, nil
	}
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	known := authenticator.Known(raw)
	if !known && x.server.failures.Wait(from.Addr()) > 0 {
		return nil, errTooManyFailures
	}
	caller, err := authenticator.Authenticate(raw)
	var refused *token.Error
	if !known && errors.As(err, &refused) && refused.Reason.Costly() {
		x.server.failures.Failed(from.Addr())
	}
	return caller, err
}

// unauthorized is the status for a caller that is not known. A Datadog agent that asks whether its key is valid knows 403
// as the only no: anything else is a failure to ask, and it goes on with a wrong key in silence.
func (x *exchange) unauthorized() int {
	if x.match.Kind == route.Validate {
		return http.StatusForbidden
	}
	return http.StatusUnauthorized
}

// authorize says whether the caller may do it, and for whom.
func (x *exchange) authorize(r *http.Request, caller *identity.Caller) bool {
	tenant := caller.Tenant
	x.caller = caller.ID
	if caller.AnyTenant {
		if ids := r.Header[config.TenantIDHeader]; len(ids) > 0 {
			return x.authorizeRemoved(r, caller, ids)
		}
		// The threat is whoever controls a program of the platform: that one asks for the deletion of what removed tenants
		// left, which must not be a right to delete what the others have.
		if x.match.Scope == config.DataDelete {
			x.refuse(x.match.Component, http.StatusForbidden, "not_removed", "data is deleted for a removed tenant, named in "+config.TenantIDHeader)
			return false
		}
		var named bool
		if tenant, named = namedTenant(r.Header); !named {
			x.refuse(x.match.Component, http.StatusBadRequest, "tenant_header", "name exactly one tenant in "+config.TenantHeader)
			return false
		}
	}
	if x.match.Removed {
		x.refuse(x.match.Component, http.StatusForbidden, "not_removed", "this is done for removed tenants only")
		return false
	}
	if _, known := x.state.tenants[tenant]; !known {
		x.refuse(x.match.Component, http.StatusForbidden, "tenant_unknown", "there is no such tenant")
		return false
	}
	x.tenant = tenant
	if caller.AnyTenant {
		x.out.Header().Set(config.TenantIDHeader, x.state.tenants[tenant].DataID())
	}
	x.expires = caller.Expires.Add(time.Duration(x.state.config.Tokens.ClockSkew))
	if caller.Kind == identity.Token {
		x.server.metrics.Tokens.Seen(tenant, caller.ID, caller.Expires, x.start)
	}
	if x.match.Kind != route.Validate && !caller.Scopes.Has(x.match.Scope) {
		x.out.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+string(x.match.Scope)+`"`)
		x.refuse(x.match.Component, http.StatusForbidden, "scope", "the token has no scope "+string(x.match.Scope))
		return false
	}
	if x.match.HostTenant != "" && x.match.HostTenant != tenant {
		x.refuse(x.match.Component, http.StatusForbidden, "tenant_host", "this host is another tenant's")
		return false
	}
	return true
}

// namedTenant is the one tenant that a caller names who may act for all. The threat is a request that names two: Cortex
// and Loki read "a|b" as both, and of two headers each program may take another one.
func namedTenant(header http.Header) (string, bool) {
	values := header[http.CanonicalHeaderKey(config.TenantHeader)]
	others := header["X-Scope-Orgid"]
	switch {
	case len(values) == 1 && len(others) == 0:
		return values[0], true
	case len(values) == 0 && len(others) == 1:
		return others[0], true
	}
	return "", false
}

// admitted runs what was asked for within the tenant's limits.
func (x *exchange) admitted(r *http.Request, run func(*http.Request)) {
	stream := x.match.Kind == route.Stream || x.match.WebSocket && r.Header.Get("Upgrade") != ""
	grant, refusal := x.server.limiter.Admit(x.tenant, stream)
	if refusal != nil {
		x.refuseLimit(refusal)
		return
	}
	defer grant.Release()
	if stream {
		var done func() error
		r, done = x.server.follow(r, x.state, x.expires, x.mayGoOn())
		defer func() { x.ended = done() }()
	}
	if x.in.ReadCloser != nil {
		bounded, refusal := x.server.limiter.Body(r.Context(), x.tenant, r.ContentLength, r.Body)
		if refusal != nil {
			x.refuseLimit(refusal)
			return
		}
		defer bounded.Close()
		r.Body = bounded
	}
	run(r)
}

func (x *exchange) refuseLimit(refusal *limit.Refusal) {
	if refusal.RetryAfter > 0 {
		x.out.Header().Set("Retry-After", fmt.Sprint(int(refusal.RetryAfter/time.Second)))
	}
	x.refuse(x.component(), refusal.Status, refusal.Reason, refusal.Error())
}

func (x *exchange) component() string {
	if x.match == nil {
		return ""
	}
	return x.match.Component
}

// refuse answers without an upstream. When an answer has begun nothing can be said any more.
func (x *exchange) refuse(component string, status int, reason, message string) {
	x.reason = reason
	if x.out.status != 0 || x.out.left {
		return
	}
	x.server.log.Debug("refused", slog.String("requestID", x.ids[0]), slog.String("reason", reason))
	if component == route.OTLP {
		status = route.RetryableStatus(status)
	}
	route.FormatError(&x.out, x.request, component, status, message, x.ids[0])
}
