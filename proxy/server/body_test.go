package server

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// deadlines counts those of reading.
type deadlines struct {
	http.ResponseWriter
	set atomic.Int32
}

func (d *deadlines) SetReadDeadline(time.Time) error {
	d.set.Add(1)
	return nil
}

func (d *deadlines) SetWriteDeadline(time.Time) error { return nil }

// An upstream that answers early leaves its transport reading for a moment after the handler's end. For HTTP/2 a deadline
// would then be set on nothing, and for HTTP/1 on the next request.
func TestABodyThatIsReadAfterTheEndSetsNoDeadline(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		w := &deadlines{ResponseWriter: httptest.NewRecorder()}
		b := body{ReadCloser: io.NopCloser(strings.NewReader("samples")), control: http.NewResponseController(w), idle: time.Minute, http2: http2}
		b.begin(time.Now().Add(-time.Hour)) // so that a read sets it anew
		b.end()
		before := w.set.Load()
		if _, err := io.ReadAll(&b); err != nil {
			t.Fatal(err)
		}
		b.look(time.Now())
		if set := w.set.Load() - before; set > 0 {
			t.Errorf("HTTP/2 %v: %d deadlines were set", http2, set)
		}
	}
}

// silentBody gives a byte at each tick of a clock, and then nothing until a deadline ends it.
type silentBody struct {
	*deadlines
	parts int
	every time.Duration
}

func (s *silentBody) Read(p []byte) (int, error) {
	if s.parts > 0 {
		s.parts--
		time.Sleep(s.every)
		p[0] = 'x'
		return 1, nil
	}
	for range time.Tick(time.Second) {
		if s.set.Load() > 0 {
			return 0, os.ErrDeadlineExceeded
		}
	}
	return 0, nil
}

func (s *silentBody) Close() error { return nil }

// In HTTP/2 a slow body may go on, and a silent one is ended in time.
func TestASilentBodyOfHTTP2IsEnded(t *testing.T) {
	for name, row := range map[string]struct {
		parts int
		every time.Duration
		most  time.Duration
	}{
		"nothing comes":           {0, 0, 65 * time.Second},
		"something, then nothing": {2, 50 * time.Second, (100 + 65) * time.Second},
		"by the byte":             {100, 30 * time.Second, (3000 + 65) * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &deadlines{ResponseWriter: httptest.NewRecorder()}
				control := http.NewResponseController(w)
				in := body{ReadCloser: &silentBody{w, row.parts, row.every}, control: control, idle: time.Minute, http2: true}
				out := response{ResponseWriter: w, control: control, idle: time.Minute, http2: true, in: &in}
				began := time.Now()
				in.begin(began)
				out.begin(began, 2*time.Minute)
				read, err := io.ReadAll(&in)
				took := time.Since(began)
				if !errors.Is(err, os.ErrDeadlineExceeded) || !in.timedOut.Load() || len(read) != row.parts {
					t.Errorf("read %d bytes, %v", len(read), err)
				}
				if least := time.Duration(row.parts)*row.every + time.Minute; took < least || took > row.most {
					t.Errorf("it was ended after %s", took)
				}
				in.end()
				out.end()
			})
		})
	}
}
