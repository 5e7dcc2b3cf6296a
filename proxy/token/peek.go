package token

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// Peek reads what a token says without asking whether it is true, for people who look at one. Nothing may be decided by
// it. Claims that are missing stay empty. The error is *Error, for what cannot be decoded.
func Peek(raw string) (*Claims, error) {
	if len(raw) > MaxBytes {
		return nil, refuse(ReasonTooLarge, "it has %d bytes; at most %d are read", len(raw), MaxBytes)
	}
	header, ok := headerOf(raw)
	if !ok {
		return nil, refuse(ReasonMalformed, "it is not three parts of base64url separated by dots")
	}
	members, err := object(header)
	if err != nil {
		return nil, refuse(ReasonMalformed, "its header %v", err)
	}
	body, err := base64.RawURLEncoding.Strict().DecodeString(strings.Split(raw, ".")[1])
	if err != nil {
		return nil, refuse(ReasonMalformed, "its claims are not base64url")
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil || !p.read {
		return nil, refuse(ReasonMalformed, "its claims are not one JSON object with each claim once and of its type")
	}
	tenant, _ := tenantOf(p.subject)
	claims := &Claims{
		Issuer: p.issuer, Audience: p.audience, Tenant: tenant, Scopes: scopesOf(p.scope), ID: p.id,
		IssuedAt: at(p.iat), NotBefore: at(p.nbf), Expires: at(p.exp),
	}
	if kid, there := members["kid"]; there && text(kid, &claims.KeyID) != nil {
		claims.KeyID = ""
	}
	return claims, nil
}
