package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Bounds of what is remembered of tokens.
const (
	// inUse is for how long a token counts as in use after it was seen.
	inUse = 24 * time.Hour
	// tokensPerTenant bounds the tokens remembered of a tenant; a tenant with more of them has some not watched.
	tokensPerTenant = 64
)

// Tokens remembers when tokens in use expire, so that an alert can tell before a tenant's agents are locked out.
type Tokens struct {
	description *prometheus.Desc
	now         func() time.Time

	mutex   sync.RWMutex
	tenants map[string]map[string]*seen
}

type seen struct {
	expires time.Time
	mutex   sync.Mutex
	last    time.Time
}

func newTokens() *Tokens {
	return &Tokens{
		description: prometheus.NewDesc(TokenExpiryName,
			"When the soonest token in use of a tenant expires, in seconds since 1970.", []string{"tenant"}, nil),
		now:     time.Now,
		tenants: map[string]map[string]*seen{},
	}
}

// Seen tells that a tenant's token was used. The tenant is one of tenants.yaml.
func (t *Tokens) Seen(tenant, id string, expires, now time.Time) {
	t.mutex.RLock()
	token := t.tenants[tenant][id]
	t.mutex.RUnlock()
	if token == nil {
		t.add(tenant, id, expires, now)
		return
	}
	token.mutex.Lock()
	token.last = now
	token.mutex.Unlock()
}

func (t *Tokens) add(tenant, id string, expires, now time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	tokens := t.tenants[tenant]
	if tokens == nil {
		tokens = map[string]*seen{}
		t.tenants[tenant] = tokens
	}
	if len(tokens) >= tokensPerTenant {
		t.sweep(tokens)
	}
	if len(tokens) < tokensPerTenant {
		tokens[id] = &seen{expires: expires, last: now}
	}
}

// sweep forgets tokens that are not in use any more; the mutex is held for writing.
func (t *Tokens) sweep(tokens map[string]*seen) {
	now := t.now()
	for id, token := range tokens {
		if now.After(token.expires) || now.Sub(token.last) > inUse {
			delete(tokens, id)
		}
	}
}

func (t *Tokens) forget(tenant string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	delete(t.tenants, tenant)
}

// Describe implements prometheus.Collector.
func (t *Tokens) Describe(to chan<- *prometheus.Desc) { to <- t.description }

// Collect implements prometheus.Collector.
func (t *Tokens) Collect(to chan<- prometheus.Metric) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for tenant, tokens := range t.tenants {
		t.sweep(tokens)
		var soonest time.Time
		for _, token := range tokens {
			if soonest.IsZero() || token.expires.Before(soonest) {
				soonest = token.expires
			}
		}
		if !soonest.IsZero() {
			to <- prometheus.MustNewConstMetric(t.description, prometheus.GaugeValue, float64(soonest.Unix()), tenant)
		}
	}
}
