package attack

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/proxytest"
	"github.com/opsgen/opsgen/proxy/token"
)

// knock asks with a token and returns the status.
func (b *bed) knock(t *testing.T, client *http.Client, bearer string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.fill("https://{host}"+query, b.begin()), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+bearer)
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// forged is a good token with another signature each time.
func forged(good string, n int) string {
	head, signature := good[:strings.LastIndexByte(good, '.')+1], []byte(good[strings.LastIndexByte(good, '.')+1:])
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	signature[0], signature[1] = letters[n%len(letters)], letters[n/len(letters)%len(letters)]
	// The two may be those of the good one; the third never is.
	if signature[2]++; !strings.ContainsRune(letters, rune(signature[2])) {
		signature[2] = letters[0]
	}
	return head + string(signature)
}

// A stranger that makes the proxy check signatures is slowed down, and locks out nobody who was let in before.
func TestAFloodOfForgedTokens(t *testing.T) {
	b := start(t)
	client := b.proxy.Client(t, true)
	fresh := func(id string) string {
		return b.proxy.Token(t, mine, func(c *token.Claims) { c.ID = id }, config.MetricsRead)
	}
	neighbour, good := fresh("neighbour"), fresh("good")
	if status := b.knock(t, client, neighbour); status != http.StatusOK {
		t.Fatalf("a good token gets %d", status)
	}
	// An address may fail ten times a second for good, so that a busy machine needs more tries.
	flood := func() {
		slowed := 0
		for n := 0; slowed < 100; n++ {
			if n == 4000 {
				t.Fatalf("%d of %d forged tokens were put off", slowed, n)
			}
			switch status := b.knock(t, client, forged(good, n)); status {
			case http.StatusUnauthorized:
			case http.StatusServiceUnavailable:
				slowed++
			default:
				t.Fatalf("a forged token gets %d", status)
			}
		}
	}
	flood()
	if status := b.knock(t, client, neighbour); status != http.StatusOK {
		t.Errorf("a token of the same address that was let in before gets %d", status)
	}
	// A reload forgets what was verified; who was let in before it still is.
	b.proxy.Reload(t, proxytest.TenantsFile, append(proxytest.YAML(t, b.proxy.Tenants), '\n'))
	flood()
	if status := b.knock(t, client, neighbour); status != http.StatusOK {
		t.Errorf("after a reload it gets %d", status)
	}
	elsewhere := b.proxy.Client(t, true)
	elsewhere.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
		return from.DialContext(ctx, network, b.proxy.PublicAddress)
	}
	if status := b.knock(t, elsewhere, fresh("elsewhere")); status != http.StatusOK {
		t.Errorf("a new token of another address gets %d", status)
	}
	proxytest.Eventually(t, "a new token of the same address is let in soon after the flood", func() bool {
		return b.knock(t, client, good) == http.StatusOK
	})
	if !strings.Contains(b.proxy.Metrics(t), `opsgen_proxy_rejected_total{reason="too_many_failures",tenant=""}`) {
		t.Error("it is not counted")
	}
}

// Agents whose token has expired send it for days. They are no flood.
func TestAnExpiredTokenCostsItsNeighboursNothing(t *testing.T) {
	b := start(t)
	client := b.proxy.Client(t, true)
	expired := b.proxy.Token(t, mine, func(c *token.Claims) {
		c.NotBefore, c.IssuedAt, c.Expires = time.Now().Add(-2*time.Hour), time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	}, config.MetricsRead)
	for range 400 {
		if status := b.knock(t, client, expired); status != http.StatusUnauthorized {
			t.Fatalf("an expired token gets %d", status)
		}
	}
	if status := b.knock(t, client, b.fill("{good}", "")); status != http.StatusOK {
		t.Errorf("a neighbour gets %d", status)
	}
}
