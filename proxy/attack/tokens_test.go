package attack

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// claims are those of a good token of payments, with changes; a nil value removes a claim.
func claims(changes map[string]any) jwt.MapClaims {
	now := time.Now()
	all := jwt.MapClaims{
		"iss": "opsgen", "aud": []string{clusterName}, "sub": "tenant:" + mine, "jti": "attack-1",
		"scope": "metrics:read metrics:write logs:read logs:write",
		"iat":   now.Add(-time.Minute).Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(all, changes)
	for name, value := range changes {
		if value == nil {
			delete(all, name)
		}
	}
	return all
}

// signed is a token with the given method, header and claims. The library signs what it is told; it refuses nothing.
func signed(t *testing.T, method jwt.SigningMethod, key any, header map[string]any, c jwt.MapClaims) string {
	t.Helper()
	made := jwt.NewWithClaims(method, c)
	made.Header["kid"] = keyID
	maps.Copy(made.Header, header)
	for name, value := range header {
		if value == nil {
			delete(made.Header, name)
		}
	}
	text, err := made.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// text is a token of literal parts, for what no library would make.
func text(signer crypto.Signer, header, payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	message := encode([]byte(header)) + "." + encode([]byte(payload))
	signature, _ := signer.Sign(rand.Reader, []byte(message), crypto.Hash(0))
	return message + "." + encode(signature)
}

// forgeries are tokens that must not be taken, by what is wrong with them.
func forgeries(t *testing.T, b *bed) map[string]string {
	t.Helper()
	key := b.key
	public := key.Public().(ed25519.PublicKey)
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	foreign := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := signed(t, jwt.SigningMethodEdDSA, key, nil, claims(nil))
	parts := strings.Split(good, ".")
	other := strings.Split(signed(t, jwt.SigningMethodEdDSA, key, nil, claims(map[string]any{"jti": "attack-2"})), ".")
	header := `{"alg":"EdDSA","kid":"` + keyID + `","typ":"JWT"}`
	payload, err := json.Marshal(claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	ed := func(header map[string]any, changes map[string]any) string {
		return signed(t, jwt.SigningMethodEdDSA, key, header, claims(changes))
	}
	now := time.Now()
	return map[string]string{
		"alg none":                           signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, claims(nil)),
		"alg none with a signature":          ed(map[string]any{"alg": "none"}, nil),
		"alg None in capitals":               ed(map[string]any{"alg": "NONE"}, nil),
		"alg of another case":                ed(map[string]any{"alg": "eddsa"}, nil),
		"no alg":                             ed(map[string]any{"alg": nil}, nil),
		"alg that is no text":                ed(map[string]any{"alg": 1}, nil),
		"HS256 with the public key":          signed(t, jwt.SigningMethodHS256, []byte(public), nil, claims(nil)),
		"HS256 with the public key as PEM":   signed(t, jwt.SigningMethodHS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil, claims(nil)),
		"HS256 with the key set's x":         signed(t, jwt.SigningMethodHS256, []byte(base64.RawURLEncoding.EncodeToString(public)), nil, claims(nil)),
		"HS256 with an empty key":            signed(t, jwt.SigningMethodHS256, []byte{}, nil, claims(nil)),
		"ES256 under an Ed25519 key's kid":   signed(t, jwt.SigningMethodES256, curve, nil, claims(nil)),
		"a foreign key under our kid":        signed(t, jwt.SigningMethodEdDSA, foreign, nil, claims(nil)),
		"a kid that nobody knows":            ed(map[string]any{"kid": "other"}, nil),
		"a kid that is a path":               ed(map[string]any{"kid": "../../../../dev/null"}, nil),
		"a kid that is a number":             ed(map[string]any{"kid": 1}, nil),
		"no kid":                             ed(map[string]any{"kid": nil}, nil),
		"a key of its own in the header":     signed(t, jwt.SigningMethodEdDSA, foreign, map[string]any{"jwk": map[string]string{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(foreign.Public().(ed25519.PublicKey))}}, claims(nil)),
		"an address of keys in the header":   ed(map[string]any{"jku": "https://attacker.example.com/jwks.json"}, nil),
		"an address of a certificate":        ed(map[string]any{"x5u": "https://attacker.example.com/x.pem"}, nil),
		"a critical extension":               ed(map[string]any{"crit": []string{"exp"}}, nil),
		"wrong aud":                          ed(nil, map[string]any{"aud": []string{"staging"}}),
		"aud that holds ours":                ed(nil, map[string]any{"aud": []string{clusterName + "-2"}}),
		"no aud":                             ed(nil, map[string]any{"aud": nil}),
		"empty aud":                          ed(nil, map[string]any{"aud": []string{}}),
		"wrong iss":                          ed(nil, map[string]any{"iss": "https://kubernetes.default.svc"}),
		"no iss":                             ed(nil, map[string]any{"iss": nil}),
		"expired":                            ed(nil, map[string]any{"exp": now.Add(-time.Hour).Unix()}),
		"no exp":                             ed(nil, map[string]any{"exp": nil}),
		"exp as text":                        ed(nil, map[string]any{"exp": "9999999999"}),
		"exp beyond all time":                ed(nil, map[string]any{"exp": 1e300}),
		"exp below zero":                     ed(nil, map[string]any{"exp": -1}),
		"not valid yet":                      ed(nil, map[string]any{"nbf": now.Add(time.Hour).Unix()}),
		"no nbf":                             ed(nil, map[string]any{"nbf": nil}),
		"no jti":                             ed(nil, map[string]any{"jti": nil}),
		"no sub":                             ed(nil, map[string]any{"sub": nil}),
		"sub without its kind":               ed(nil, map[string]any{"sub": mine}),
		"sub of a service account":           ed(nil, map[string]any{"sub": "system:serviceaccount:syncer:syncer"}),
		"sub of two tenants":                 ed(nil, map[string]any{"sub": "tenant:" + mine + "|" + theirs}),
		"sub that is a path":                 ed(nil, map[string]any{"sub": "tenant:../" + theirs}),
		"sub in capitals":                    ed(nil, map[string]any{"sub": "tenant:PAYMENTS"}),
		"sub of nobody":                      ed(nil, map[string]any{"sub": "tenant:"}),
		"sub of a tenant that is not here":   ed(nil, map[string]any{"sub": "tenant:ghost"}),
		"sub with a line break":              ed(nil, map[string]any{"sub": "tenant:" + mine + "\r\nX-Scope-OrgID: " + theirs}),
		"no scope":                           ed(nil, map[string]any{"scope": nil}),
		"an empty scope":                     ed(nil, map[string]any{"scope": ""}),
		"scope as a list":                    ed(nil, map[string]any{"scope": []string{"metrics:read"}}),
		"a signature of other claims":        parts[0] + "." + parts[1] + "." + other[2],
		"claims under another's signature":   parts[0] + "." + other[1] + "." + parts[2],
		"an empty signature":                 parts[0] + "." + parts[1] + ".",
		"no signature":                       parts[0] + "." + parts[1],
		"half a signature":                   good[:len(good)-40],
		"five parts, as encrypted":           good + ".x.y",
		"a second token behind it":           good + "," + good,
		"padding":                            good + "=",
		"a sub twice":                        text(key, header, `{"sub":"tenant:`+theirs+`",`+string(payload[1:])),
		"alg twice":                          text(key, `{"alg":"none",`+header[1:], string(payload)),
		"claims that are a list":             text(key, header, `[]`),
		"claims that are null":               text(key, header, `null`),
		"claims nested without end":          text(key, header, strings.Repeat("[", 4000)),
		"text behind the claims":             text(key, header, string(payload)+"{}"),
		"revoked by its id":                  ed(nil, map[string]any{"jti": revokedID}),
		"signed by a revoked key":            signed(t, jwt.SigningMethodEdDSA, b.revokedKey, map[string]any{"kid": revokedKeyID}, claims(nil)),
		"larger than any token":              strings.Repeat("A", 20_000) + "." + parts[1] + "." + parts[2],
		"no token but a word":                "null",
		"empty":                              "",
		"an ID of a revoked one, with blank": ed(nil, map[string]any{"jti": revokedID + " "}),
	}
}

func TestForgedTokens(t *testing.T) {
	b := start(t)
	for name, forged := range forgeries(t, b) {
		t.Run(name, func(t *testing.T) {
			answer := b.send(t, "GET "+query+" HTTP/1.1\r\nHost: "+metricsHost+"\r\nAuthorization: Bearer "+forged+"\r\n\r\n")
			b.refused(t, answer, 401)
		})
	}
	// Names of claims are compared exactly; Go's own decoder would take one in other letters for the same.
	payload, err := json.Marshal(claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	for name, disguised := range map[string]string{
		"before": `{"SUB":"tenant:` + theirs + `",` + string(payload[1:]),
		"after":  string(payload[:len(payload)-1]) + `,"SUB":"tenant:` + theirs + `","ſub":"tenant:` + theirs + `"}`,
	} {
		t.Run("a sub in other letters "+name, func(t *testing.T) {
			made := text(b.key, `{"alg":"EdDSA","kid":"`+keyID+`","typ":"JWT"}`, disguised)
			b.reached(t, b.send(t, "GET "+query+" HTTP/1.1\r\nHost: "+metricsHost+"\r\nAuthorization: Bearer "+made+"\r\n\r\n"))
		})
	}
	// The table proves nothing unless a good one is let in.
	good := signed(t, jwt.SigningMethodEdDSA, b.key, nil, claims(nil))
	answer := b.send(t, "GET "+query+" HTTP/1.1\r\nHost: "+metricsHost+"\r\nAuthorization: Bearer "+good+"\r\n\r\n")
	b.reached(t, answer)
}
