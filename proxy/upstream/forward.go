package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/opsgen/opsgen/proxy/route"
)

// statusClientGone is what is counted when the client left; nobody reads it.
const statusClientGone = 499

// Forward sends a request on and streams the answer back. nil means that all of the answer was handed to w. Otherwise the
// error is an *Error: with Started false nothing was written to w, and the caller answers; with Started true the answer
// was cut in a way that the client sees. The caller's w must give way to its own by Unwrap, as http.ResponseController
// needs it. Reads of r.Body may go on for a moment after Forward returns; what wraps it is not used again. The caller closes
// r.Body before its handler ends: left to net/http, the next request of the connection ends in a panic (golang/go#68560).
func (p *Pool) Forward(w http.ResponseWriter, r *http.Request, t Target) error {
	x := exchange{pool: p, request: r, target: &t}
	if err := x.check(); err != nil {
		return err
	}
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		x.body = newRequestBody(r, &x.dog)
	}
	ctx, end := r.Context(), x.direct.end
	if x.directly = x.goesDirectly(); x.directly {
		defer context.AfterFunc(ctx, end)()
	} else {
		ctx, end = context.WithCancel(ctx)
		defer end()
	}
	x.dog.start(t.Timeout, func() { x.idle.Store(true); end() })
	defer x.dog.stop()
	x.header = p.requestHeader(r, &t, x.upgrade)
	response, asked, err := x.attempts(ctx)
	if err != nil {
		return err
	}
	defer asked.inFlight.Add(-1)
	defer response.Body.Close() //nolint:errcheck // read to its end, or given up
	if response.StatusCode == http.StatusSwitchingProtocols {
		return x.stream(w, response)
	}
	early := x.body != nil && x.body.unread()
	if early {
		// An early answer, such as 429. The server would first read what the client still sends, and wait for a slow one.
		_ = http.NewResponseController(w).EnableFullDuplex() // where there is none, it only comes later
	}
	p.copyResponseHeader(w.Header(), response.Header, &t)
	w.WriteHeader(response.StatusCode)
	err = x.copyBody(w, response)
	if early && err == nil {
		_ = http.NewResponseController(w).Flush() // closing the client's body waits for a read that goes on
	}
	return err
}

// exchange is one request on its way.
type exchange struct {
	pool    *Pool
	request *http.Request
	target  *Target
	origin  *origin
	header  http.Header
	body    *requestBody
	upgrade bool
	dog     watchdog
	idle    atomic.Bool // the watchdog has ended it
	// directly says that direct is used, and not http.Transport.
	directly bool
	direct   direct
}

func (x *exchange) check() error {
	t := x.target
	// Threat: "//host/path" is a URL with another host to some readers.
	if !strings.HasPrefix(t.Path, "/") || strings.HasPrefix(t.Path, "//") {
		return &Error{Status: http.StatusInternalServerError, Reason: "target", Err: errors.New("the path must begin with one slash")}
	}
	var err error
	if x.origin, err = x.pool.origin(t.Base); err != nil {
		return &Error{Status: http.StatusInternalServerError, Reason: "target", Err: err}
	}
	if t.Kind != route.Stream && !t.WebSocket {
		return nil // an Upgrade header is dropped with the others of the connection
	}
	x.upgrade = asksForWebSocket(x.request)
	if !x.upgrade && t.Kind == route.Stream {
		return &Error{Status: http.StatusBadRequest, Reason: "not_websocket", Err: errors.New("this path takes only WebSockets over HTTP/1.1")}
	}
	return nil
}

// attempts sends the request to one address and, where that is safe, to a second one. The address has the request in
// flight until the caller takes it off.
func (x *exchange) attempts(ctx context.Context) (*http.Response, *address, error) {
	var before *address
	began := time.Now()
	for {
		a, err := x.origin.pick(ctx, before)
		if err != nil {
			return nil, nil, x.fail(err)
		}
		if before != nil {
			x.pool.metrics.retries.Inc()
		}
		a.inFlight.Add(1)
		response, err := x.roundTrip(ctx, a)
		if err == nil {
			err = x.judge(a, response)
		}
		if err == nil {
			return response, a, nil
		}
		a.inFlight.Add(-1)
		x.blame(a, err)
		if before != nil || ctx.Err() != nil || x.idle.Load() || !x.mayRepeat(err) {
			return nil, nil, x.fail(err)
		}
		if never := (*dialError)(nil); errors.As(err, &never) {
			x.origin.renew(ctx, began)
		}
		before = a
	}
}

// judge notes how the address did, and refuses an answer that is none.
func (x *exchange) judge(a *address, response *http.Response) error {
	switch status := response.StatusCode; {
	case status == http.StatusSwitchingProtocols && x.upgrade:
	case status < 200 || status > 999:
		_ = response.Body.Close()
		return errNoAnswer
	case status >= 500 && response.ContentLength == 0:
		// A component that answers an error says which; an empty one comes from a process that is starting or ending.
		a.failed(x.pool.metrics)
		return nil
	}
	a.succeeded()
	return nil
}

// mayRepeat says that a second attempt cannot do anything twice: nothing was sent, or it only reads and has no body.
func (x *exchange) mayRepeat(err error) bool {
	if never := (*dialError)(nil); errors.As(err, &never) {
		return true
	}
	return x.target.Idempotent && x.body == nil && !x.upgrade
}

