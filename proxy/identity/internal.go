package identity

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/opsgen/opsgen/proxy/token"
)

// Internal authenticates on the internal listener, where pods show the token of their service account and may as well
// show a tenant's token.
type Internal struct {
	// Tokens are tenants' tokens.
	Tokens *Tokens
	// ServiceAccounts are the cluster's own.
	ServiceAccounts *ServiceAccounts
}

// Authenticate lets the issuer that a token claims choose who verifies it. The claim is not verified yet, which is safe:
// each of the two requires its own issuer again, with its own keys. The error is a *token.Error or ErrUnavailable.
func (i *Internal) Authenticate(raw string) (*Caller, error) {
	// Both memories first: to read the issuer costs more than to look.
	if caller := i.Recall(raw); caller != nil {
		return caller, nil
	}
	if issuerOf(raw) == i.Tokens.verifier.Issuer {
		return i.Tokens.verify(raw)
	}
	return i.ServiceAccounts.verifyOrRefresh(raw)
}

// Recall implements Authenticator.
func (i *Internal) Recall(raw string) *Caller {
	if caller := i.ServiceAccounts.Recall(raw); caller != nil {
		return caller
	}
	return i.Tokens.Recall(raw)
}

// Known implements Authenticator.
func (i *Internal) Known(raw string) bool { return i.ServiceAccounts.Known(raw) || i.Tokens.Known(raw) }

// issuerOf is what a token claims as its issuer; empty if it cannot be read.
func issuerOf(raw string) string {
	if len(raw) > token.MaxBytes {
		return ""
	}
	_, rest, _ := strings.Cut(raw, ".")
	payload, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return ""
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(text, &claims) != nil {
		return ""
	}
	return claims.Issuer
}
