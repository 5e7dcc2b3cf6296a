package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// body is a request's body with a bound on silence.
//
// The threat is a client that announces a body and sends it by the byte, or never: each read may take timeouts.bodyIdle,
// and so may the server's own reading of what a refused request did not send.
type body struct {
	io.ReadCloser
	control *http.ResponseController
	idle    time.Duration
	http2   bool
	armed   time.Time
	// begun is for HTTP/2: when the read began that goes on, since armed; 0 when none does.
	begun atomic.Int64
	ended atomic.Bool
	// An upstream that answers early lets its transport read on while the answer is passed on, and for a moment after it.
	bytes    atomic.Int64
	timedOut atomic.Bool

	mutex sync.Mutex
	over  bool
}

// begin must be called before the handler, whether it will read or not. In HTTP/2 a deadline costs a message to the
// goroutine that all requests of a connection share, and the server reads nothing by itself: there the answer's timer looks.
func (b *body) begin(now time.Time) {
	b.armed = now
	if !b.http2 {
		b.deadline(now.Add(b.idle))
	}
}

// end must be called after the handler.
func (b *body) end() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.over = true
}

// deadline is of reading. Threat: what still reads when the handler has ended would set it for the connection's next
// request; of HTTP/2 nothing is left then to set it on, and the whole process would end in a panic.
func (b *body) deadline(at time.Time) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if !b.over {
		_ = b.control.SetReadDeadline(at) // every connection of net/http has deadlines
	}
}

// look ends a read of HTTP/2 that takes too long. It says when to look again; 0 is never.
func (b *body) look(now time.Time) time.Duration {
	if b.ended.Load() {
		return 0
	}
	begun := b.begun.Load()
	if begun == 0 {
		return b.idle
	}
	if left := b.idle - (now.Sub(b.armed) - time.Duration(begun)); left > 0 {
		return left
	}
	b.deadline(time.Unix(1, 0)) // ends the read
	return 0
}

// Read implements io.Reader.
func (b *body) Read(into []byte) (int, error) {
	if now := time.Now(); b.http2 {
		b.begun.Store(max(int64(now.Sub(b.armed)), 1))
	} else if now.Sub(b.armed) > b.idle/4 {
		b.begin(now)
	}
	n, err := b.ReadCloser.Read(into)
	b.begun.Store(0)
	b.bytes.Add(int64(n))
	if err == nil {
		return n, nil
	}
	b.ended.Store(true)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		b.timedOut.Store(true)
	}
	// After an error the deadline stays: net/http would wait for what was announced and never came.
	if err == io.EOF && !b.http2 { //nolint:errorlint // io.Reader promises io.EOF itself
		// net/http goes on reading, to notice a client that goes away. With a deadline it would take a client that waits for
		// its answer for one.
		b.deadline(time.Time{})
	}
	return n, err
}
