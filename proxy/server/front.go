package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
)

// front is a TLS listener and the servers behind it. Settings that net/http reads without a lock cannot be changed in a
// server that runs; so a change of them makes a new server, which gets all connections from then on. The server before
// keeps those that are open, with the settings that they began with, until they end by themselves.
type front struct {
	listener *boundedListener
	make     func(connectionSettings) *http.Server
	log      *slog.Logger
	serving  sync.WaitGroup

	mutex   sync.Mutex
	current *generation
	older   []*generation
	ending  bool
}

// connectionSettings are what a connection keeps from its beginning to its end.
type connectionSettings struct {
	headers, idle, bodyIdle time.Duration
	headerBytes             int
}

// answer is how long net/http lets an answer take for which no time of its own is set: less than a handshake may take
// would end handshakes.
func (s connectionSettings) answer() time.Duration { return max(2*s.bodyIdle, s.headers) }

func settingsOf(c config.Config) connectionSettings {
	return connectionSettings{
		headers: time.Duration(c.Timeouts.Headers), idle: time.Duration(c.Timeouts.Idle),
		bodyIdle: time.Duration(c.Timeouts.BodyIdle), headerBytes: int(c.Limits.HeaderBytes),
	}
}

// generation is one server, and the listener that it takes connections from.
type generation struct {
	front    *front
	server   *http.Server
	settings connectionSettings
	handed   chan *countedConn
	retired  chan struct{}
	once     sync.Once
	open     atomic.Int64 // connections
}

func newFront(listener *boundedListener, log *slog.Logger, s connectionSettings, server func(connectionSettings) *http.Server) *front {
	f := &front{listener: listener, make: server, log: log}
	f.current = f.begin(s)
	return f
}

// use gives these settings to all connections from now on.
func (f *front) use(s connectionSettings) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.ending || f.current.settings == s {
		return
	}
	before := f.current
	f.current = f.begin(s)
	_ = before.Close() // it takes no further connections
	kept := []*generation{before}
	for _, g := range f.older {
		if g.open.Load() > 0 {
			kept = append(kept, g)
		}
	}
	f.older = kept
}

// begin starts a server. It ends by Shutdown or Close of all, or when it is retired: then its connections live on.
func (f *front) begin(s connectionSettings) *generation {
	g := &generation{front: f, server: f.make(s), settings: s, handed: make(chan *countedConn), retired: make(chan struct{})}
	f.serving.Go(func() {
		_ = g.server.ServeTLS(g, "", "") // it ends because nothing is handed to it any more
	})
	return g
}

// serve hands connections to the newest server until the listener is closed. Whatever else accepting fails with (too many
// open files) goes by, so it is tried again after a pause.
func (f *front) serve() error {
	const longest = time.Second
	var pause time.Duration
	for {
		conn, err := f.listener.accept()
		if errors.Is(err, net.ErrClosed) {
			return http.ErrServerClosed
		}
		if err != nil {
			pause = min(max(2*pause, 5*time.Millisecond), longest)
			f.log.Warn("a connection cannot be accepted", slog.String("problem", err.Error()), slog.Duration("pause", pause))
			time.Sleep(pause)
			continue
		}
		pause = 0
		f.hand(conn)
	}
}

// hand gives a connection to the newest server, also when that changes meanwhile.
func (f *front) hand(conn *countedConn) {
	for {
		g := f.newest()
		g.open.Add(1)
		conn.generation = g
		select {
		case g.handed <- conn:
			return
		case <-g.retired:
		}
		if f.newest() == g { // nothing came after it: the proxy ends
			_ = conn.Close()
			return
		}
		g.open.Add(-1)
	}
}

func (f *front) newest() *generation {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.current
}

// end takes no more connections, and names the servers that may have some. No other server begins after it.
func (f *front) end() []*generation {
	_ = f.listener.Close() // the proxy ends
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.ending = true
	return append([]*generation{f.current}, f.older...)
}

// shutdown takes no more connections and waits for requests in work, as http.Server.Shutdown does; what is left when ctx
// ends is cut.
func (f *front) shutdown(ctx context.Context) error {
	var ending sync.WaitGroup
	var failed atomic.Pointer[error]
	for _, g := range f.end() {
		ending.Go(func() {
			if err := g.server.Shutdown(ctx); err != nil {
				failed.Store(&err)
				_ = g.server.Close() // what it waited for is cut
			}
		})
	}
	ending.Wait()
	f.serving.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Accept waits for a connection that is handed over.
func (g *generation) Accept() (net.Conn, error) {
	select {
	case conn := <-g.handed:
		return conn, nil
	case <-g.retired:
		return nil, net.ErrClosed
	}
}

// Close ends Accept. Connections stay.
func (g *generation) Close() error {
	g.once.Do(func() { close(g.retired) })
	return nil
}

// Addr is the listener's address.
func (g *generation) Addr() net.Addr { return g.front.listener.Addr() }

// cut ends everything at once.
func (f *front) cut() {
	for _, g := range f.end() {
		_ = g.server.Close() // what it waits for is cut
	}
}
