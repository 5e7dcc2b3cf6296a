package main

import (
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/keys"
	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/token"
)

// firstTokenLife is short: it is for trying the cluster, and was on a screen.
const firstTokenLife = 24 * time.Hour

// firstScopes are for trying: sending and asking.
func firstScopes() []config.Scope {
	return []config.Scope{config.MetricsWrite, config.MetricsRead, config.LogsWrite, config.LogsRead}
}

// signFirst signs a token for a tenant with the newest of the cluster's keys, whose private half must be where `opsgen token
// keygen` wrote it. What the cluster would refuse is not handed out.
func (s *session) signFirst(tenant string, now time.Time) (string, error) {
	folder, err := keys.Open(s.root, s.cluster.Name)
	if err != nil {
		return "", err
	}
	var newest token.Key
	for _, key := range folder.Set.Keys() {
		if !folder.Revoked(key.ID) {
			newest = key
		}
	}
	if newest.ID == "" {
		return "", fmt.Errorf("the cluster has no key that signs tokens; make one with `opsgen token keygen --cluster %s`, render, and push it", s.cluster.Name)
	}
	file, err := keys.PrivateFile(s.cluster.Name, newest.ID)
	if err != nil {
		return "", err
	}
	signer, err := keys.ReadPrivate(file)
	if err != nil {
		return "", fmt.Errorf("%w; where the key is elsewhere, leave out --first-token and use `opsgen token issue`", err)
	}
	if public, ok := newest.Public.(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(signer.Public()) {
		return "", fmt.Errorf("%s is not the private half of the key %s; leave out --first-token and use `opsgen token issue`", file, newest.ID)
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	verifier := folder.Verifier(func() time.Time { return now })
	raw, err := token.Sign(signer, newest.ID, token.Claims{
		Tenant: tenant, ID: hex.EncodeToString(id), Scopes: firstScopes(), Issuer: verifier.Issuer, Audience: []string{verifier.Audience},
		IssuedAt: now, NotBefore: now, Expires: now.Add(firstTokenLife),
	})
	if err != nil {
		return "", fmt.Errorf("sign the first token: %w", err)
	}
	if _, err := verifier.Verify(raw); err != nil {
		return "", fmt.Errorf("the cluster would refuse the first token: %w", err)
	}
	return raw, nil
}

// checkFirstToken looks whether the token that is wanted in the end can be made, before an hour is spent.
func (s *session) checkFirstToken() []provider.Check {
	tenant := s.settings.GetString("first-token")
	if tenant == "" {
		return nil
	}
	check := provider.Check{Name: "first token", Detail: tenant}
	if _, err := s.signFirst(tenant, time.Now()); err != nil {
		check.Problem, check.Hint = err.Error(), "docs/operations/tokens.md says how keys are kept."
	}
	return []provider.Check{check}
}
