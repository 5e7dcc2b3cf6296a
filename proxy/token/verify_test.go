package token_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/token"
)

func TestTokensOfEveryKindOfKeyAreAccepted(t *testing.T) {
	keys := newSigners(t)
	v := verifier(t, keys)
	for kid, signer := range keys {
		t.Run(kid, func(t *testing.T) {
			raw, err := token.Sign(signer, kid, good())
			if err != nil {
				t.Fatal(err)
			}
			claims, err := v.Verify(raw)
			if err != nil {
				t.Fatal(err)
			}
			want := good()
			want.KeyID = kid
			if diff := cmp.Diff(&want, claims); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// refused checks the reason, and that nothing of a token's text is in the message.
func refused(t *testing.T, v *token.Verifier, raw string, want token.Reason) {
	t.Helper()
	claims, err := v.Verify(raw)
	var why *token.Error
	if !errors.As(err, &why) || claims != nil {
		t.Fatalf("accepted as %+v, want %s", claims, want)
	}
	if why.Reason != want {
		t.Errorf("refused as %s (%s), want %s", why.Reason, why.Detail, want)
	}
	for part := range strings.SplitSeq(raw, ".") {
		if len(part) > 20 && strings.Contains(err.Error(), part[:20]) {
			t.Errorf("the message holds a part of the token: %v", err)
		}
	}
	if len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\n\x1b") {
		t.Errorf("the message is long or forges a line: %q", err.Error())
	}
}

func TestForgedClaimsAreRefused(t *testing.T) {
	v := verifier(t, newSigners(t))
	second := now.Unix()
	for _, test := range []struct {
		name  string
		claim string
		value any
		want  token.Reason
	}{
		{"no issuer", "iss", nil, token.ReasonIssuer},
		{"another issuer", "iss", "evil", token.ReasonIssuer},
		{"an issuer that is a list", "iss", []string{"opsgen"}, token.ReasonMalformed},
		{"no audience", "aud", nil, token.ReasonAudience},
		{"another cluster", "aud", "staging", token.ReasonAudience},
		{"other clusters", "aud", []string{"staging", "prod2"}, token.ReasonAudience},
		{"audience null", "aud", []any{nil}, token.ReasonMalformed},
		{"no subject", "sub", nil, token.ReasonSubject},
		{"a subject without tenant:", "sub", "payments", token.ReasonSubject},
		{"an empty tenant", "sub", "tenant:", token.ReasonSubject},
		{"several tenants in Cortex' notation", "sub", "tenant:a|b", token.ReasonSubject},
		{"a path as a tenant", "sub", "tenant:..", token.ReasonSubject},
		{"a tenant in capitals", "sub", "tenant:Payments", token.ReasonSubject},
		{"a tenant with a line break", "sub", "tenant:a\r\nX-Scope-OrgID: b", token.ReasonSubject},
		{"a tenant in letters that look alike", "sub", "tenant:pаyments", token.ReasonSubject},
		{"no scope", "scope", nil, token.ReasonScope},
		{"only unknown scopes", "scope", "admin metrics:*", token.ReasonScope},
		{"scope as a list", "scope", []string{"metrics:write"}, token.ReasonMalformed},
		{"no ID", "jti", nil, token.ReasonID},
		{"an ID with a line break", "jti", "a\nb", token.ReasonID},
		{"a huge ID", "jti", strings.Repeat("a", 129), token.ReasonID},
		{"no end", "exp", nil, token.ReasonExpired},
		{"expired", "exp", second - 31, token.ReasonExpired},
		{"an end in a text", "exp", "9999999999", token.ReasonMalformed},
		{"an end after the year 9999", "exp", 1e18, token.ReasonMalformed},
		{"an end before 1970", "exp", -1, token.ReasonMalformed},
		{"an end null", "exp", struct{}{}, token.ReasonMalformed},
		{"valid for eleven years", "exp", second + 11*365*86400, token.ReasonExpired},
		{"no beginning", "nbf", nil, token.ReasonNotYetValid},
		{"not yet", "nbf", second + 31, token.ReasonNotYetValid},
		{"a beginning after the end", "nbf", second + 3601, token.ReasonNotYetValid},
		{"no time of issue", "iat", nil, token.ReasonNotYetValid},
		{"issued in the future", "iat", second + 31, token.ReasonNotYetValid},
	} {
		t.Run(test.name, func(t *testing.T) {
			refused(t, v, forge(encode(t, header()), encode(t, with(body(), test.claim, test.value))), test.want)
		})
	}
}

func TestForgedHeadersAreRefused(t *testing.T) {
	v := verifier(t, newSigners(t))
	for _, test := range []struct {
		name   string
		header map[string]any
		want   token.Reason
	}{
		{"none", with(header(), "alg", "none"), token.ReasonAlgorithm},
		{"None", with(header(), "alg", "nOnE"), token.ReasonAlgorithm},
		{"no algorithm", with(header(), "alg", nil), token.ReasonAlgorithm},
		{"another key's algorithm", with(header(), "alg", "RS256"), token.ReasonAlgorithm},
		{"symmetric", with(header(), "alg", "HS256"), token.ReasonAlgorithm},
		{"no key", with(header(), "kid", nil), token.ReasonUnknownKey},
		{"an unknown key", with(header(), "kid", "../../etc/passwd"), token.ReasonUnknownKey},
		{"another kind of key", with(with(header(), "kid", "rsa"), "alg", "RS256"), token.ReasonSignature},
		{"critical extensions", with(header(), "crit", []string{"b64"}), token.ReasonMalformed},
		{"a key of its own", with(header(), "jwk", map[string]any{"kty": "OKP"}), token.ReasonMalformed},
		{"a key set's address", with(header(), "jku", "https://evil.example.com"), token.ReasonMalformed},
		{"a certificate's address", with(header(), "x5u", "https://evil.example.com"), token.ReasonMalformed},
		{"a certificate", with(header(), "x5c", []string{"MII"}), token.ReasonMalformed},
		{"compressed", with(header(), "zip", "DEF"), token.ReasonMalformed},
		{"another kind of token", with(header(), "typ", "logout+jwt"), token.ReasonMalformed},
		{"a key that is a number", with(header(), "kid", 7), token.ReasonMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			refused(t, v, forge(encode(t, test.header), encode(t, body())), test.want)
		})
	}
}

func TestTextThatIsReadInTwoWaysIsRefused(t *testing.T) {
	v := verifier(t, newSigners(t))
	h, b := string(encode(t, header())), string(encode(t, body()))
	valid := forge([]byte(h), []byte(b))
	parts := strings.Split(valid, ".")
	for _, test := range []struct {
		name, raw string
		want      token.Reason
	}{
		{"nothing", "", token.ReasonMalformed},
		{"dots", "..", token.ReasonMalformed},
		{"two parts", parts[0] + "." + parts[1], token.ReasonMalformed},
		{"five parts (encrypted)", valid + ".a.b", token.ReasonMalformed},
		{"no signature", parts[0] + "." + parts[1] + ".", token.ReasonSignature},
		{"a signature cut short", parts[0] + "." + parts[1] + ".AAAA", token.ReasonSignature},
		{"a line break in it", parts[0] + "." + parts[1] + "\n." + parts[2], token.ReasonMalformed},
		{"spaces around it", " " + valid + " ", token.ReasonMalformed},
		{"padding", parts[0] + "=." + parts[1] + "." + parts[2], token.ReasonMalformed},
		{"the other alphabet of base64", parts[0] + "." + parts[1] + ".+/" + parts[2][2:], token.ReasonMalformed},
		{"another's claims", parts[0] + "." + strings.Split(forge([]byte(h), encode(t, with(body(), "sub", "tenant:search"))), ".")[1] + "." + parts[2], token.ReasonSignature},
		{"a claim twice", forge([]byte(h), []byte(b[:len(b)-1]+`,"sub":"tenant:search"}`)), token.ReasonMalformed},
		{"a header twice", forge([]byte(h[:len(h)-1]+`,"kid":"rsa"}`), []byte(b)), token.ReasonMalformed},
		{"claims in capitals", forge([]byte(h), []byte(strings.Replace(b, `"sub"`, `"SUB"`, 1))), token.ReasonSubject},
		{"more after the claims", forge([]byte(h), []byte(b+b)), token.ReasonMalformed},
		{"claims that are null", forge([]byte(h), []byte("null")), token.ReasonMalformed},
		{"claims that are a list", forge([]byte(h), []byte("["+b+"]")), token.ReasonMalformed},
		{"a header that is null", forge([]byte("null"), []byte(b)), token.ReasonMalformed},
		{"text that is not UTF-8", forge([]byte(h), []byte(strings.Replace(b, "payments", "pay\xffments", 1))), token.ReasonMalformed},
		{"deep nesting", forge([]byte(h), []byte(strings.Repeat("[", 5000))), token.ReasonMalformed},
		{"too large", strings.Repeat("a", token.MaxBytes+1), token.ReasonTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) { refused(t, v, test.raw, test.want) })
	}
	if _, err := v.Verify(valid); err != nil {
		t.Errorf("the token that these were made from: %v", err)
	}
}

// TestPublicKeyIsNoSecret signs with HMAC and what everybody can read, the mistake of many libraries.
func TestPublicKeyIsNoSecret(t *testing.T) {
	keys := newSigners(t)
	v := verifier(t, keys)
	der, err := x509.MarshalPKIXPublicKey(keys["rsa"].Public())
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string][]byte{"DER": der, "PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}
	for name, secret := range secrets {
		for _, algorithm := range []string{"HS256", "RS256"} {
			message := base64.RawURLEncoding.EncodeToString(encode(t, map[string]any{"alg": algorithm, "kid": "rsa"})) + "." +
				base64.RawURLEncoding.EncodeToString(encode(t, body()))
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(message))
			want := token.ReasonAlgorithm
			if algorithm == "RS256" {
				want = token.ReasonSignature
			}
			t.Run(algorithm+" with "+name, func(t *testing.T) {
				refused(t, v, message+"."+base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), want)
			})
		}
	}
}

