package upstream

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// direct is the sending of a request over a link, and the body of its answer.
type direct struct {
	address *address
	mutex   sync.Mutex
	link    *link // that the request holds
	over    bool  // nothing is waited for any more
}

// end makes the request fail that holds a link. It may be called at any time, by anybody.
func (d *direct) end() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.over = true
	if d.link != nil {
		_ = d.link.conn.SetDeadline(time.Unix(1, 0)) // every TCP connection has deadlines
	}
}

// hold notes the link that end must end. It is false when that time has come.
func (d *direct) hold(l *link) bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if !d.over {
		d.link = l
	}
	return !d.over
}

// Read implements io.Reader.
func (d *direct) Read(p []byte) (int, error) { return d.link.readBody(p) }

// Close keeps the link for the next request, if it can serve one.
func (d *direct) Close() error {
	l, useful := d.release()
	switch {
	case l == nil:
	case useful && l.reusable():
		d.address.links.keep(l)
	default:
		return l.conn.Close() // what is left of the answer nobody reads
	}
	return nil
}

// release gives up the link. It is false when the link was ended, and so is of no use to anybody.
func (d *direct) release() (l *link, useful bool) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	l, d.link = d.link, nil
	return l, !d.over
}

// goesDirectly says that a request needs no http.Transport.
func (x *exchange) goesDirectly() bool {
	return x.origin.transport == x.pool.plain && x.body == nil && !x.upgrade &&
		(x.request.Method == http.MethodGet || x.request.Method == http.MethodHead)
}

// ask sends the request over a link to an address. A link that was kept may turn out to be closed; then a new one is tried,
// as http.Transport does too, since GET and HEAD only read.
func (x *exchange) ask(ctx context.Context, a *address) (*http.Response, error) {
	out := &http.Request{Method: x.request.Method, Host: x.origin.host, Header: x.header, URL: x.url(a)}
	l := a.links.take()
	for {
		kept := l != nil
		if !kept {
			conn, err := x.pool.open(ctx, "tcp", a.hostPort)
			if err != nil {
				return nil, err
			}
			l = newLink(conn)
		}
		if !x.direct.hold(l) {
			_ = l.conn.Close() // nobody waits for it
			return nil, errIdle
		}
		response, err := l.ask(out)
		if err == nil {
			x.direct.address, response.Body = a, &x.direct
			return response, nil
		}
		_, useful := x.direct.release()
		_ = l.conn.Close() // it is broken
		if !kept || !useful || !l.silent() {
			return nil, err
		}
		a.links.drop(false) // the others are as old
		l = nil
	}
}
