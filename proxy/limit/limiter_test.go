package limit_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/limit"
)

// limits are wide ones with what a test changes.
func limits(change func(*config.Limits)) config.Limits {
	c := config.Limits{ConcurrentRequests: 1000, TenantShare: 1, Tenant: config.TenantLimits{
		RequestsPerSecond: 1_000_000, ConcurrentRequests: 1000, BytesPerSecond: 1 << 30, BodyBytes: 1 << 20, InflatedBytes: 1 << 20, Streams: 100,
	}}
	if change != nil {
		change(&c)
	}
	return c
}

func tenants(names ...string) []config.Tenant {
	list := make([]config.Tenant, 0, len(names))
	for _, name := range names {
		list = append(list, config.Tenant{Name: name})
	}
	return list
}

func limiter(c config.Limits, names ...string) *limit.Limiter {
	l := limit.New(c)
	l.Update(c, tenants(names...))
	return l
}

// admitAll admits until it is refused.
func admitAll(l *limit.Limiter, tenant string, stream bool) (grants []limit.Grant, refusal *limit.Refusal) {
	for {
		grant, refusal := l.Admit(tenant, stream)
		if refusal != nil {
			return grants, refusal
		}
		grants = append(grants, grant)
	}
}

func release(grants []limit.Grant) {
	for i := range grants {
		grants[i].Release()
	}
}

func TestRequestsASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(limits(func(c *config.Limits) { c.Tenant.RequestsPerSecond = 10 }), "a", "b")
		burst, refusal := admitAll(l, "a", false)
		release(burst)
		if len(burst) != 20 || refusal.Status != 429 || refusal.Reason != limit.RequestRate || refusal.RetryAfter < time.Second {
			t.Errorf("a tenant's burst is %d, want 2 s of 10; refused with %+v", len(burst), refusal)
		}
		if _, refusal := l.Admit("b", false); refusal != nil {
			t.Errorf("another tenant pays for the first one's burst: %v", refusal)
		}
		time.Sleep(time.Second)
		more, _ := admitAll(l, "a", false)
		release(more)
		if len(more) != 10 {
			t.Errorf("after a second %d requests are let in, want 10", len(more))
		}
		time.Sleep(time.Hour)
		if again, _ := admitAll(l, "a", false); len(again) != 20 {
			t.Errorf("after an hour of silence the burst is %d, want 20", len(again))
		}
	})
}

func TestConcurrentRequestsAndStreams(t *testing.T) {
	l := limiter(limits(func(c *config.Limits) { c.Tenant.ConcurrentRequests, c.Tenant.Streams = 5, 2 }), "a")
	requests, refusal := admitAll(l, "a", false)
	if len(requests) != 5 || refusal.Reason != limit.ConcurrentRequests || refusal.Status != 429 {
		t.Errorf("%d requests in work, want 5; refused with %+v", len(requests), refusal)
	}
	streams, refusal := admitAll(l, "a", true)
	if len(streams) != 2 || refusal.Reason != limit.Streams {
		t.Errorf("%d streams beside the requests, want 2; refused with %+v", len(streams), refusal)
	}
	requests[0].Release()
	requests[0].Release()
	if more, _ := admitAll(l, "a", false); len(more) != 1 {
		t.Errorf("a grant that was released twice made place for %d requests", len(more))
	}
	l.InFlight(func(tenant string, n int) {
		if tenant != "a" || n != 7 {
			t.Errorf("%q has %d in work, want 7 of a", tenant, n)
		}
	})
}

func TestARefusedRequestCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(limits(func(c *config.Limits) { c.Tenant.RequestsPerSecond, c.Tenant.ConcurrentRequests = 5, 1 }), "a")
		grant, _ := l.Admit("a", false)
		for range 100 {
			if _, refusal := l.Admit("a", false); refusal == nil || refusal.Reason != limit.ConcurrentRequests {
				t.Fatalf("refused with %+v, want for its requests in work", refusal)
			}
		}
		grant.Release()
		if _, refusal := l.Admit("a", false); refusal != nil {
			t.Errorf("refused requests used up the rate: %v", refusal)
		}
		full := limiter(limits(func(c *config.Limits) { c.ConcurrentRequests, c.Tenant.RequestsPerSecond = 1, 5 }), "a")
		grant, _ = full.Admit("a", false)
		for range 100 {
			if _, refusal := full.Admit("a", false); refusal == nil || refusal.Reason != limit.ProcessFull {
				t.Fatalf("refused with %+v, want for the whole process", refusal)
			}
		}
		grant.Release()
		if _, refusal := full.Admit("a", false); refusal != nil {
			t.Errorf("requests that a full process refused used up the rate: %v", refusal)
		}
	})
}

func TestATenantEndsAtItsShare(t *testing.T) {
	c := limits(func(c *config.Limits) { c.ConcurrentRequests, c.TenantShare = 120, 0.5 })
	l := limiter(c, "a", "b", "c", "d")
	var held []int
	for _, name := range []string{"a", "b", "c"} {
		grants, refusal := admitAll(l, name, false)
		held = append(held, len(grants))
		if refusal.Reason != limit.TenantShare || refusal.Status != 503 || refusal.RetryAfter < time.Second {
			t.Errorf("%s is refused with %+v, want 503 for its share", name, refusal)
		}
	}
	if held[0] != 60 || held[1] < 25 || held[2] < 12 {
		t.Errorf("greedy tenants hold %v of 120", held)
	}
	if grants, _ := admitAll(l, "d", false); len(grants) == 0 {
		t.Error("three greedy tenants leave the fourth nothing")
	}
}

func TestAFullProcess(t *testing.T) {
	l := limiter(limits(func(c *config.Limits) { c.ConcurrentRequests = 3 }), "a", "b")
	grants, refusal := admitAll(l, "a", false)
	if len(grants) != 3 || refusal.Reason != limit.ProcessFull || refusal.Status != 503 {
		t.Errorf("%d requests in a process for 3; refused with %+v", len(grants), refusal)
	}
	release(grants)
	if _, refusal := l.Admit("b", false); refusal != nil {
		t.Errorf("released places are not free: %v", refusal)
	}
}

// Many workers of a greedy tenant hold requests for ever; a modest tenant's every request must still be let in.
func TestAGreedyTenantStarvesNobody(t *testing.T) {
	c := limits(func(c *config.Limits) { c.ConcurrentRequests, c.TenantShare = 64, 0.5 })
	l := limiter(c, "greedy", "greedier", "modest")
	stop := make(chan struct{})
	var workers sync.WaitGroup
	var most atomic.Int64
	for i := range 8 {
		workers.Go(func() {
			var held []limit.Grant
			for {
				select {
				case <-stop:
					release(held)
					return
				default:
				}
				grant, refusal := l.Admit([]string{"greedy", "greedier"}[i%2], i%4 < 2)
				switch {
				case refusal == nil:
					held = append(held, grant)
				case len(held) > 0:
					held[0].Release()
					held = held[1:]
				}
				if total := int64(l.Total()); total > most.Load() {
					most.Store(total)
				}
			}
		})
	}
	// Two that are greedy end at a third of the process each.
	for deadline := time.Now().Add(10 * time.Second); l.Total() < 40 && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if l.Total() < 40 {
		t.Errorf("greedy tenants hold only %d of 64", l.Total())
	}
	refused := 0
	for range 20_000 {
		grant, refusal := l.Admit("modest", false)
		if refusal != nil {
			refused++
		}
		grant.Release()
	}
	close(stop)
	workers.Wait()
	if refused > 0 {
		t.Errorf("%d of 20000 requests of a modest tenant were refused beside greedy ones", refused)
	}
	if most.Load() > 64 || l.Total() != 0 {
		t.Errorf("at most %d were in work and %d are left, want at most 64 and none", most.Load(), l.Total())
	}
}

