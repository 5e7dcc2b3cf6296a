package limit

import "sync/atomic"

// bucket is a token bucket in one number: the time at which it was, or will be, empty. What it holds is the time since
// then, at most the burst. Because it counts time and not tokens, a changed rate needs no conversion. All times are
// nanoseconds of the limiter's own clock, which starts at 0 with an empty past: a new bucket is filled by the caller.
type bucket struct{ empty atomic.Int64 }

// fill makes the bucket hold the burst, as that of a tenant that has not been seen yet.
func (b *bucket) fill(now, burst int64) { b.empty.Store(now - burst) }

// take pays cost if the bucket holds as much, and otherwise leaves it and answers for how long the caller must wait.
func (b *bucket) take(now, cost, burst int64) (wait int64) {
	for {
		old := b.empty.Load()
		next := max(old, now-burst) + cost
		if next > now {
			return next - now
		}
		if b.empty.CompareAndSwap(old, next) {
			return 0
		}
	}
}

// debit pays cost in any case, up to a debt of most, and answers how large the debt is.
func (b *bucket) debit(now, cost, burst, most int64) (debt int64) {
	for {
		old := b.empty.Load()
		next := min(max(old, now-burst)+cost, max(old, now+most))
		if b.empty.CompareAndSwap(old, next) {
			return max(0, next-now)
		}
	}
}

// refund gives cost back. More than the burst is forgotten at the next call.
func (b *bucket) refund(cost int64) { b.empty.Add(-cost) }
