package token

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/opsgen/opsgen/proxy/config"
)

// Sign makes a token. The algorithm follows from the signer's public key: EdDSA for Ed25519, ES256 for EC on P-256, RS256
// for RSA. The signer may be a key in memory or one that never leaves a KMS; it gets the message itself for Ed25519 and
// its SHA-256 otherwise. Claims that no Verifier would accept at any time are refused. claims.KeyID is not used.
func Sign(signer crypto.Signer, keyID string, claims Claims) (string, error) {
	algorithm := AlgorithmOf(signer.Public())
	if problem := unfit(signer.Public(), algorithm); problem != "" {
		return "", fmt.Errorf("the signing key %s", problem)
	}
	if err := claims.check(keyID); err != nil {
		return "", err
	}
	scopes := make([]string, len(claims.Scopes))
	for i, scope := range claims.Scopes {
		scopes[i] = string(scope)
	}
	header, err := part(map[string]any{"alg": algorithm, "kid": keyID, "typ": "JWT"})
	if err != nil {
		return "", err
	}
	body, err := part(map[string]any{
		"iss": claims.Issuer, "aud": claims.Audience, "sub": subjectPrefix + claims.Tenant, "scope": strings.Join(scopes, " "),
		"jti": claims.ID, "iat": claims.IssuedAt.Unix(), "nbf": claims.NotBefore.Unix(), "exp": claims.Expires.Unix(),
	})
	if err != nil {
		return "", err
	}
	message := header + "." + body
	signature, err := sign(signer, algorithm, []byte(message))
	if err != nil {
		return "", fmt.Errorf("signing with key %q: %w", keyID, err)
	}
	return message + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func (c *Claims) check(keyID string) error {
	switch _, tenant := tenantOf(subjectPrefix + c.Tenant); {
	case !ValidID(keyID):
		return fmt.Errorf("key ID %s is not 1 to %d visible ASCII characters", quoted(keyID), MaxIDBytes)
	case !ValidID(c.ID):
		return fmt.Errorf("token ID %s is not 1 to %d visible ASCII characters", quoted(c.ID), MaxIDBytes)
	case c.Issuer == "" || len(c.Audience) == 0:
		return errors.New("a token needs an issuer and an audience")
	case !tenant:
		return fmt.Errorf("%s is not a tenant's name", quoted(c.Tenant))
	case len(c.Scopes) == 0:
		return errors.New("a token needs a scope")
	case c.IssuedAt.Unix() < 0 || c.NotBefore.Unix() < 0 || c.Expires.Unix() > latest:
		return errors.New("a token's times must lie between the years 1970 and 9999")
	case c.Expires.Unix() <= c.NotBefore.Unix() || c.Expires.Unix() <= c.IssuedAt.Unix():
		return errors.New("a token must expire after it is issued and becomes valid")
	case c.Expires.Sub(c.NotBefore) > MaxLifetime || c.Expires.Sub(c.IssuedAt) > MaxLifetime:
		return errors.New("a token must expire within ten years")
	}
	return nil
}

func part(value map[string]any) (string, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("encoding the token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(encoded), nil
}

func sign(signer crypto.Signer, algorithm config.Algorithm, message []byte) ([]byte, error) {
	if algorithm == config.EdDSA {
		return signer.Sign(rand.Reader, message, crypto.Hash(0))
	}
	digest := sha256.Sum256(message)
	signature, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil || algorithm == config.RS256 {
		return signature, err
	}
	// Signers of Go and of KMS answer ASN.1; a JWT has the two numbers in 32 bytes each (RFC 7518 3.4).
	var numbers struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(signature, &numbers); err != nil || len(rest) > 0 || numbers.R.Sign() <= 0 || numbers.S.Sign() <= 0 ||
		numbers.R.BitLen() > 256 || numbers.S.BitLen() > 256 {
		return nil, errors.New("the signer answered no ECDSA signature in ASN.1")
	}
	fixed := make([]byte, 64)
	numbers.R.FillBytes(fixed[:32])
	numbers.S.FillBytes(fixed[32:])
	return fixed, nil
}
