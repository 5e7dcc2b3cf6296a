package identity

import (
	"errors"
	"time"

	"github.com/opsgen/opsgen/proxy/token"
)

// Tokens authenticates tenants' tokens. It is made anew at each reload: keys, revocations and tenants are fixed, so that
// what it remembers cannot outlive them.
type Tokens struct {
	verifier *token.Verifier
	tenants  map[string]struct{}
	cache    *cache
	before   *cache // of the Tokens until the last reload; only Known looks at it
	refusals refusals
	now      func() time.Time
}

// NewTokens makes an authenticator of the tokens of these tenants, which remembers up to cacheEntries tokens.
func NewTokens(v *token.Verifier, tenants []string, cacheEntries int) *Tokens {
	t := &Tokens{verifier: v, tenants: make(map[string]struct{}, len(tenants)), cache: newCache(cacheEntries), now: v.Now}
	if t.now == nil {
		t.now = time.Now
	}
	for _, tenant := range tenants {
		t.tenants[tenant] = struct{}{}
	}
	return t
}

// After tells which tokens were good until the reload that made t.
func (t *Tokens) After(before *Tokens) { t.before = before.cache }

// Known implements Authenticator. A token that was refused before is known, too: to refuse it again costs nothing.
func (t *Tokens) Known(raw string) bool {
	return t.cache.had(raw) || t.before.had(raw) || t.refusals.find(raw) != nil
}

// Authenticate is the caller that a token names. The error is a *token.Error.
func (t *Tokens) Authenticate(raw string) (*Caller, error) {
	if caller := t.Recall(raw); caller != nil {
		return caller, nil
	}
	return t.verify(raw)
}

// Remembered is how many verified tokens are remembered.
func (t *Tokens) Remembered() int { return t.cache.size() }

// Recall implements Authenticator.
func (t *Tokens) Recall(raw string) *Caller {
	// Nothing longer was ever verified; hashing it would be work for a stranger.
	if len(raw) > token.MaxBytes {
		return nil
	}
	return t.cache.get(raw, t.now())
}

func (t *Tokens) verify(raw string) (*Caller, error) {
	if refused := t.refusals.find(raw); refused != nil {
		return nil, refused
	}
	caller, err := t.check(raw)
	var refused *token.Error
	if errors.As(err, &refused) {
		t.refusals.put(raw, refused)
	}
	return caller, err
}

func (t *Tokens) check(raw string) (*Caller, error) {
	claims, err := t.verifier.Verify(raw)
	if err != nil {
		return nil, err
	}
	// A tenant that was removed keeps no access through tokens that are still valid.
	if _, known := t.tenants[claims.Tenant]; !known {
		return nil, refuse(token.ReasonSubject, "tenant %q is not on this cluster", claims.Tenant)
	}
	scopes, err := ScopesOf(claims.Scopes)
	if err != nil {
		return nil, refuse(token.ReasonScope, "%v", err)
	}
	caller := &Caller{Tenant: claims.Tenant, Scopes: scopes, Kind: Token, ID: claims.ID, Expires: claims.Expires}
	t.cache.put(raw, caller, claims.NotBefore)
	return caller, nil
}
