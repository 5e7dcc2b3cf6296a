package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/token"
)

const edKey = `{"kid":"a","alg":"EdDSA","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`

func keySet(keys ...string) []byte { return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`) }

func jwk(t *testing.T, key any, algorithm string) string {
	t.Helper()
	return string(encode(t, jose.JSONWebKey{Key: key, KeyID: "k", Algorithm: algorithm}))
}

func TestKeySetsThatAreRefused(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	small := rsa.PublicKey{N: new(big.Int).Rsh(large.N, 1024), E: 65537}
	one := rsa.PublicKey{N: large.N, E: 1}
	many := make([]string, token.MaxKeys+1)
	for i := range many {
		many[i] = strings.Replace(edKey, `"a"`, fmt.Sprintf(`"k%d"`, i), 1)
	}
	change := func(old, new string) []byte { return keySet(strings.Replace(edKey, old, new, 1)) }
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"no JSON", []byte("keys: []"), "jwks.json: not valid JSON"},
		{"no keys", []byte("{}"), "keys is missing"},
		{"a list", []byte("[]"), "must be a mapping"},
		{"an unknown member", []byte(`{"keys":[],"key":[]}`), `unknown field "key"`},
		{"a repeated member", []byte(`{"keys":[` + edKey[:len(edKey)-1] + `,"kid":"b"}]}`), "keys[0].kid is written twice"},
		{"two keys with one ID", keySet(edKey, edKey), `keys[1].kid is "a" like keys[0].kid`},
		{"too many", keySet(many...), "has 65 keys; at most 64 are read"},
		{"no ID", change(`"kid":"a",`, ""), "keys[0].kid is missing"},
		{"an ID that is a number", change(`"a"`, "7"), "keys[0].kid is missing"},
		{"no algorithm", change(`"alg":"EdDSA",`, ""), `keys[0].alg is ""`},
		{"a symmetric algorithm", change("EdDSA", "HS256"), `keys[0].alg is "HS256"`},
		{"another key's algorithm", change("EdDSA", "ES256"), "keys[0] is a key for EdDSA, but its alg is ES256"},
		{"a symmetric key", keySet(`{"kid":"a","alg":"HS256","kty":"oct","k":"c2VjcmV0"}`), "keys[0].k is a PRIVATE part"},
		{"a private key", change(`"kty"`, `"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","kty"`), "keys[0].d is a PRIVATE part of the key, and this file is public"},
		{"for encryption", change(`"kty"`, `"use":"enc","kty"`), `keys[0].use is "enc"`},
		{"a certificate", change(`"kty"`, `"x5u":"https://evil.example.com","kty"`), "keys[0].x5u is not a known member"},
		{"a key cut short", change("11qYAYKx", ""), "keys[0] cannot be read as a key"},
		{"another curve", keySet(jwk(t, p384.Public(), "ES256")), "is none of Ed25519, EC on P-256 and RSA"},
		{"a point beside the curve", keySet(`{"kid":"a","alg":"ES256","kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 42) + `E","y":"` + strings.Repeat("A", 42) + `E"}`), "keys[0] cannot be read as a key"},
		{"a small RSA key", keySet(jwk(t, &small, "RS256")), "is an RSA key of 1024 bits; it must have 2048 to 8192"},
		{"an RSA key with the exponent 1", keySet(jwk(t, &one, "RS256")), "keys[0] "},
		{"a time that is none", change(`"kty"`, `"created":"today","kty"`), `keys[0].created is "today", which is not a time`},
	} {
		t.Run(test.name, func(t *testing.T) {
			set, err := token.ParseKeySet(test.data)
			var problems document.Problems
			if !errors.As(err, &problems) || set != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "nWGxne") && !strings.Contains(err.Error(), "PRIVATE") {
				t.Errorf("a private key is printed: %v", err)
			}
		})
	}
}

func TestKeySetKeepsOrderAndDates(t *testing.T) {
	second := strings.Replace(edKey, `"a"`, `"b","created":"2026-11-01T08:00:00Z"`, 1)
	set, err := token.ParseKeySet([]byte("{\n\t\"keys\": [\n\t\t" + edKey + ",\n\t\t" + second + "\n\t]\n}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, key := range set.Keys() {
		ids = append(ids, key.ID)
	}
	if b, ok := set.Find("b"); !slices.Equal(ids, []string{"a", "b"}) || !ok || b.Algorithm != config.EdDSA || b.Created.Day() != 1 {
		t.Error(ids, b, ok)
	}
	if _, ok := set.Find(""); ok {
		t.Error("there is a key without a name")
	}
	if empty, err := token.ParseKeySet([]byte(`{"keys": []}`)); err != nil || len(empty.Keys()) != 0 {
		t.Error(empty, err)
	}
}

func TestRevocationsThatAreRefused(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"an empty file", "", "the file is empty"},
		{"comments only", "# nothing\n", "the file is empty"},
		{"a typing error", "token: []\n", `revocations.yaml:1:1: unknown field "token"; did you mean "tokens"?`},
		{"no ID", "tokens:\n- reason: leaked\n", "tokens[0].id is missing"},
		{"no reason", "keys:\n- id: a\n", "keys[0].reason is missing"},
		{"an ID with a space", "tokens:\n- {id: a b, reason: x}\n", `revocations.yaml:2:8: tokens[0].id is "a b"`},
		{"an ID twice", "tokens:\n- {id: a, reason: x}\n- {id: a, reason: y}\n", `revocations.yaml:3:8: tokens[1].id is "a", which is revoked above`},
		{"a time that is none", "issuedBefore:\n- {time: yesterday, reason: x}\n", "issuedBefore[0].time: "},
		{"a tenant that is none", "issuedBefore:\n- {time: 2026-11-21T11:30:00Z, tenant: A, reason: x}\n", `issuedBefore[0].tenant is "A"`},
		{"a second document", "tokens: []\n---\ntokens: []\n", "a second YAML document"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := token.ParseRevocations([]byte(test.text))
			if err == nil || r != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestClaimsThatAreNotSigned(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*token.Claims)
		want   string
	}{
		{"no tenant", func(c *token.Claims) { c.Tenant = "" }, "not a tenant's name"},
		{"two tenants", func(c *token.Claims) { c.Tenant = "a|b" }, "not a tenant's name"},
		{"no scope", func(c *token.Claims) { c.Scopes = nil }, "needs a scope"},
		{"no ID", func(c *token.Claims) { c.ID = "" }, "token ID"},
		{"no audience", func(c *token.Claims) { c.Audience = nil }, "issuer and an audience"},
		{"an end before the beginning", func(c *token.Claims) { c.Expires = c.IssuedAt }, "expire after"},
		{"eleven years", func(c *token.Claims) { c.Expires = c.IssuedAt.AddDate(11, 0, 0) }, "within ten years"},
		{"no times", func(c *token.Claims) { c.IssuedAt, c.NotBefore = time.Time{}, time.Time{} }, "between the years"},
	} {
		t.Run(test.name, func(t *testing.T) {
			claims := good()
			test.change(&claims)
			if raw, err := token.Sign(fixedKey(0), "ed", claims); err == nil || raw != "" || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, %v, want %q", raw, err, test.want)
			}
		})
	}
	if _, err := token.Sign(fixedKey(0), "a b", good()); err == nil {
		t.Error("a key ID with a space was taken")
	}
}
