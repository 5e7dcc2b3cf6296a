package upstream

import (
	"errors"
	"io"
	"math"
	"net/http"
	"sync/atomic"
	"time"
)

var (
	errIdle     = errors.New("the upstream did not answer in time")
	errNoAnswer = errors.New("the upstream's status is no answer")
)

// watchdog ends an exchange in which nothing moved for a while. One timer serves the whole exchange: moving only notes
// the time, and the timer, when it is due, looks how long ago that was.
type watchdog struct {
	timeout time.Duration
	begun   time.Time
	last    atomic.Int64 // since begun
	timer   atomic.Pointer[time.Timer]
	stopped atomic.Bool
	bark    func()
}

func (d *watchdog) start(timeout time.Duration, bark func()) {
	if timeout <= 0 {
		return
	}
	d.timeout, d.bark, d.begun = timeout, bark, time.Now()
	d.timer.Store(time.AfterFunc(timeout, d.look))
}

func (d *watchdog) look() {
	if d.stopped.Load() {
		return
	}
	silent := time.Since(d.begun) - time.Duration(d.last.Load())
	if silent >= d.timeout {
		d.bark()
		return
	}
	if timer := d.timer.Load(); timer != nil {
		timer.Reset(d.timeout - silent)
	}
}

func (d *watchdog) moved() {
	if d.timeout > 0 {
		d.last.Store(int64(time.Since(d.begun)))
	}
}

func (d *watchdog) stop() {
	d.stopped.Store(true)
	if timer := d.timer.Load(); timer != nil {
		timer.Stop()
	}
}

// requestBody is the client's body as http.Transport reads it. Closing does nothing: the server closes the body itself,
// and a second attempt may need it.
type requestBody struct {
	reader io.Reader
	dog    *watchdog
	known  bool         // the length is
	left   atomic.Int64 // bytes, where the length is known; else more than there can be
	ended  atomic.Bool
	failed atomic.Pointer[error]
}

func newRequestBody(r *http.Request, dog *watchdog) *requestBody {
	b := &requestBody{reader: r.Body, dog: dog, known: r.ContentLength > 0}
	if b.left.Store(r.ContentLength); r.ContentLength < 0 {
		b.left.Store(math.MaxInt64)
	}
	return b
}

// Read implements io.Reader. A body whose length is known is read until p is full: whoever gets it waits for all of it, and
// each part is a write here and a wake-up there.
func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.read(p)
	for b.known && err == nil && n < len(p) && b.unread() {
		var more int
		more, err = b.read(p[n:])
		n += more
	}
	return n, err
}

// read reads once. After its end the client's body is not asked again: http.Transport reads once more to see that there is
// nothing, and the server closes the body as soon as an early answer begins, so that the read would fail and cut the answer.
func (b *requestBody) read(p []byte) (int, error) {
	if b.ended.Load() {
		return 0, io.EOF
	}
	n, err := b.reader.Read(p)
	b.dog.moved()
	b.left.Add(-int64(n))
	if err == io.EOF { //nolint:errorlint // an io.Reader's own
		b.left.Store(0)
		b.ended.Store(true)
	} else if err != nil {
		failed := err // so that only this branch allocates
		b.failed.CompareAndSwap(nil, &failed)
	}
	return n, err
}

// unread says that the client may still be sending.
func (b *requestBody) unread() bool { return b.left.Load() > 0 }

// Close does nothing.
func (b *requestBody) Close() error { return nil }

// failure is why the client's body could not be read; nil as long as it could.
func (b *requestBody) failure() error {
	if err := b.failed.Load(); err != nil {
		return *err
	}
	return nil
}
