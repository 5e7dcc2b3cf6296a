package server

import (
	"errors"
	"io"
	"net/http"
	"os"
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
	armed   time.Time
	// An upstream that answers early lets its transport read on while the answer is passed on.
	bytes    atomic.Int64
	timedOut atomic.Bool
}

// begin must be called before the handler, whether it will read or not.
func (b *body) begin(now time.Time) {
	b.armed = now
	_ = b.control.SetReadDeadline(now.Add(b.idle)) // every connection of net/http has deadlines
}

// Read implements io.Reader.
func (b *body) Read(into []byte) (int, error) {
	if now := time.Now(); now.Sub(b.armed) > b.idle/4 {
		b.begin(now)
	}
	n, err := b.ReadCloser.Read(into)
	b.bytes.Add(int64(n))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		b.timedOut.Store(true)
	}
	// After an error the deadline stays: net/http would wait for what was announced and never came.
	if err == io.EOF { //nolint:errorlint // io.Reader promises io.EOF itself
		// net/http goes on reading, to notice a client that goes away. With a deadline it would take a client that waits for
		// its answer for one.
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
