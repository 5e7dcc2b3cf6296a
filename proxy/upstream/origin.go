package upstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	lookupFresh   = 5 * time.Second  // how long addresses are used without asking again
	lookupStale   = 15 * time.Second // after how long a request waits for the answer: pods may have moved while nobody asked
	lookupTimeout = 5 * time.Second  // how long a look-up may take
	failuresAside = 3                // failures in a row that set an address aside
	asideFirst    = 2 * time.Second  // for how long, the first time; then twice as long each time
	asideLongest  = 30 * time.Second // and never longer
	spreadAgain   = time.Minute      // after how long connections to a lone address are made anew
)

var errNoAddress = errors.New("the upstream's name has no address")

// origin is one upstream: a name, its addresses of now, and how they do.
type origin struct {
	pool                     *Pool
	scheme, host, name, port string
	transport                *http.Transport

	state     atomic.Pointer[addresses]
	refreshed atomic.Int64 // when a look-up was begun last, in ns since 1970
	first     sync.Mutex   // held for a look-up that requests wait for
}

// addresses do not change; the next look-up makes new ones and keeps the counters of those that stay.
type addresses struct {
	list []*address
	at   time.Time // when the look-up answered
}

// address is one endpoint of an upstream.
type address struct {
	hostPort string
	inFlight atomic.Int64
	failures atomic.Int32 // in a row
	aside    atomic.Int64 // until when it is set aside, in ns since 1970
	times    atomic.Int32 // how often in a row it was set aside
	links    links
}

// pick chooses one of two random addresses, the one with less in flight, among those that are not set aside, and not
// again. A single address is chosen again: it may be that of a Service with many pods behind it.
func (o *origin) pick(ctx context.Context, again *address) (*address, error) {
	now := time.Now()
	state, err := o.addresses(ctx, now)
	if err != nil {
		return nil, err
	}
	list := state.list
	if len(list) == 1 {
		return list[0], nil
	}
	start, usable := rand.IntN(len(list)), [2]*address{} //nolint:gosec // spreads load; nothing depends on it being secret
	found := 0
	for i := 0; i < len(list) && found < 2; i++ {
		a := list[(start+i*stride(len(list)))%len(list)]
		if a != again && a.aside.Load() <= now.UnixNano() {
			usable[found] = a
			found++
		}
	}
	switch {
	case found == 2 && usable[1].inFlight.Load() < usable[0].inFlight.Load():
		return usable[1], nil
	case found > 0:
		return usable[0], nil
	}
	// All are set aside: then all are used, since none is known to be better.
	a := list[start]
	if a == again {
		a = list[(start+1)%len(list)]
	}
	return a, nil
}

// stride walks a list of n from a random beginning without meeting an entry twice, and not always to the neighbour.
func stride(n int) int {
	for _, prime := range [...]int{7, 5, 3} {
		if n > prime && n%prime != 0 {
			return prime
		}
	}
	return 1
}

// addresses gives those of the last look-up, and begins the next when it is due.
func (o *origin) addresses(ctx context.Context, now time.Time) (*addresses, error) {
	state := o.state.Load()
	if state == nil {
		return o.lookupFirst(ctx)
	}
	last := o.refreshed.Load()
	age := now.UnixNano() - last
	if age <= int64(lookupFresh) || net.ParseIP(o.name) != nil || !o.refreshed.CompareAndSwap(last, now.UnixNano()) {
		return state, nil
	}
	if age > int64(lookupStale) {
		o.lookupAgain(ctx)
		return o.state.Load(), nil
	}
	go o.lookupAgain(o.pool.context)
	return state, nil
}

// lookupAgain renews the addresses. When it cannot, those before stay in use.
func (o *origin) lookupAgain(ctx context.Context) {
	if _, err := o.lookup(ctx); err != nil && ctx.Err() == nil {
		o.pool.metrics.lookupFailures.Inc()
		o.pool.logger.Warn("looking up an upstream; its addresses before stay in use", "host", o.name, "error", err)
	}
}

// renew looks the addresses up after a connection to one failed, unless that was done since then: the pod behind a lone
// address may be another one by now, with another address.
func (o *origin) renew(ctx context.Context, since time.Time) {
	if net.ParseIP(o.name) != nil {
		return
	}
	o.first.Lock()
	defer o.first.Unlock()
	if o.state.Load().at.Before(since) {
		o.lookupAgain(ctx)
	}
}

func (o *origin) lookupFirst(ctx context.Context) (*addresses, error) {
	o.first.Lock()
	defer o.first.Unlock()
	if state := o.state.Load(); state != nil {
		return state, nil
	}
	if net.ParseIP(o.name) != nil {
		o.store([]string{o.name})
		return o.state.Load(), nil
	}
	state, err := o.lookup(ctx)
	if err != nil {
		o.pool.metrics.lookupFailures.Inc()
	}
	return state, err
}

func (o *origin) lookup(ctx context.Context) (*addresses, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	hosts, err := o.pool.resolver.LookupHost(ctx, o.name)
	if err != nil {
		return nil, err
	}
	if len(hosts) == 0 {
		return nil, errNoAddress
	}
	o.store(hosts)
	return o.state.Load(), nil
}

func (o *origin) store(hosts []string) {
	hosts = slices.Compact(slices.Sorted(slices.Values(hosts)))
	var before []*address
	if state := o.state.Load(); state != nil {
		before = state.list
	}
	list := make([]*address, len(hosts))
	for i, host := range hosts {
		hostPort := net.JoinHostPort(host, o.port)
		known := slices.IndexFunc(before, func(a *address) bool { return a.hostPort == hostPort })
		if known >= 0 {
			list[i] = before[known]
		} else {
			list[i] = &address{hostPort: hostPort}
		}
	}
	now := time.Now()
	o.refreshed.Store(now.UnixNano())
	o.state.Store(&addresses{list, now})
	if slices.ContainsFunc(before, func(a *address) bool { return !slices.Contains(list, a) }) {
		// Connections to a pod that is gone may look well until something is sent. Those of the others are made again: pods
		// change rarely.
		o.transport.CloseIdleConnections()
		for _, a := range before {
			if !slices.Contains(list, a) {
				a.links.drop(true)
			}
		}
	} else if last := o.pool.spread.Load(); len(list) == 1 && now.UnixNano()-last > int64(spreadAgain) && o.pool.spread.CompareAndSwap(last, now.UnixNano()) {
		// A lone address may be that of a Service, which chooses a pod for each new connection: as long as all are kept, pods
		// that came later get no requests.
		o.transport.CloseIdleConnections()
		list[0].links.drop(false)
	}
}

// failed notes a failure, and sets the address aside after several in a row.
func (a *address) failed(m *metrics) {
	if a.failures.Add(1) < failuresAside {
		return
	}
	a.failures.Store(0)
	aside := min(asideFirst<<min(a.times.Add(1)-1, 10), asideLongest)
	a.aside.Store(time.Now().Add(aside).UnixNano())
	m.setAside.Inc()
}

// succeeded forgets failures. It only writes when there is something to forget: all processors share the address.
func (a *address) succeeded() {
	if a.failures.Load() != 0 {
		a.failures.Store(0)
	}
	if a.times.Load() != 0 {
		a.times.Store(0)
	}
}
