package limit

import (
	"time"

	"github.com/opsgen/opsgen/proxy/config"
)

// burstTime is how long a tenant may send at twice its rate after it has sent nothing.
const burstTime = 2 * time.Second

// bounds are a tenant's limits in the units of the counters.
type bounds struct {
	limits                    config.TenantLimits
	concurrent, streams       int64
	requestCost, requestBurst int64 // nanoseconds
	byteBurst                 int64 // nanoseconds
}

func newBounds(l config.TenantLimits) *bounds {
	b := &bounds{
		limits:       l,
		concurrent:   int64(l.ConcurrentRequests),
		streams:      int64(l.Streams),
		requestCost:  max(int64(time.Second)/int64(max(l.RequestsPerSecond, 1)), 1),
		requestBurst: int64(burstTime),
	}
	// Never smaller than one body, or a body within its own bound would never be taken.
	b.byteBurst = max(int64(burstTime), b.byteCost(int64(l.BodyBytes)))
	return b
}

// byteCost is how long the tenant's rate takes for n bytes, in nanoseconds.
func (b *bounds) byteCost(n int64) int64 {
	return int64(float64(n) * float64(time.Second) / float64(max(b.limits.BytesPerSecond, 1)))
}
