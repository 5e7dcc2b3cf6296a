package upstream

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

const (
	// idleKept is how long a connection is kept that no request uses.
	idleKept = 90 * time.Second
	// answerHeader bounds the head of an answer, with informational ones before it. Cortex and Loki answer with small ones.
	// Threat: an upstream that was taken over fills the memory.
	answerHeader = 256 << 10
)

var errAnswerHeader = errors.New("the upstream's header is too large")

// link is a connection to a plain HTTP/1.1 upstream on which the goroutine of a request writes and reads by itself.
// http.Transport has two goroutines for each connection, and tells them five times a request what is next: a tenth of what
// a small query costs. Whatever needs to write and read at the same time (bodies, upgrades), TLS and HTTP/2 are its.
type link struct {
	conn    net.Conn
	source  boundedSource
	in      *bufio.Reader
	out     *bufio.Writer
	used    time.Time // last
	raw     syscall.RawConn
	probe   func(fd uintptr) bool // says in nothing whether nothing came; made once
	nothing bool

	// What follows is of the request in work.
	body  io.ReadCloser
	ended bool // all of the answer was read
	close bool // nothing may follow on this connection
}

func newLink(conn net.Conn) *link {
	l := &link{conn: conn}
	l.source.conn = conn
	l.in, l.out = bufio.NewReader(&l.source), bufio.NewWriter(conn)
	if conn, ok := conn.(syscall.Conn); ok {
		l.raw, _ = conn.SyscallConn() // without it the link serves one request
	}
	l.probe = func(fd uintptr) bool {
		var one [1]byte
		_, err := syscall.Read(int(fd), one[:]) // sockets of Go never block
		l.nothing = errors.Is(err, syscall.EAGAIN)
		return true
	}
	return l
}

// ask sends a request without a body and reads the answer's head. After an error the link is of no use.
func (l *link) ask(r *http.Request) (*http.Response, error) {
	l.source.read, l.source.left = 0, answerHeader
	l.body, l.ended, l.close = nil, false, true
	if err := r.Write(l.out); err != nil {
		return nil, err
	}
	if err := l.out.Flush(); err != nil {
		return nil, err
	}
	for {
		answer, err := http.ReadResponse(l.in, r)
		if err != nil {
			return nil, err
		}
		if answer.StatusCode/100 == 1 && answer.StatusCode != http.StatusSwitchingProtocols {
			continue // informational; the answer follows
		}
		l.source.left = -1
		l.body, l.ended = answer.Body, answer.Body == http.NoBody
		l.close = answer.Close || answer.StatusCode < http.StatusOK // nobody asked for another protocol
		return answer, nil
	}
}

// silent says that no byte of an answer came.
func (l *link) silent() bool { return l.source.read == 0 }

// readBody reads the answer's body.
func (l *link) readBody(p []byte) (int, error) {
	n, err := l.body.Read(p)
	if err == io.EOF { //nolint:errorlint // an io.Reader's own
		l.ended = true
	}
	return n, err
}

// reusable says that the next request may follow on this connection. Threat: what an upstream sends beyond an answer would
// be taken for the answer to the next request, which is another tenant's.
func (l *link) reusable() bool { return l.ended && !l.close && l.in.Buffered() == 0 }

// quiet says that the upstream has neither closed the connection nor sent anything since the last answer; the threat is
// that of reusable.
func (l *link) quiet() bool {
	l.nothing = false
	return l.raw != nil && l.raw.Read(l.probe) == nil && l.nothing
}

// boundedSource is a connection of which only so much is read while a header is.
type boundedSource struct {
	conn net.Conn
	read int64
	left int64 // negative: all
}

// Read implements io.Reader.
func (s *boundedSource) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, errAnswerHeader
	}
	if s.left > 0 && int64(len(p)) > s.left {
		p = p[:s.left]
	}
	n, err := s.conn.Read(p)
	s.read += int64(n)
	if s.left > 0 {
		s.left -= int64(n)
	}
	return n, err
}

// links are those of an address that no request uses, the oldest first.
type links struct {
	mutex   sync.Mutex
	idle    []*link
	closed  bool // the address is gone: none is kept
	waiting bool // for sweep
}

// take gives the one that was used last; nil if there is none.
func (s *links) take() *link {
	for {
		s.mutex.Lock()
		n := len(s.idle)
		if n == 0 {
			s.mutex.Unlock()
			return nil
		}
		l := s.idle[n-1]
		s.idle[n-1], s.idle = nil, s.idle[:n-1]
		s.mutex.Unlock()
		if l.quiet() {
			return l
		}
		_ = l.conn.Close() // the upstream has ended it
	}
}

// keep takes one back.
func (s *links) keep(l *link) {
	l.body = nil
	l.used = time.Now()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.closed || len(s.idle) >= idlePerAddress {
		_ = l.conn.Close() // nobody needs it
		return
	}
	s.idle = append(s.idle, l)
	if !s.waiting {
		s.waiting = true
		time.AfterFunc(idleKept, s.sweep)
	}
}

// sweep closes those that were not used for long.
func (s *links) sweep() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now, kept := time.Now(), s.idle[:0]
	for _, l := range s.idle {
		if now.Sub(l.used) >= idleKept {
			_ = l.conn.Close() // nobody needs it
			continue
		}
		kept = append(kept, l)
	}
	clear(s.idle[len(kept):])
	s.idle = kept
	if s.waiting = len(kept) > 0; s.waiting {
		time.AfterFunc(idleKept-now.Sub(kept[0].used), s.sweep)
	}
}

// drop closes those that no request uses; with forever also those that come back.
func (s *links) drop(forever bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.closed = s.closed || forever
	for _, l := range s.idle {
		_ = l.conn.Close() // nobody needs it
	}
	s.idle = nil
}
