package limit_test

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/proxy/limit"
)

// fail makes an address fail until it must wait, and answers how often that was.
func fail(t *testing.T, f *limit.Failures, from netip.Addr) int {
	t.Helper()
	for n := range 100_000 {
		if f.Wait(from) > 0 {
			return n
		}
		f.Failed(from)
	}
	t.Fatal("an address may fail for ever")
	return 0
}

func TestWhoFailsTooOftenWaits(t *testing.T) {
	for name, test := range map[string]struct {
		first, second string
		shared        bool
	}{
		"another address":                {"192.0.2.1", "192.0.2.2", false},
		"the same address":               {"192.0.2.1", "192.0.2.1", true},
		"the same address as IPv6":       {"192.0.2.1", "::ffff:192.0.2.1", true},
		"another address of the network": {"2001:db8::1", "2001:db8::ffff:1", true},
		"another network of IPv6":        {"2001:db8::1", "2001:db8:0:1::1", false},
		"another zone":                   {"fe80::1%eth0", "fe80::1%eth1", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // so that no time passes
				var f limit.Failures
				if n := fail(t, &f, netip.MustParseAddr(test.first)); n < 50 || n > 200 {
					t.Errorf("%d failures in a row are let in", n)
				}
				wait := f.Wait(netip.MustParseAddr(test.second))
				if shared := wait > 0; shared != test.shared {
					t.Errorf("waits %s", wait)
				}
				if wait > time.Second {
					t.Errorf("waits %s: that locks out whoever shares the address", wait)
				}
			})
		})
	}
}

func TestManyAddressesShareOneBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f limit.Failures
		for i := range 5000 {
			f.Failed(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
		}
		let := 0
		for i := range 10_000 {
			from := netip.MustParseAddr(fmt.Sprintf("172.16.%d.%d", i>>8, i&255))
			if f.Wait(from) > 0 {
				break
			}
			f.Failed(from)
			let++
		}
		if let < 500 || let > 5000 {
			t.Errorf("%d failures of addresses that are not counted each are let in", let)
		}
	})
}

func TestWhatIsNoAddressIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f limit.Failures
		fail(t, &f, netip.Addr{})
		if f.Wait(netip.Addr{}) == 0 {
			t.Error("it is not counted")
		}
	})
}