func TestCountersReturnToZero(t *testing.T) {
	names := []string{"a", "b", "c", "unlisted"}
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, seed))
		l := limiter(limits(func(c *config.Limits) { c.ConcurrentRequests, c.TenantShare = 20, 0.3 }), "a", "b", "c")
		var held []limit.Grant
		for range 2000 {
			switch n := random.IntN(10); {
			case n < 6:
				if grant, refusal := l.Admit(names[random.IntN(len(names))], random.IntN(3) == 0); refusal == nil {
					held = append(held, grant)
				}
			case n < 9 && len(held) > 0:
				i := random.IntN(len(held))
				held[i].Release()
				held = append(held[:i], held[i+1:]...)
			case n == 9 && random.IntN(20) == 0:
				l.Update(limits(nil), tenants(names[:random.IntN(4)]...))
			}
			if l.Total() != len(held) {
				t.Fatalf("seed %d: %d are counted, %d are held", seed, l.Total(), len(held))
			}
		}
		release(held)
		l.InFlight(func(tenant string, n int) {
			if n != 0 {
				t.Errorf("seed %d: %q is left with %d in work", seed, tenant, n)
			}
		})
		if l.Total() != 0 {
			t.Errorf("seed %d: the process is left with %d in work", seed, l.Total())
		}
	}
}

func TestAnUpdateKeepsCounters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := limits(func(c *config.Limits) { c.Tenant.RequestsPerSecond, c.Tenant.ConcurrentRequests = 5, 3 })
		l := limiter(c, "a")
		grants, _ := admitAll(l, "a", false)
		c.Tenant.ConcurrentRequests = 2
		l.Update(c, tenants("a", "b"))
		grants[0].Release()
		if _, refusal := l.Admit("a", false); refusal == nil || refusal.Reason != limit.ConcurrentRequests {
			t.Errorf("two are in work and two are allowed: %+v", refusal)
		}
		release(grants)
		for range 4 {
			grants, _ = admitAll(l, "a", false)
			release(grants)
		}
		l.Update(c, tenants("a"))
		if _, refusal := l.Admit("a", false); refusal == nil || refusal.Reason != limit.RequestRate {
			t.Errorf("a reload gave a tenant a new burst: %+v", refusal)
		}
	})
}

func TestATenantsOwnLimitsComeFirst(t *testing.T) {
	own := config.Tenant{Name: "a", Limits: config.TenantLimits{RequestsPerSecond: 10, Streams: 1}}
	c := limits(nil)
	l := limit.New(c)
	l.Update(c, []config.Tenant{own})
	want := c.Tenant
	want.RequestsPerSecond, want.Streams = 10, 1
	if got := l.Limits("a"); got != want {
		t.Errorf("the limits are %+v, want %+v", got, want)
	}
}

func TestRetryAfterIsSpreadWholeSeconds(t *testing.T) {
	seen := map[time.Duration]bool{}
	l := limiter(limits(func(c *config.Limits) { c.ConcurrentRequests = 1 }), "a")
	grant, _ := l.Admit("a", false)
	defer grant.Release()
	for range 200 {
		_, refusal := l.Admit("a", false)
		if refusal.RetryAfter < time.Second || refusal.RetryAfter%time.Second != 0 {
			t.Fatalf("Retry-After is %s", refusal.RetryAfter)
		}
		seen[refusal.RetryAfter] = true
	}
	if len(seen) < 2 {
		t.Errorf("all agents are told to come back after %v", seen)
	}
}

func TestEachReasonHasASentence(t *testing.T) {
	texts := map[string]bool{}
	for _, reason := range limit.Reasons() {
		texts[(&limit.Refusal{Reason: reason}).Error()] = true
	}
	if len(texts) != len(limit.Reasons()) {
		t.Errorf("%d reasons have %d sentences", len(limit.Reasons()), len(texts))
	}
}

func BenchmarkAdmit(b *testing.B) {
	l := limiter(limits(func(c *config.Limits) { c.Tenant.RequestsPerSecond = 10_000_000; c.TenantShare = 0.5 }), "a")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			grant, _ := l.Admit("a", false)
			grant.Release()
		}
	})
}
