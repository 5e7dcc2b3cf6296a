package server

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opsgen/opsgen/proxy/route"
)

// http2Buffer is how much of an answer net/http keeps before it writes (net/http, h2_bundle.go, http2handlerChunkWriteSize,
// Go 1.26).
const http2Buffer = 4 << 10

// response is the answer on its way: it remembers status and bytes, and bounds how long one write may take.
//
// The threat is a client that reads nothing: without a bound it holds a goroutine, a place and an upstream's connection
// for ever. A bound for the whole answer would cut tails and long queries, so each write has one of its own.
type response struct {
	http.ResponseWriter
	control *http.ResponseController
	set     *hijacked
	ids     []string // the request's ID, for an answer that is an error
	idle    time.Duration
	http2   bool
	// leaving asks the client to come back on another connection.
	leaving *atomic.Bool
	otlp    bool

	status int
	bytes  int64
	left   bool // the connection left HTTP
	armed  time.Time

	// What follows is for HTTP/2.
	mutex      sync.Mutex
	in         *body // the request's; nil if it has none
	watchdog   *time.Timer
	watching   bool
	over       bool
	lasting    bool      // the server's own deadline was taken off
	flows      bool      // more was written than the buffer holds
	writeSince time.Time // zero when no write is going on
}

// begin must be called before the handler. The server has set a deadline for all of the answer. In HTTP/1 writes move it.
// In HTTP/2 that costs a message to the goroutine that all requests of a connection share; so it stays as it is for
// answers that are short and soon there, and is taken off when half of its time is over.
func (w *response) begin(now time.Time, server time.Duration) {
	if !w.http2 {
		w.armed = now
		return
	}
	w.mutex.Lock() // watch may come at once
	defer w.mutex.Unlock()
	w.watching, w.watchdog = true, time.AfterFunc(server/2, w.watch)
}

// deadline moves the deadline, not more often than a quarter of its time: moving it costs more than a small write.
func (w *response) deadline(now time.Time) {
	if now.Sub(w.armed) > w.idle/4 {
		w.armed = now
		// Twice, because net/http first reads what is left of a refused request's body, which has that time for itself.
		_ = w.control.SetWriteDeadline(now.Add(2 * w.idle)) // every connection of net/http has deadlines
	}
}

// started is called before a write. In HTTP/2 a deadline resets the stream when it passes, whether a write is going on
// or not, which would end a tail that has nothing to say; so a timer looks whether one is.
func (w *response) started(adds int) {
	if w.left {
		return
	}
	if w.http2 && !w.flows {
		if w.bytes+int64(adds) <= http2Buffer {
			return // nothing of it is sent yet
		}
		w.flows = true
	}
	now := time.Now()
	if !w.http2 {
		w.deadline(now)
		return
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.writeSince = now
	if w.watching {
		return
	}
	w.watching = true
	w.watchdog.Reset(w.idle)
}

func (w *response) watch() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.over {
		return
	}
	if !w.lasting {
		w.lasting = true
		_ = w.control.SetWriteDeadline(time.Time{}) // every stream of net/http has deadlines
	}
	var next time.Duration
	now := time.Now()
	if w.in != nil {
		next = w.in.look(now)
	}
	if !w.writeSince.IsZero() {
		left := w.idle - now.Sub(w.writeSince)
		if left <= 0 {
			_ = w.control.SetWriteDeadline(time.Unix(1, 0)) // resets the stream, which ends the write
			return
		}
		if next == 0 || left < next {
			next = left
		}
	}
	if w.watching = next > 0; w.watching {
		w.watchdog.Reset(next)
	}
}

func (w *response) ended() {
	if w.flows {
		w.mutex.Lock()
		w.writeSince = time.Time{}
		w.mutex.Unlock()
	}
}

// end must be called after the handler; net/http then writes what is still in its buffer. After it the control must not
// be used: net/http gives its insides to the next request.
func (w *response) end() {
	if w.left {
		return
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.over = true
	if w.watchdog != nil {
		w.watchdog.Stop()
	}
	if !w.http2 || w.lasting {
		w.deadline(time.Now())
	}
}

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		if w.status != 0 {
			return
		}
		if w.otlp {
			status = route.RetryableStatus(status)
		}
		w.status = status
		if status >= http.StatusBadRequest {
			w.Header()[requestIDHeader] = w.ids
		}
		// HTTP/2 answers this with GOAWAY: requests in work end, and the next one opens another connection.
		if w.leaving.Load() && status != http.StatusSwitchingProtocols {
			w.Header().Set("Connection", "close")
		}
	}
	if !w.http2 {
		w.started(0)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *response) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.started(len(data))
	n, err := w.ResponseWriter.Write(data)
	w.ended()
	w.bytes += int64(n)
	return n, err
}

// Flush implements http.Flusher.
func (w *response) Flush() { _ = w.FlushError() }

// FlushError sends what is buffered.
func (w *response) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.started(http2Buffer + 1) // whatever there is
	err := w.control.Flush()
	w.ended()
	return err
}

// Hijack implements http.Hijacker. The connection is closed when the proxy ends.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := w.control.Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.left = true
	if w.status == 0 {
		w.status = http.StatusSwitchingProtocols
	}
	return w.set.add(conn), buffer, nil
}

// Unwrap lets http.ResponseController reach what this type does not do itself.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }
