package token_test

import (
	"errors"
	"testing"
	"time"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/proxy/token"
)

// FuzzVerify: whatever is accepted was signed by the key, names one tenant and has a known scope; all else is refused
// with a known reason.
func FuzzVerify(f *testing.F) {
	keys, err := token.ParseKeySet(signers{"ed": fixedKey(0)}.jwks(f))
	if err != nil {
		f.Fatal(err)
	}
	v := &token.Verifier{Keys: keys, Issuer: "opsgen", Audience: "prod", Now: func() time.Time { return now }}
	valid, err := token.Sign(fixedKey(0), "ed", good())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(valid)
	f.Fuzz(func(t *testing.T, raw string) {
		claims, err := v.Verify(raw)
		if err == nil {
			if raw != valid {
				t.Fatalf("accepted a text that nobody signed: %q as %+v", raw, claims)
			}
			return
		}
		checkReason(t, err)
	})
}

// FuzzClaims signs any header and claims: a key's owner must not get past the rules either.
func FuzzClaims(f *testing.F) {
	keys, err := token.ParseKeySet(signers{"ed": fixedKey(0)}.jwks(f))
	if err != nil {
		f.Fatal(err)
	}
	v := &token.Verifier{Keys: keys, Issuer: "opsgen", Audience: "prod", Now: func() time.Time { return now }}
	f.Add(encode(f, header()), encode(f, body()))
	f.Fuzz(func(t *testing.T, header, body []byte) {
		claims, err := v.Verify(forge(header, body))
		if err != nil {
			checkReason(t, err)
			return
		}
		if claims.Tenant == "" || len(claims.Scopes) == 0 || !token.ValidID(claims.ID) || claims.KeyID != "ed" ||
			!claims.Expires.After(now) || claims.NotBefore.After(now) || claims.IssuedAt.After(now) {
			t.Fatalf("accepted %+v from %q", claims, body)
		}
		again := *claims
		again.Expires, again.NotBefore, again.IssuedAt = now.Add(time.Hour), now, now
		if _, err := token.Sign(fixedKey(0), claims.KeyID, again); err != nil {
			t.Fatalf("what is accepted cannot be issued: %v", err)
		}
	})
}

func checkReason(t *testing.T, err error) {
	t.Helper()
	var why *token.Error
	if !errors.As(err, &why) {
		t.Fatalf("%v is no *token.Error", err)
	}
	for _, reason := range token.Reasons() {
		if why.Reason == reason {
			return
		}
	}
	t.Fatalf("unknown reason %q", why.Reason)
}

// FuzzParseKeySet: what is accepted has keys that can be used, each under its own name.
func FuzzParseKeySet(f *testing.F) {
	f.Add(keySet(edKey))
	f.Add([]byte(`{"keys": []}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := token.ParseKeySet(data)
		if err != nil {
			checkProblems(t, err)
			return
		}
		for _, key := range set.Keys() {
			found, ok := set.Find(key.ID)
			if !ok || found.ID != key.ID || token.AlgorithmOf(key.Public) != key.Algorithm || !token.ValidID(key.ID) {
				t.Fatalf("accepted %+v from %q", key, data)
			}
		}
	})
}

// FuzzParseRevocations: nothing crashes it, and what it accepts has an ID and a reason each.
func FuzzParseRevocations(f *testing.F) {
	f.Add([]byte("tokens: [{id: a, reason: x, until: 2026-11-21T11:30:00Z}]\nkeys: [{id: b, reason: y}]\nissuedBefore: [{time: 2026-11-21T11:30:00Z, tenant: a, reason: z}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		revocations, err := token.ParseRevocations(data)
		if err != nil {
			checkProblems(t, err)
			return
		}
		for _, entry := range revocations.List().Tokens {
			if !token.ValidID(entry.ID) || entry.Reason == "" {
				t.Fatalf("accepted %+v", entry)
			}
		}
	})
}

func checkProblems(t *testing.T, err error) {
	t.Helper()
	var problems document.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("%v has no place", err)
	}
}