func TestForeignKeyWithAKnownName(t *testing.T) {
	v := verifier(t, newSigners(t))
	raw, err := token.Sign(fixedKey(1), "ed", good())
	if err != nil {
		t.Fatal(err)
	}
	refused(t, v, raw, token.ReasonSignature)
}

func TestSettingsOfTheVerifier(t *testing.T) {
	keys := newSigners(t)
	raw, err := token.Sign(keys["ed"], "ed", good())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		change func(*token.Verifier)
		want   token.Reason
	}{
		{"an algorithm that is not accepted", func(v *token.Verifier) { v.Algorithms = []config.Algorithm{config.RS256} }, token.ReasonAlgorithm},
		{"no keys", func(v *token.Verifier) { v.Keys = nil }, token.ReasonUnknownKey},
		{"no issuer", func(v *token.Verifier) { v.Issuer = "" }, token.ReasonIssuer},
		{"no audience", func(v *token.Verifier) { v.Audience = "" }, token.ReasonAudience},
		{"an hour later", func(v *token.Verifier) { v.Now = func() time.Time { return now.Add(time.Hour + 30*time.Second) } }, token.ReasonExpired},
		{"two hours before", func(v *token.Verifier) { v.Now = func() time.Time { return now.Add(-2 * time.Hour) } }, token.ReasonNotYetValid},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := verifier(t, keys)
			test.change(v)
			refused(t, v, raw, test.want)
		})
	}
	t.Run("within the clocks' difference", func(t *testing.T) {
		v := verifier(t, keys)
		for _, at := range []time.Duration{time.Hour + 29*time.Second, -time.Hour - 30*time.Second} {
			v.Now = func() time.Time { return now.Add(at) }
			if _, err := v.Verify(raw); err != nil {
				t.Error(at, err)
			}
		}
	})
	t.Run("unknown scopes beside a known one", func(t *testing.T) {
		claims, err := verifier(t, keys).Verify(forge(encode(t, header()), encode(t, with(body(), "scope", "future:thing metrics:read metrics:read"))))
		if err != nil || len(claims.Scopes) != 1 || claims.Scopes[0] != config.MetricsRead {
			t.Error(claims, err)
		}
	})
}

