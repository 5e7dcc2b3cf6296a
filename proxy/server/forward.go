package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/datadog"
	"github.com/opsgen/opsgen/proxy/limit"
	"github.com/opsgen/opsgen/proxy/login"
	"github.com/opsgen/opsgen/proxy/route"
	"github.com/opsgen/opsgen/proxy/upstream"
)

// forward sends the request to the upstream of its route.
func (x *exchange) forward(r *http.Request, header func(http.Header)) {
	timeouts := x.state.config.Timeouts
	timeout := time.Duration(timeouts.Query)
	if x.match.Kind == route.Write {
		timeout = time.Duration(timeouts.Write)
	}
	person := x.match.Kind == route.Grafana
	tenant := x.state.tenants[x.tenant].DataID()
	if x.removed != "" {
		tenant = x.removed
	}
	if person {
		tenant = "" // Grafana knows nothing of X-Scope-OrgID
	}
	err := x.server.upstreams.Forward(&x.out, r, upstream.Target{
		Base: x.match.Upstream, Path: x.match.Path, Tenant: tenant, Kind: x.match.Kind, WebSocket: x.match.WebSocket,
		KeepCookies: person, Timeout: timeout, StreamIdle: time.Duration(timeouts.StreamIdle), Idempotent: x.match.Idempotent,
		RequestID: x.ids[:], Traceparent: x.span.Parent(), Header: header,
	})
	if err != nil {
		x.failed(err)
	}
}

// failed answers for an upstream that gave no answer. A limit that was passed while the body was read, and a client that
// stopped sending, are the client's own; everything else is ours, and a 5xx, so that agents keep their data.
func (x *exchange) failed(err error) {
	var refusal *limit.Refusal
	var failure *upstream.Error
	switch {
	case errors.As(err, &refusal):
		x.refuseLimit(refusal)
	case errors.As(err, &failure) && failure.Started:
		x.reason = failure.Reason
	case x.in.timedOut.Load():
		x.out.Header().Set("Connection", "close")
		x.refuse(x.component(), http.StatusRequestTimeout, "body_idle", "the body came too slowly")
	case errors.As(err, &failure):
		if failure.Status < http.StatusInternalServerError {
			x.out.Header().Set("Connection", "close") // what is left of the body would be taken for the next request
			x.refuse(x.component(), failure.Status, failure.Reason, "the request's body could not be read")
			return
		}
		x.server.log.Debug("upstream failed", slog.String("requestID", x.ids[0]), slog.String("problem", err.Error()))
		x.refuse(x.component(), failure.Status, failure.Reason, "the upstream gave no answer")
	default:
		x.refuse(x.component(), http.StatusBadGateway, "upstream", "the upstream gave no answer")
	}
}

// serveLogin serves the host auth, and the paths of a tenant's host that belong to the login.
func (x *exchange) serveLogin(r *http.Request) {
	x.out.Header()[requestIDHeader] = x.ids[:]
	if x.match.HostTenant == "" {
		x.server.login.ServeAuth(&x.out, r)
		return
	}
	tenant, known := x.state.tenants[x.match.HostTenant]
	if !known || !x.server.login.ServeTenant(&x.out, r, tenant) {
		x.refuse(x.component(), http.StatusNotFound, "not_found", "no such path here")
		return
	}
	x.tenant = tenant.Name
}

