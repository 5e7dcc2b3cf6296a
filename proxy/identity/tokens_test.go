package identity_test

import (
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/identity"
	"github.com/opsgen/opsgen/proxy/token"
)

// tenantKey signs tenants' tokens; the seed is fixed, so that a failure can be repeated.
func tenantKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", 32))) }

func verifier(t testing.TB) *token.Verifier {
	t.Helper()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: tenantKey().Public(), KeyID: "tenants-1", Algorithm: "EdDSA", Use: "sig"}}}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := token.ParseKeySet(text)
	if err != nil {
		t.Fatal(err)
	}
	return &token.Verifier{Keys: keys, Issuer: "opsgen", Audience: "prod", Algorithms: config.Algorithms(), ClockSkew: 30 * time.Second}
}

func tenantToken(t testing.TB, id string, change func(*token.Claims)) string {
	t.Helper()
	now := time.Now()
	claims := token.Claims{
		Issuer: "opsgen", Audience: []string{"prod"}, Tenant: "payments", ID: id,
		Scopes:   []config.Scope{config.MetricsWrite, config.LogsWrite},
		IssuedAt: now, NotBefore: now, Expires: now.Add(time.Hour),
	}
	if change != nil {
		change(&claims)
	}
	raw, err := token.Sign(crypto.Signer(tenantKey()), "tenants-1", claims)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestATenantsToken(t *testing.T) {
	tokens := identity.NewTokens(verifier(t), []string{"payments", "search"}, 100)
	raw := tenantToken(t, "one", nil)
	for _, pass := range []string{"verified", "remembered"} {
		caller, err := tokens.Authenticate(raw)
		if err != nil {
			t.Fatalf("%s: %v", pass, err)
		}
		if caller.Tenant != "payments" || caller.AnyTenant || caller.Kind != identity.Token || caller.ID != "one" ||
			!caller.Scopes.Has(config.MetricsWrite) || caller.Scopes.Has(config.MetricsRead) || time.Until(caller.Expires) > time.Hour {
			t.Errorf("%s: the caller is %+v", pass, caller)
		}
	}
	if tokens.Remembered() != 1 {
		t.Errorf("%d tokens are remembered, want 1", tokens.Remembered())
	}
}

func TestRefusedTokensAreNotRemembered(t *testing.T) {
	tokens := identity.NewTokens(verifier(t), []string{"payments"}, 100)
	good := tenantToken(t, "one", nil)
	for name, test := range map[string]struct {
		raw  string
		want token.Reason
	}{
		"empty":                         {"", token.ReasonMalformed},
		"a word":                        {"word", token.ReasonMalformed},
		"too large":                     {strings.Repeat("x", token.MaxBytes+1), token.ReasonTooLarge},
		"a tenant that is not here":     {tenantToken(t, "x", func(c *token.Claims) { c.Tenant = "removed" }), token.ReasonSubject},
		"another cluster's":             {tenantToken(t, "x", func(c *token.Claims) { c.Audience = []string{"staging"} }), token.ReasonAudience},
		"another issuer's":              {tenantToken(t, "x", func(c *token.Claims) { c.Issuer = "other" }), token.ReasonIssuer},
		"a changed signature":           {good[:len(good)-4] + "AAAA", token.ReasonSignature},
		"a signature that is cut":       {good[:len(good)-1], token.ReasonSignature},
		"another one's signed part":     {strings.Join([]string{strings.Split(good, ".")[0], strings.Split(tenantToken(t, "y", nil), ".")[1], strings.Split(good, ".")[2]}, "."), token.ReasonSignature},
		"a text beside the good token":  {good + "A", token.ReasonSignature},
		"a line break in a good token":  {good[:50] + "\n" + good[50:], token.ReasonMalformed},
		"padding behind the good token": {good + "=", token.ReasonMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := tokens.Authenticate(good); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				_, err := tokens.Authenticate(test.raw)
				if got := reason(err); got != test.want && !(test.want == token.ReasonSignature && got == token.ReasonMalformed) {
					t.Errorf("refused with %v, want %s", err, test.want)
				}
			}
			if tokens.Remembered() != 1 {
				t.Errorf("%d tokens are remembered, want the good one only", tokens.Remembered())
			}
		})
	}
}

func TestARememberedTokenEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := identity.NewTokens(verifier(t), []string{"payments"}, 100)
		raw := tenantToken(t, "one", nil)
		later := tenantToken(t, "two", func(c *token.Claims) { c.NotBefore = c.NotBefore.Add(20 * time.Second) })
		for _, raw := range []string{raw, later} {
			if _, err := tokens.Authenticate(raw); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(59 * time.Minute)
		if _, err := tokens.Authenticate(raw); err != nil {
			t.Errorf("before its end: %v", err)
		}
		time.Sleep(time.Minute + 31*time.Second)
		if _, err := tokens.Authenticate(raw); reason(err) != token.ReasonExpired {
			t.Errorf("after its end: %v", err)
		}
	})
}

func TestAClockThatIsSetBackIsSeenByTheMemory(t *testing.T) {
	v := verifier(t)
	now := time.Now()
	v.Now = func() time.Time { return now }
	tokens := identity.NewTokens(v, []string{"payments"}, 100)
	raw := tenantToken(t, "one", nil)
	if _, err := tokens.Authenticate(raw); err != nil {
		t.Fatal(err)
	}
	now = now.Add(-time.Hour)
	if _, err := tokens.Authenticate(raw); reason(err) != token.ReasonNotYetValid {
		t.Errorf("a token of the future: %v", err)
	}
}

func TestAReloadForgetsRevokedTokens(t *testing.T) {
	v := verifier(t)
	raw := tenantToken(t, "stolen", nil)
	if _, err := identity.NewTokens(v, []string{"payments"}, 100).Authenticate(raw); err != nil {
		t.Fatal(err)
	}
	revocations, err := token.ParseRevocations([]byte("tokens:\n- id: stolen\n  reason: a laptop was lost\n"))
	if err != nil {
		t.Fatal(err)
	}
	next := *v
	next.Revocations = revocations
	if _, err := identity.NewTokens(&next, []string{"payments"}, 100).Authenticate(raw); reason(err) != token.ReasonRevoked {
		t.Errorf("a revoked token: %v", err)
	}
}

func TestTheMemoryIsBounded(t *testing.T) {
	for _, most := range []int{-1, 0, 1, 10, 1000} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			tokens := identity.NewTokens(verifier(t), []string{"payments"}, most)
			count := min(max(2*most, 20), 300)
			var threads sync.WaitGroup
			for i := range 2 {
				threads.Go(func() {
					for n := range count {
						raw := tenantToken(t, fmt.Sprintf("%d-%d", i, n), nil)
						for range 2 {
							if caller, err := tokens.Authenticate(raw); err != nil || caller.ID != fmt.Sprintf("%d-%d", i, n) {
								t.Errorf("%v, %v", caller, err)
							}
						}
					}
				})
			}
			threads.Wait()
			if got := tokens.Remembered(); got > max(most, 0) || (most >= 10 && got < min(most, 300)/2) {
				t.Errorf("%d tokens are remembered, want at most %d", got, most)
			}
		})
	}
}

func TestARememberedTokenIsCheap(t *testing.T) {
	tokens := identity.NewTokens(verifier(t), []string{"payments"}, 100)
	raw := tenantToken(t, "one", nil)
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := tokens.Authenticate(raw); err != nil {
			t.Error(err)
		}
	})
	if allocations > 0 {
		t.Errorf("a remembered token costs %v allocations", allocations)
	}
}

func BenchmarkTokens(b *testing.B) {
	for name, entries := range map[string]int{"remembered": 10_000, "verified": 0} {
		b.Run(name, func(b *testing.B) {
			tokens := identity.NewTokens(verifier(b), []string{"payments"}, entries)
			raw := tenantToken(b, "one", nil)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := tokens.Authenticate(raw); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
