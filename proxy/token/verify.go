package token

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/opsgen/opsgen/proxy/config"
)

// Verifier decides whether a token is valid. Its fields are set once; then it may be used by any number of goroutines.
type Verifier struct {
	// Keys are the trusted public keys; nil means none: every token is refused.
	Keys *KeySet
	// Revocations are what is refused although its signature is right; nil means none.
	Revocations *Revocations
	// Issuer is what iss must be, Audience what aud must contain. Both are needed: empty ones refuse every token.
	Issuer, Audience string
	// Algorithms are the accepted ones; empty means all of config.Algorithms.
	Algorithms []config.Algorithm
	// ClockSkew is how far the clocks of issuer and verifier may differ.
	ClockSkew time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Verify returns what a token says if it is valid now. Otherwise the error is *Error.
func (v *Verifier) Verify(raw string) (*Claims, error) {
	claims, err := v.verify(raw)
	if err != nil {
		return nil, err
	}
	return claims, nil
}

func (v *Verifier) verify(raw string) (*Claims, *Error) {
	key, refused := v.key(raw)
	if refused != nil {
		return nil, refused
	}
	var p payload
	// The library decodes and checks the signature, for this one algorithm and key. The claims are checked below, each
	// with a reason of its own.
	parser := jwt.NewParser(jwt.WithValidMethods([]string{string(key.Algorithm)}), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(raw, &signed{payload: &p}, func(*jwt.Token) (any, error) { return key.Public, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return nil, refuse(ReasonSignature, "key %s did not sign it", quoted(key.ID))
	case err != nil || !p.read:
		return nil, refuse(ReasonMalformed, "it cannot be decoded: it is not base64url, or its claims are not one JSON object with each claim once and of its type")
	}
	claims, refused := v.claims(&p, key.ID)
	if refused != nil {
		return nil, refused
	}
	if refused := v.times(&p); refused != nil {
		return nil, refused
	}
	if why, revoked := v.Revocations.find(claims); revoked {
		return nil, refuse(ReasonRevoked, "%s", why)
	}
	return claims, nil
}

// refusedHeaders would let a token bring its own key (jwk, jku, x5u, x5c), demand what this program does not know (crit,
// RFC 7515 4.1.11), or change what is signed (b64, RFC 7797).
func refusedHeaders() []string { return []string{"crit", "jku", "jwk", "x5u", "x5c", "b64", "zip"} }

// key finds the key that a token names, by its header alone. The key decides the algorithm: a header that chooses it is
// how HS256 with the public key, or "none", gets in.
func (v *Verifier) key(raw string) (Key, *Error) {
	if len(raw) > MaxBytes {
		return Key{}, refuse(ReasonTooLarge, "it has %d bytes; at most %d are read", len(raw), MaxBytes)
	}
	header, ok := headerOf(raw)
	if !ok {
		return Key{}, refuse(ReasonMalformed, "it is not three parts of base64url separated by dots")
	}
	members, err := object(header)
	if err != nil {
		return Key{}, refuse(ReasonMalformed, "its header %v", err)
	}
	for _, name := range refusedHeaders() {
		if _, there := members[name]; there {
			return Key{}, refuse(ReasonMalformed, "its header has %q, which is never accepted", name)
		}
	}
	var algorithm, kid, kind string
	for name, into := range map[string]*string{"alg": &algorithm, "kid": &kid, "typ": &kind} {
		if member, there := members[name]; there && text(member, into) != nil {
			return Key{}, refuse(ReasonMalformed, "its header's %s is not a text", name)
		}
	}
	// Other kinds of JWT (a login's ID token, a logout token) are not for this door, should they ever share a key.
	if kind != "" && !strings.EqualFold(kind, "JWT") {
		return Key{}, refuse(ReasonMalformed, "its header's typ is %s, not JWT", quoted(kind))
	}
	key, known := v.Keys.Find(kid)
	if !known {
		return Key{}, refuse(ReasonUnknownKey, "key %s is not in the key set", quoted(kid))
	}
	accepted := v.Algorithms
	if len(accepted) == 0 {
		accepted = config.Algorithms()
	}
	if algorithm != string(key.Algorithm) || !slices.Contains(accepted, key.Algorithm) {
		return Key{}, refuse(ReasonAlgorithm, "its header says %s, its key is for %s; accepted are %v", quoted(algorithm), key.Algorithm, accepted)
	}
	return key, nil
}

// headerOf decodes the first part. The decoder of the standard library passes over line breaks, so that the characters
// are checked first: one token has exactly one text, or the cache and the revocation by text could be passed.
func headerOf(raw string) ([]byte, bool) {
	dots := 0
	for i := range len(raw) {
		switch c := raw[i]; {
		case c == '.':
			dots++
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return nil, false
		}
	}
	if dots != 2 {
		return nil, false
	}
	first, _, _ := strings.Cut(raw, ".")
	header, err := base64.RawURLEncoding.Strict().DecodeString(first)
	return header, err == nil
}

func (v *Verifier) claims(p *payload, kid string) (*Claims, *Error) {
	if p.issuer == "" || p.issuer != v.Issuer {
		return nil, refuse(ReasonIssuer, "iss is %s, not %q", quoted(p.issuer), v.Issuer)
	}
	if v.Audience == "" || !slices.Contains(p.audience, v.Audience) {
		return nil, refuse(ReasonAudience, "aud does not contain %q", v.Audience)
	}
	tenant, ok := tenantOf(p.subject)
	if !ok {
		return nil, refuse(ReasonSubject, "sub is %s, not tenant:<name>", quoted(p.subject))
	}
	if !ValidID(p.id) {
		return nil, refuse(ReasonID, "jti is missing, or not 1 to %d visible ASCII characters", MaxIDBytes)
	}
	scopes := scopesOf(p.scope)
	if len(scopes) == 0 {
		return nil, refuse(ReasonScope, "scope is %s, in which no scope is known", quoted(p.scope))
	}
	return &Claims{
		Issuer: p.issuer, Audience: p.audience, Tenant: tenant, Scopes: scopes, ID: p.id, KeyID: kid,
		IssuedAt: at(p.iat), NotBefore: at(p.nbf), Expires: at(p.exp),
	}, nil
}

func at(seconds *int64) time.Time {
	if seconds == nil {
		return time.Time{}
	}
	return time.Unix(*seconds, 0).UTC()
}

func (v *Verifier) times(p *payload) *Error {
	now := time.Now()
	if v.Now != nil {
		now = v.Now()
	}
	switch {
	case p.exp == nil:
		return refuse(ReasonExpired, "exp is missing")
	case p.nbf == nil:
		return refuse(ReasonNotYetValid, "nbf is missing")
	case p.iat == nil:
		return refuse(ReasonNotYetValid, "iat is missing")
	}
	issued, notBefore, expires := at(p.iat), at(p.nbf), at(p.exp)
	switch {
	case !now.Add(-v.ClockSkew).Before(expires):
		return refuse(ReasonExpired, "it expired at %s", expires.Format(time.RFC3339))
	case now.Add(v.ClockSkew).Before(notBefore):
		return refuse(ReasonNotYetValid, "it is valid from %s", notBefore.Format(time.RFC3339))
	// A token from the future would escape a rule "issued before" that is written now.
	case now.Add(v.ClockSkew).Before(issued):
		return refuse(ReasonNotYetValid, "iat is %s, in the future", issued.Format(time.RFC3339))
	case expires.Sub(notBefore) > MaxLifetime || expires.Sub(issued) > 2*MaxLifetime:
		return refuse(ReasonExpired, "it is valid for more than ten years")
	case !expires.After(notBefore) || !expires.After(issued):
		return refuse(ReasonExpired, "exp is not after nbf and iat")
	}
	return nil
}