// blame notes a failure that is the address's own.
func (x *exchange) blame(a *address, err error) {
	if x.request.Context().Err() != nil || x.body != nil && x.body.failure() != nil {
		return
	}
	// A long query says nothing about its address; a write that is not answered does.
	if x.idle.Load() && x.target.Kind != route.Write {
		return
	}
	a.failed(x.pool.metrics)
	if never := (*dialError)(nil); errors.As(err, &never) {
		x.origin.refreshed.Store(0) // its pod may be gone: the next request looks the name up again
	}
}

// roundTrip sends the request to an address.
func (x *exchange) roundTrip(ctx context.Context, a *address) (*http.Response, error) {
	if x.directly {
		return x.ask(ctx, a)
	}
	return x.origin.transport.RoundTrip(x.outgoing(ctx, a))
}

// outgoing is the request for http.Transport. The URL names the address, so that connections are kept by address; what the
// upstream reads as Host is its own name.
func (x *exchange) outgoing(ctx context.Context, a *address) *http.Request {
	out := new(http.Request).WithContext(ctx) // an empty one to copy costs less than a full one
	out.Method, out.Host, out.Header, out.URL = x.request.Method, x.origin.host, x.header, x.url(a)
	out.Proto, out.ProtoMajor, out.ProtoMinor = "HTTP/1.1", 1, 1
	if x.body != nil {
		out.Body, out.ContentLength = x.body, x.request.ContentLength
	}
	return out
}

// url is where the request goes.
func (x *exchange) url(a *address) *url.URL {
	query := x.request.URL.RawQuery
	if strings.Contains(query, "api_key=") || strings.Contains(query, "application_key=") {
		query = withoutKey(query)
	}
	return &url.URL{Scheme: x.origin.scheme, Host: a.hostPort, Opaque: x.target.Path, RawQuery: query}
}

// withoutKey drops Datadog's parameter for the key. Threat: an agent that was pointed at another host sends its key to
// where it is logged.
func withoutKey(query string) string {
	kept := make([]string, 0, 8)
	for part := range strings.SplitSeq(query, "&") {
		if !strings.HasPrefix(part, "api_key=") && !strings.HasPrefix(part, "application_key=") {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

// fail turns an error before the answer into what the caller answers.
func (x *exchange) fail(err error) error {
	e := x.reason(err)
	if e.Status >= 500 {
		x.pool.metrics.failures.WithLabelValues(e.Reason).Inc()
	}
	return e
}

func (x *exchange) reason(err error) *Error {
	if x.request.Context().Err() != nil {
		return &Error{Status: statusClientGone, Reason: "client_gone", Err: err}
	}
	if x.body != nil {
		if failed := x.body.failure(); failed != nil {
			status := http.StatusBadRequest
			if errors.Is(failed, os.ErrDeadlineExceeded) {
				status = http.StatusRequestTimeout
			}
			return &Error{Status: status, Reason: "client_body", Err: failed}
		}
	}
	if x.idle.Load() {
		return &Error{Status: http.StatusGatewayTimeout, Reason: "timeout", Err: errIdle}
	}
	if never := (*dialError)(nil); errors.As(err, &never) {
		return &Error{Status: http.StatusBadGateway, Reason: "connect", Err: err}
	}
	if unknown := (*net.DNSError)(nil); errors.As(err, &unknown) || errors.Is(err, errNoAddress) {
		return &Error{Status: http.StatusServiceUnavailable, Reason: "no_address", Err: err}
	}
	return &Error{Status: http.StatusBadGateway, Reason: "reset", Err: err}
}

// copyBody streams the answer. Where its length is unknown each part is flushed: it may be the last for a while.
func (x *exchange) copyBody(w http.ResponseWriter, response *http.Response) error {
	if response.ContentLength == 0 {
		return nil
	}
	var flusher *http.ResponseController
	if response.ContentLength < 0 {
		flusher = http.NewResponseController(w)
		if strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
			_ = flusher.Flush() // its first event may be long in coming
		}
	}
	buffer := takeBuffer()
	defer buffers.Put(buffer)
	for {
		n, err := response.Body.Read(buffer[:])
		x.dog.moved()
		if n > 0 {
			if _, failed := w.Write(buffer[:n]); failed != nil {
				return &Error{Status: statusClientGone, Reason: "client_gone", Started: true, Err: failed}
			}
			x.dog.moved()
		}
		if err == io.EOF { //nolint:errorlint // an io.Reader's own
			return nil
		}
		if err != nil {
			return x.cut(w, err)
		}
		if flusher != nil && n > 0 {
			if failed := flusher.Flush(); failed != nil {
				return &Error{Status: statusClientGone, Reason: "client_gone", Started: true, Err: failed}
			}
		}
	}
}

// cut ends an answer that the upstream did not finish. Threat: a client that takes half of a result for all of it. With a
// write deadline in the past the server cannot write the end, and resets the stream or closes the connection.
func (x *exchange) cut(w http.ResponseWriter, err error) error {
	var e *Error
	if failed := x.fail(err); errors.As(failed, &e) { // first: the reset of a stream ends its request's context
		e.Started = true
	}
	if failed := http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0)); failed != nil {
		e.Err = errors.Join(e.Err, failed)
	}
	return e
}
