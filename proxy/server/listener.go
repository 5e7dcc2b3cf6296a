package server

import (
	"net"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// connections counts open client connections over all TLS listeners.
//
// The threat is a client that opens connections until file descriptors or memory are gone: over the bound a connection is
// closed before a handshake costs anything.
type connections struct {
	open  atomic.Int64
	bound atomic.Int64
}

// boundedListener closes at once what is over the bound.
type boundedListener struct {
	net.Listener
	all     *connections
	gauge   prometheus.Gauge
	refused func()
}

// accept waits for a connection within the bound.
func (l *boundedListener) accept() (*countedConn, error) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return nil, err
		}
		if l.all.open.Add(1) > l.all.bound.Load() {
			l.all.open.Add(-1)
			l.refused()
			_ = conn.Close() // it was never used
			continue
		}
		l.gauge.Inc()
		return &countedConn{Conn: conn, listener: l}, nil
	}
}

// countedConn is counted until it is closed.
type countedConn struct {
	net.Conn
	listener   *boundedListener
	generation *generation // that serves it
	once       sync.Once
}

// Close closes the connection and counts it no more.
func (c *countedConn) Close() error {
	c.once.Do(func() {
		c.listener.all.open.Add(-1)
		c.listener.gauge.Dec()
		if c.generation != nil {
			c.generation.open.Add(-1)
		}
	})
	return c.Conn.Close()
}

// hijacked are the connections that left HTTP (WebSockets), which http.Server.Shutdown does not know.
type hijacked struct {
	mutex sync.Mutex
	open  map[*hijackedConn]struct{}
	ended bool
}

// hijackedConn leaves the set when it is closed.
type hijackedConn struct {
	net.Conn
	set *hijacked
}

// add follows a connection; when the end has come it is closed at once.
func (h *hijacked) add(conn net.Conn) net.Conn {
	tracked := &hijackedConn{Conn: conn, set: h}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.ended {
		_ = conn.Close() // the proxy ends
		return tracked
	}
	if h.open == nil {
		h.open = map[*hijackedConn]struct{}{}
	}
	h.open[tracked] = struct{}{}
	return tracked
}

// end closes all of them, and all that come later.
func (h *hijacked) end() {
	h.mutex.Lock()
	open := h.open
	h.open, h.ended = nil, true
	h.mutex.Unlock()
	for conn := range open {
		_ = conn.Conn.Close() // the proxy ends
	}
}

// Close closes the connection.
func (c *hijackedConn) Close() error {
	c.set.mutex.Lock()
	delete(c.set.open, c)
	c.set.mutex.Unlock()
	return c.Conn.Close()
}