func TestRevocations(t *testing.T) {
	keys := newSigners(t)
	raw, err := token.Sign(keys["ed"], "ed", good()) // issued at 11:00
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, text string
		revoked    bool
	}{
		{"the token", "tokens: [{id: id-1, reason: leaked}]", true},
		{"the token, whose date is over", `tokens: [{id: id-1, reason: leaked, until: "2020-01-01T00:00:00Z"}]`, true},
		{"another token", "tokens: [{id: id-2, reason: leaked}]", false},
		{"its key", "keys: [{id: ed, reason: leaked}]", true},
		{"another key", "keys: [{id: rsa, reason: leaked}]", false},
		{"everything before", `issuedBefore: [{time: "2026-11-21T11:00:01Z", reason: leaked}]`, true},
		{"everything before, the same second", `issuedBefore: [{time: "2026-11-21T11:00:00Z", reason: leaked}]`, false},
		{"the tenant's before", `issuedBefore: [{time: "2026-11-21T11:30:00Z", tenant: payments, reason: leaked}]`, true},
		{"another tenant's before", `issuedBefore: [{time: "2026-11-21T11:30:00Z", tenant: search, reason: leaked}]`, false},
		{
			"the later of two times", `issuedBefore: [{time: "2026-11-21T11:30:00Z", reason: a}, {time: "2020-11-21T11:30:00Z", reason: b}]`, true,
		},
		{"nothing", "tokens: []", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			revocations, err := token.ParseRevocations([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			v := verifier(t, keys)
			v.Revocations = revocations
			if test.revoked {
				refused(t, v, raw, token.ReasonRevoked)
			} else if _, err := v.Verify(raw); err != nil {
				t.Error(err)
			}
		})
	}
}
