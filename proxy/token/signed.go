package token

import (
	"github.com/golang-jwt/jwt/v5"
)

// signed makes payload what the library asks for. Its methods are never called, because the library checks no claims
// here: Verifier does, and gives each refusal its reason.
type signed struct{ *payload }

// GetExpirationTime is part of jwt.Claims.
func (*signed) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }

// GetIssuedAt is part of jwt.Claims.
func (*signed) GetIssuedAt() (*jwt.NumericDate, error) { return nil, nil }

// GetNotBefore is part of jwt.Claims.
func (*signed) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }

// GetIssuer is part of jwt.Claims.
func (*signed) GetIssuer() (string, error) { return "", nil }

// GetSubject is part of jwt.Claims.
func (*signed) GetSubject() (string, error) { return "", nil }

// GetAudience is part of jwt.Claims.
func (*signed) GetAudience() (jwt.ClaimStrings, error) { return nil, nil }
