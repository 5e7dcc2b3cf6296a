package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/token"
)

// now is the tests' clock.
var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// signers are one key of each kind, by kid; the Ed25519 one is the same in every run, for fuzzing.
type signers map[string]crypto.Signer

func newSigners(t testing.TB) signers {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return signers{"ed": fixedKey(0), "ec": ec, "rsa": r}
}

func fixedKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), seed))
}

// jwks is the key set of the signers.
func (s signers) jwks(t testing.TB) []byte {
	t.Helper()
	set := jose.JSONWebKeySet{}
	for kid, signer := range s {
		set.Keys = append(set.Keys, jose.JSONWebKey{
			Key: signer.Public(), KeyID: kid, Use: "sig", Algorithm: string(token.AlgorithmOf(signer.Public())),
		})
	}
	return encode(t, set)
}

func encode(t testing.TB, value any) []byte {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func verifier(t testing.TB, s signers) *token.Verifier {
	t.Helper()
	keys, err := token.ParseKeySet(s.jwks(t))
	if err != nil {
		t.Fatal(err)
	}
	return &token.Verifier{
		Keys: keys, Issuer: "opsgen", Audience: "prod", ClockSkew: 30 * time.Second, Now: func() time.Time { return now },
	}
}

func good() token.Claims {
	return token.Claims{
		Issuer: "opsgen", Audience: []string{"prod"}, Tenant: "payments", ID: "id-1",
		Scopes:   []config.Scope{config.MetricsWrite, config.LogsWrite},
		IssuedAt: now.Add(-time.Hour), NotBefore: now.Add(-time.Hour), Expires: now.Add(time.Hour),
	}
}

func header() map[string]any { return map[string]any{"alg": "EdDSA", "kid": "ed", "typ": "JWT"} }

func body() map[string]any {
	return map[string]any{
		"iss": "opsgen", "aud": "prod", "sub": "tenant:payments", "scope": "metrics:write", "jti": "id-1",
		"iat": now.Unix() - 60, "nbf": now.Unix() - 60, "exp": now.Unix() + 3600,
	}
}

// with is a copy with one member more, or without it for nil.
func with(members map[string]any, name string, value any) map[string]any {
	changed := maps.Clone(members)
	if value == nil {
		delete(changed, name)
		return changed
	}
	changed[name] = value
	return changed
}

// forge signs any text with the first Ed25519 key.
func forge(header, body []byte) string {
	message := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(body)
	return message + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(fixedKey(0), []byte(message)))
}
