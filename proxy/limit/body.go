package limit

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// MaxSlowdown is for how long a body of unknown length is slowed down in all. It is well below the time that an upstream
// has to answer a write, so that slowing down never ends in a time-out.
const MaxSlowdown = 5 * time.Second

// longestDebt bounds for how long a tenant is refused after bodies that took more than was left.
const longestDebt = time.Minute

// Body bounds a request's body. contentLength is -1 where the client did not say it. A body that is too large by its
// length (413), or for which the tenant has no bytes left (429), is refused before anything of it is read. Otherwise
// Read answers a *Refusal (413) once more than the bound has come. Waiting in Read ends with ctx. The result must be
// closed; it is safe for one reader at a time, with Close from elsewhere.
func (l *Limiter) Body(ctx context.Context, tenant string, contentLength int64, body io.ReadCloser) (io.ReadCloser, *Refusal) {
	if contentLength == 0 || body == nil || body == http.NoBody {
		return http.NoBody, nil
	}
	t := l.tenant(tenant)
	b := t.bounds.Load()
	most := int64(b.limits.BodyBytes)
	if contentLength > most {
		return nil, tooLarge(BodySize)
	}
	// A body of unknown length needs at least something left.
	cost := b.byteCost(max(contentLength, 1))
	if wait := t.bytes.take(l.now(), cost, b.byteBurst); wait > 0 {
		return nil, refuse(http.StatusTooManyRequests, ByteRate, wait)
	}
	r := &reader{
		ctx: ctx, body: body, limiter: l, tenant: t,
		bounded: bounded{left: most, reason: BodySize},
		patient: MaxSlowdown,
	}
	r.bounded.Reader = body
	r.unread.Store(max(contentLength, 0))
	r.known = contentLength > 0
	return r, nil
}

// reader pays for a body.
type reader struct {
	ctx     context.Context // of Body: a Read has no context of its own
	body    io.ReadCloser
	limiter *Limiter
	tenant  *tenant
	bounded bounded
	known   bool          // the length is known and paid for
	unread  atomic.Int64  // bytes that are paid for and have not come
	patient time.Duration // for how long it may still be slowed down
}

// Read is io.Reader's.
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.bounded.Read(p)
	if r.known {
		r.unread.Add(int64(-n))
		return n, err
	}
	if n == 0 {
		return n, err
	}
	b := r.tenant.bounds.Load()
	debt := r.tenant.bytes.debit(r.limiter.now(), b.byteCost(int64(n)), b.byteBurst, int64(longestDebt))
	if wait := min(time.Duration(debt), r.patient); wait > 0 && err == nil {
		r.patient -= wait
		err = pause(r.ctx, wait)
	}
	return n, err
}

// Close closes the body and gives back what was paid for and has not come.
func (r *reader) Close() error {
	if unread := r.unread.Swap(0); unread > 0 {
		r.tenant.bytes.refund(r.tenant.bounds.Load().byteCost(unread))
	}
	return r.body.Close()
}

func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// Inflated reads at most n bytes of what a decompressor gives, and answers a *Refusal (413) if there are more: against
// a small body that becomes a huge one.
func Inflated(r io.Reader, n int64) io.Reader {
	return &bounded{Reader: r, left: n, reason: InflatedSize}
}

// bounded is a reader that fails where io.LimitedReader would silently end.
type bounded struct {
	io.Reader
	left   int64
	reason string
	failed error
}

// Read is io.Reader's. It asks for one byte more than is allowed, to tell a body that fits exactly from one that does
// not, and never hands that byte on.
func (b *bounded) Read(p []byte) (int, error) {
	if b.failed != nil {
		return 0, b.failed
	}
	if len(p) == 0 {
		return 0, nil
	}
	if int64(len(p))-1 > b.left {
		p = p[:b.left+1]
	}
	n, err := b.Reader.Read(p)
	if int64(n) <= b.left {
		b.left -= int64(n)
		return n, err
	}
	n, b.left = int(b.left), 0
	b.failed = tooLarge(b.reason)
	return n, b.failed
}
