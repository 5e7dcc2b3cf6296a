package limit

import (
	"net/netip"
	"sync"
	"time"
)

// Bounds of failures. One costs about 100 µs (the check of a signature), so that an address may take a thousandth of a
// processor for good.
const (
	failureCost  = int64(time.Second) / 10 // in a bucket, so ten a second
	failureBurst = 100 * failureCost
	// mostAddresses are counted each for itself; all others share what strangerFactor addresses have.
	mostAddresses  = 4096
	strangerFactor = 16
	sweepEvery     = time.Second
)

// Failures bounds the work that strangers make by what fails, by the address that they come from: an address of IPv4, or
// a network of 64 bits of IPv6, of which everybody has many.
//
// The threat is a client that sends tokens with a right key ID and a wrong signature: each costs a signature, as often as
// it likes. The counter-threat is a stranger who locks others out that share its address; so who asks must not ask about
// what was found good before. The zero value is ready to use.
type Failures struct {
	mutex     sync.Mutex
	start     time.Time
	addresses map[netip.Prefix]*bucket
	strangers bucket
	swept     int64
}

// Wait is how long what comes from an address must wait, 0 for not at all.
func (f *Failures) Wait(from netip.Addr) time.Duration {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	now := f.now()
	b, cost := f.bucket(now, from, false)
	if b == nil {
		return 0
	}
	return time.Duration(max(0, max(b.empty.Load(), now-failureBurst)+cost-now))
}

// Failed counts a failure of an address.
func (f *Failures) Failed(from netip.Addr) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	now := f.now()
	b, cost := f.bucket(now, from, true)
	b.debit(now, cost, failureBurst, 0)
}

// now is nanoseconds since the first use; the mutex is held.
func (f *Failures) now() int64 {
	if f.start.IsZero() {
		f.start = time.Now()
		f.addresses = map[netip.Prefix]*bucket{}
		f.strangers.fill(0, failureBurst)
	}
	return int64(time.Since(f.start))
}

// bucket is that of an address, and what a failure costs in it. One that is not counted has none until it is added.
func (f *Failures) bucket(now int64, from netip.Addr, add bool) (found *bucket, cost int64) {
	network := networkOf(from)
	if b := f.addresses[network]; b != nil {
		return b, failureCost
	}
	if len(f.addresses) >= mostAddresses {
		f.sweep(now)
	}
	switch {
	case len(f.addresses) >= mostAddresses:
		return &f.strangers, failureCost / strangerFactor
	case !add:
		return nil, failureCost
	}
	b := &bucket{}
	b.fill(now, failureBurst)
	f.addresses[network] = b
	return b, failureCost
}

// sweep forgets addresses that have not failed for long, not more often than it is worth.
func (f *Failures) sweep(now int64) {
	if now-f.swept < int64(sweepEvery) {
		return
	}
	f.swept = now
	for network, b := range f.addresses {
		if b.empty.Load() <= now-failureBurst {
			delete(f.addresses, network)
		}
	}
}

func networkOf(from netip.Addr) netip.Prefix {
	from = from.Unmap()
	bits := 64
	if from.Is4() {
		bits = 32
	}
	network, err := from.WithZone("").Prefix(bits)
	if err != nil { // no address: all of these are one
		return netip.Prefix{}
	}
	return network
}
