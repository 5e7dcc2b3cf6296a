package limit

import (
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
)

// Limiter holds the counters of all tenants of one process. All methods may be called at the same time.
type Limiter struct {
	start    time.Time
	total    atomic.Int64 // requests and streams in work
	settings atomic.Pointer[settings]
	updating sync.Mutex
}

// settings are replaced as a whole at an update.
type settings struct {
	concurrent int64   // of the whole process
	factor     float64 // of what is free, that a tenant may hold
	tenants    map[string]*tenant
	// unlisted is what all tenants share that are in no list: a caller that is between two configurations for a moment.
	// Were they given counters of their own, whoever makes up names would make memory grow.
	unlisted *tenant
}

// tenant is the counters of one tenant. It outlives an update, and a grant keeps it alive when the tenant goes.
type tenant struct {
	requests atomic.Int64
	streams  atomic.Int64
	rate     bucket // of requests
	bytes    bucket
	bounds   atomic.Pointer[bounds]
}

// New makes a limiter without tenants; Update adds them. c has its defaults set (config.Config.SetDefaults).
func New(c config.Limits) *Limiter {
	l := &Limiter{start: time.Now()}
	l.Update(c, nil)
	return l
}

// Update puts other limits and tenants in force for what comes. The counters of tenants that stay are kept; what is in
// work stays counted, even if a limit is now lower.
func (l *Limiter) Update(c config.Limits, tenants []config.Tenant) {
	l.updating.Lock()
	defer l.updating.Unlock()
	old := l.settings.Load()
	if old == nil {
		old = &settings{}
	}
	next := &settings{
		concurrent: int64(max(c.ConcurrentRequests, 1)),
		factor:     factor(c.TenantShare),
		tenants:    make(map[string]*tenant, len(tenants)),
	}
	next.unlisted = l.renewed(old.unlisted, newBounds(c.Tenant))
	for _, t := range tenants {
		next.tenants[t.Name] = l.renewed(old.tenants[t.Name], newBounds(t.Limits.Or(c.Tenant)))
	}
	l.settings.Store(next)
}

// renewed is a tenant with its bounds; nil is one that was not there, and starts with full buckets.
func (l *Limiter) renewed(t *tenant, b *bounds) *tenant {
	if t == nil {
		t = &tenant{}
		t.rate.fill(l.now(), b.requestBurst)
		t.bytes.fill(l.now(), b.byteBurst)
	}
	t.bounds.Store(b)
	return t
}

// factor is what a tenant may hold of what is free, so that alone it ends at its share of everything.
func factor(share float64) float64 {
	if share <= 0 || share >= 1 {
		return math.Inf(1)
	}
	return share / (1 - share)
}

// now is the limiter's clock in nanoseconds. It does not jump when the wall clock is set.
func (l *Limiter) now() int64 { return int64(time.Since(l.start)) }

func (l *Limiter) tenant(name string) *tenant {
	s := l.settings.Load()
	if t, known := s.tenants[name]; known {
		return t
	}
	return s.unlisted
}

// Limits are the tenant's limits.
func (l *Limiter) Limits(tenant string) config.TenantLimits {
	return l.tenant(tenant).bounds.Load().limits
}

// Grant is a place for one request or stream. Whoever was admitted calls Release when the work is done; a second call
// on the same variable does nothing. The zero Grant holds nothing.
type Grant struct {
	limiter *Limiter
	tenant  *tenant
	stream  bool
}

// Release gives the place back.
func (g *Grant) Release() {
	if g.tenant == nil {
		return
	}
	g.tenant.counter(g.stream).Add(-1)
	g.limiter.total.Add(-1)
	g.tenant = nil
}

// Admit takes a place for a request of the tenant, or for a stream, which lasts. Every request counts against requests a
// second and against the process; streams have a bound of their own instead of that of concurrent requests. A request
// that is refused costs the tenant nothing.
func (l *Limiter) Admit(tenant string, stream bool) (Grant, *Refusal) {
	s, t := l.settings.Load(), l.tenant(tenant)
	b := t.bounds.Load()
	if wait := t.rate.take(l.now(), b.requestCost, b.requestBurst); wait > 0 {
		return Grant{}, refuse(http.StatusTooManyRequests, RequestRate, wait)
	}
	most, reason := b.concurrent, ConcurrentRequests
	if stream {
		most, reason = b.streams, Streams
	}
	counter := t.counter(stream)
	if !claim(counter, most) {
		t.rate.refund(b.requestCost)
		return Grant{}, refuse(http.StatusTooManyRequests, reason, 0)
	}
	if reason := l.place(s, t); reason != "" {
		counter.Add(-1)
		t.rate.refund(b.requestCost)
		return Grant{}, refuse(http.StatusServiceUnavailable, reason, 0)
	}
	return Grant{limiter: l, tenant: t, stream: stream}, nil
}

// place takes one of the process's places for a tenant whose own counter is already raised, so that two requests of one
// tenant cannot both take its last one. The answer is the reason why there is none.
func (l *Limiter) place(s *settings, t *tenant) (reason string) {
	for {
		total := l.total.Load()
		if total >= s.concurrent {
			return ProcessFull
		}
		others := t.requests.Load() + t.streams.Load() - 1
		// What is free is at least one: a tenant that holds nothing is let in.
		if float64(others) >= s.factor*float64(s.concurrent-total) {
			return TenantShare
		}
		if l.total.CompareAndSwap(total, total+1) {
			return ""
		}
	}
}

// InFlight calls yield with each tenant's requests and streams in work, in no order. Tenants that are in no list are
// reported together under the empty name, if there are any.
func (l *Limiter) InFlight(yield func(tenant string, n int)) {
	s := l.settings.Load()
	for name, t := range s.tenants {
		yield(name, t.held())
	}
	if n := s.unlisted.held(); n > 0 {
		yield("", n)
	}
}

// Total is how many requests and streams the process has in work, those of tenants that are gone included.
func (l *Limiter) Total() int { return int(l.total.Load()) }

func (t *tenant) held() int { return int(t.requests.Load() + t.streams.Load()) }

func (t *tenant) counter(stream bool) *atomic.Int64 {
	if stream {
		return &t.streams
	}
	return &t.requests
}

// claim raises a counter that is below most. It never shows more than most, so nobody is refused for a claim that is
// about to be taken back.
func claim(counter *atomic.Int64, most int64) bool {
	for {
		n := counter.Load()
		if n >= most {
			return false
		}
		if counter.CompareAndSwap(n, n+1) {
			return true
		}
	}
}
