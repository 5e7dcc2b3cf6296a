package limit

import (
	"time"

	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/proxy/config"
)

// burstTime is how long a tenant may send at twice its rate after it has sent nothing.
const burstTime = 2 * time.Second

// bounds are this process's part of a tenant's limits, in the units of the counters.
type bounds struct {
	part                      config.TenantLimits
	concurrent, streams       int64
	requestCost, requestBurst int64 // nanoseconds
	byteBurst                 int64 // nanoseconds
}

func newBounds(whole config.TenantLimits, replicas int) *bounds {
	part := config.TenantLimits{
		RequestsPerSecond:  share(whole.RequestsPerSecond, replicas),
		ConcurrentRequests: share(whole.ConcurrentRequests, replicas),
		BytesPerSecond:     share(whole.BytesPerSecond, replicas),
		BodyBytes:          whole.BodyBytes,
		InflatedBytes:      whole.InflatedBytes,
		Streams:            share(whole.Streams, replicas),
	}
	b := &bounds{
		part:         part,
		concurrent:   int64(part.ConcurrentRequests),
		streams:      int64(part.Streams),
		requestCost:  max(int64(time.Second)/int64(part.RequestsPerSecond), 1),
		requestBurst: int64(burstTime),
	}
	// Never smaller than one body, or a body within its own bound would never be taken.
	b.byteBurst = max(int64(burstTime), b.byteCost(int64(part.BodyBytes)))
	return b
}

// byteCost is how long the tenant's rate takes for n bytes, in nanoseconds.
func (b *bounds) byteCost(n int64) int64 {
	return int64(float64(n) * float64(time.Second) / float64(b.part.BytesPerSecond))
}

// share is one process's part, rounded up, at least 1.
func share[N int | quantity.Bytes](whole N, replicas int) N {
	n := N(max(replicas, 1))
	return max((whole+n-1)/n, 1)
}
