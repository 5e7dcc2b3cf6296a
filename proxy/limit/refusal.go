package limit

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// The reasons of refusals: a bounded set, used as a label of metrics.
const (
	// RequestRate is the tenant's requests a second.
	RequestRate = "request_rate"
	// ConcurrentRequests is the tenant's requests in work.
	ConcurrentRequests = "concurrent_requests"
	// Streams is the tenant's open tails and other WebSocket connections.
	Streams = "streams"
	// ByteRate is the tenant's bytes a second.
	ByteRate = "byte_rate"
	// BodySize is the size of one body as it arrives.
	BodySize = "body_size"
	// InflatedSize is the size of one body after decompression.
	InflatedSize = "inflated_size"
	// TenantShare is the tenant's part of the process, below the tenant's own limits.
	TenantShare = "tenant_share"
	// ProcessFull is the process with all the requests that it takes.
	ProcessFull = "process_full"
)

// Reasons are all reasons.
func Reasons() []string {
	return []string{RequestRate, ConcurrentRequests, Streams, ByteRate, BodySize, InflatedSize, TenantShare, ProcessFull}
}

// Refusal says why a request is not let in, and when it may be tried again.
type Refusal struct {
	// Status is the HTTP status: 429 for a limit of the tenant, 413 for a body that is too large, and 503 where the
	// process has no place. A tenant within its limits must not lose data, and Prometheus drops samples on 429 unless it is
	// told otherwise (retry_on_http_429), while it retries on 503.
	Status int
	// Reason is one of Reasons.
	Reason string
	// RetryAfter is in whole seconds, at least one, spread so that agents do not come back together. 0 with status 413:
	// the same body will never be taken.
	RetryAfter time.Duration
}

// Error is a sentence for the caller. It says nothing about other tenants.
func (r *Refusal) Error() string {
	text, known := sentences[r.Reason]
	if !known {
		text = "the request is over a limit"
	}
	if r.RetryAfter <= 0 {
		return text
	}
	return fmt.Sprintf("%s; try again after %d s", text, r.RetryAfter/time.Second)
}

var sentences = map[string]string{
	RequestRate:        "the tenant sends more requests a second than it may",
	ConcurrentRequests: "the tenant has as many requests in work as it may",
	Streams:            "the tenant has as many streams open as it may",
	ByteRate:           "the tenant sends more bytes a second than it may",
	BodySize:           "the body is larger than the tenant may send",
	InflatedSize:       "the body is larger after decompression than the tenant may send",
	TenantShare:        "the proxy is busy, and the tenant holds its share of it",
	ProcessFull:        "the proxy is busy",
}

// longestRetry bounds Retry-After: agents give up, or buffer too much, when they are told to wait for long.
const longestRetry = time.Minute

// refuse spreads Retry-After over half as long again, at least over two seconds.
func refuse(status int, reason string, wait int64) *Refusal {
	whole := (min(max(time.Duration(wait), 1), longestRetry) + time.Second - 1) / time.Second
	spread := rand.N(max(whole/2, 1) + 1) //nolint:gosec // the spread of retries is no secret
	return &Refusal{Status: status, Reason: reason, RetryAfter: (whole + spread) * time.Second}
}

func tooLarge(reason string) *Refusal {
	return &Refusal{Status: http.StatusRequestEntityTooLarge, Reason: reason}
}