// serveGrafana lets a person who has logged in through to the Grafana of the host's tenant.
func (x *exchange) serveGrafana(r *http.Request) {
	tenant, known := x.state.tenants[x.match.HostTenant]
	if !known {
		x.refuse(x.component(), http.StatusNotFound, "host", "nothing is served under this host name")
		return
	}
	person, err := x.server.login.Person(r, tenant)
	if err != nil {
		x.reason = loginReason(err)
		x.out.Header()[requestIDHeader] = x.ids[:]
		x.server.login.Refuse(&x.out, r, tenant, err)
		return
	}
	x.tenant, x.expires = tenant.Name, person.Expires
	x.may = func(now *state) bool {
		tenant, known := now.tenants[tenant.Name]
		if !known || tenant.Grafana == nil {
			return false
		}
		again, err := x.server.login.Person(r, tenant)
		// With another role the connection is not worth what it was: Grafana reads the role when it is opened.
		return err == nil && again.Role == person.Role || errors.Is(err, login.ErrUnavailable)
	}
	identity := http.Header{}
	if err := x.server.login.Identify(identity, person, tenant.Name); err != nil {
		x.refuse(x.component(), http.StatusServiceUnavailable, "signing_key", "nobody can be let in: there is no signing key")
		return
	}
	x.admitted(r, func(r *http.Request) {
		x.forward(r, func(h http.Header) {
			x.server.login.StripCookie(h)
			h.Del(config.GrafanaTokenHeader)
			for name, values := range identity {
				h[name] = values
			}
		})
	})
}

// loginReason is the bounded reason of why a person is not let in.
func loginReason(err error) string {
	for reason, known := range map[string]error{
		"no_session": login.ErrNoSession, "no_role": login.ErrForbidden, "cross_site": login.ErrCrossSite,
		"no_login": login.ErrNotConfigured, "login_keys": login.ErrUnavailable,
	} {
		if errors.Is(err, known) {
			return reason
		}
	}
	return "login"
}

// sender writes for the Datadog intake, by the same way as any other request.
type sender struct{ server *Server }

// Paths of the upstreams' own intake.
const (
	metricsPush = "/api/v1/push"
	logsPush    = "/loki/api/v1/push"
)

// Metrics implements datadog.Sender.
func (s *sender) Metrics(ctx context.Context, tenant string, body []byte) (*datadog.Answer, error) {
	metrics := s.server.state.Load().config.Upstreams.Metrics
	if metrics == nil {
		return &datadog.Answer{Status: http.StatusNotFound, Body: []byte("this cluster has no metrics")}, nil
	}
	return s.send(ctx, metrics.Distributor, metricsPush, tenant, body)
}

// Logs implements datadog.Sender.
func (s *sender) Logs(ctx context.Context, tenant string, body []byte) (*datadog.Answer, error) {
	logs := s.server.state.Load().config.Upstreams.Logs
	if logs == nil {
		return &datadog.Answer{Status: http.StatusNotFound, Body: []byte("this cluster has no logs")}, nil
	}
	return s.send(ctx, logs.Distributor, logsPush, tenant, body)
}

func (s *sender) send(ctx context.Context, base, path, tenant string, data []byte) (*datadog.Answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("writing what a Datadog agent sent: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	r.Header.Set("Content-Encoding", "snappy")
	if path == metricsPush {
		r.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	}
	state := s.server.state.Load()
	known, ok := state.tenants[tenant]
	if !ok { // removed since it was let in; its name may not be its ID
		return &datadog.Answer{Status: http.StatusForbidden, Body: []byte("there is no such tenant")}, nil
	}
	w := &answerWriter{header: http.Header{}}
	err = s.server.upstreams.Forward(w, r, upstream.Target{
		Base: base, Path: path, Tenant: known.DataID(), Kind: route.Write,
		Timeout: time.Duration(state.config.Timeouts.Write),
	})
	if err != nil {
		return nil, fmt.Errorf("writing what a Datadog agent sent: %w", err)
	}
	return &datadog.Answer{Status: w.status, Body: w.body, RetryAfter: w.header.Get("Retry-After")}, nil
}

// maxAnswer bounds what is kept of an upstream's answer to a write: an error message.
const maxAnswer = 4 << 10

// answerWriter keeps the beginning of an answer.
type answerWriter struct {
	header http.Header
	status int
	body   []byte
}

// Header implements http.ResponseWriter.
func (w *answerWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

// Write implements http.ResponseWriter.
func (w *answerWriter) Write(data []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, data[:min(len(data), maxAnswer-len(w.body))]...)
	return len(data), nil
}
