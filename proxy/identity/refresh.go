package identity

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

const (
	// fetchTimeout bounds one fetch, and so how long a request by an unknown key may wait.
	fetchTimeout = 5 * time.Second
	// unknownPause is the least time between two fetches for unknown keys: anybody can name a key that does not exist.
	unknownPause = 10 * time.Second
	// maxWaiting bounds the requests that wait for a fetch at the same time.
	maxWaiting = 100
	firstRetry = time.Second
)

// fetching is the state of fetching keys: at most one fetch goes on at any time.
type fetching struct {
	lock        sync.Mutex
	flight      *flight
	waiting     int
	lastUnknown time.Time
	// Only the fetch that goes on uses what follows.
	authorities []byte
	client      *http.Client
}

// flight is one fetch; err is set before done is closed.
type flight struct {
	done chan struct{}
	err  error
}

// Run fetches the keys at once and then every serviceAccounts.refresh, give or take a tenth, until ctx ends. While the API
// server does not answer, the known keys stay in use and it is asked again, first after a second and then more and more
// slowly. It always returns nil.
func (s *ServiceAccounts) Run(ctx context.Context) error {
	every := max(time.Duration(s.settings.Refresh), firstRetry)
	retry := firstRetry
	for {
		wait := every
		if s.refresh(ctx) == nil {
			retry = firstRetry
		} else {
			wait, retry = min(retry, every), min(2*retry, every)
		}
		timer := time.NewTimer(spread(wait))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// spread keeps the proxies of a cluster from asking all at once.
func spread(wait time.Duration) time.Duration {
	return wait - wait/10 + rand.N(wait/5+1) //nolint:gosec // no secret
}

// refreshForUnknown fetches the keys because a token names one that is not known, and says whether to look again.
func (s *ServiceAccounts) refreshForUnknown() bool {
	f := &s.fetching
	f.lock.Lock()
	now := time.Now()
	if f.waiting >= maxWaiting || (f.flight == nil && !f.lastUnknown.IsZero() && now.Sub(f.lastUnknown) < unknownPause) {
		f.lock.Unlock()
		return false
	}
	if f.flight == nil {
		f.lastUnknown = now
	}
	f.waiting++
	f.lock.Unlock()

	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	err := s.refresh(ctx)

	f.lock.Lock()
	f.waiting--
	f.lock.Unlock()
	return err == nil
}

// refresh fetches the keys, or waits for the fetch that goes on already.
func (s *ServiceAccounts) refresh(ctx context.Context) error {
	f := &s.fetching
	f.lock.Lock()
	if other := f.flight; other != nil {
		f.lock.Unlock()
		select {
		case <-other.done:
			return other.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	own := &flight{done: make(chan struct{})}
	f.flight = own
	f.lock.Unlock()
	// Deferred: should reading an answer panic, nobody waits for ever.
	defer func() {
		f.lock.Lock()
		f.flight = nil
		f.lock.Unlock()
		close(own.done)
	}()
	own.err = s.fetchAndKeep(ctx)
	if s.Observe != nil {
		s.Observe(own.err)
	}
	return own.err
}

func (s *ServiceAccounts) fetchAndKeep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	keys, err := s.fetch(ctx)
	if err != nil {
		return err
	}
	// Equal keys leave what is remembered in place.
	if !keys.equal(s.state.Load().keys) {
		s.change(func(next *accountState) { next.keys = keys })
	}
	return nil
}
