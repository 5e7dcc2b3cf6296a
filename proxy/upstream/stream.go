package upstream

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// asksForWebSocket says that a request is the opening of a WebSocket and nothing else (RFC 6455 §4.2.1). Threat: an
// upstream that takes half an opening for a request, and what follows for the next one.
func asksForWebSocket(r *http.Request) bool {
	if r.Method != http.MethodGet || r.ProtoMajor != 1 || r.ProtoMinor < 1 || r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
		return false
	}
	if !named(r.Header["Connection"], "upgrade") || !strings.EqualFold(single(r, "Upgrade"), "websocket") {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(single(r, "Sec-Websocket-Key"))
	return err == nil && len(key) == 16 && single(r, "Sec-Websocket-Version") == "13"
}

// single is a header's value, if there is exactly one.
func single(r *http.Request, name string) string {
	if values := r.Header[name]; len(values) == 1 {
		return values[0]
	}
	return ""
}

// stream joins the client's connection and the upstream's after 101, until one ends, both are silent, the request's
// context ends or the pool is closed.
func (x *exchange) stream(w http.ResponseWriter, response *http.Response) error {
	x.dog.stop()
	upstream, ok := response.Body.(io.ReadWriteCloser)
	if !ok || !strings.EqualFold(response.Header.Get("Upgrade"), "websocket") {
		x.pool.metrics.failures.WithLabelValues("upgrade").Inc()
		return &Error{Status: http.StatusBadGateway, Reason: "upgrade", Err: errors.New("the upstream switched to another protocol")}
	}
	header := w.Header().Clone()
	x.pool.copyResponseHeader(header, response.Header, x.target)
	header.Del("Content-Length")
	header.Set("Connection", "Upgrade")
	header.Set("Upgrade", "websocket")
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return &Error{Status: http.StatusInternalServerError, Reason: "upgrade", Err: err}
	}
	closeBoth := func() {
		_ = client.Close()
		_ = upstream.Close()
	}
	defer closeBoth()
	defer context.AfterFunc(x.request.Context(), closeBoth)()
	defer context.AfterFunc(x.pool.context, closeBoth)()
	var dog watchdog
	dog.start(x.target.StreamIdle, closeBoth)
	defer dog.stop()
	// The server's deadlines were for a request; from here on the watchdog is.
	if err := client.SetDeadline(time.Time{}); err != nil {
		return &Error{Status: statusClientGone, Reason: "client_gone", Started: true, Err: err}
	}
	_, _ = buffered.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = header.Write(buffered)
	_, _ = buffered.WriteString("\r\n")
	if err := buffered.Flush(); err != nil { // a bufio.Writer keeps the first error
		return &Error{Status: statusClientGone, Reason: "client_gone", Started: true, Err: err}
	}
	var both sync.WaitGroup
	both.Go(func() {
		defer closeBoth()
		x.pool.metrics.streamed.WithLabelValues("in").Add(pipe(upstream, buffered.Reader, &dog))
	})
	x.pool.metrics.streamed.WithLabelValues("out").Add(pipe(client, upstream, &dog))
	closeBoth()
	both.Wait()
	return nil
}

// pipe copies until an end or an error, which is an end too: a WebSocket says itself whether it ended well. It counts
// the bytes.
func pipe(to io.Writer, from io.Reader, dog *watchdog) float64 {
	buffer := takeBuffer()
	defer buffers.Put(buffer)
	var sum float64
	for {
		n, err := from.Read(buffer[:])
		dog.moved()
		if n > 0 {
			if _, failed := to.Write(buffer[:n]); failed != nil {
				return sum
			}
			sum += float64(n)
		}
		if err != nil {
			return sum
		}
	}
}
