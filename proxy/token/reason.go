package token

import "fmt"

// Reason says in one word why a token was refused. There are few of them, so that they can be a metric's label.
type Reason string

// The reasons, in the order in which a token is checked.
const (
	// ReasonTooLarge is a token of more than MaxBytes.
	ReasonTooLarge Reason = "too_large"
	// ReasonMalformed is what is no JWT, or holds a header that is never accepted.
	ReasonMalformed Reason = "malformed"
	// ReasonUnknownKey is a token that names no key, or one that is not in the key set.
	ReasonUnknownKey Reason = "unknown_key"
	// ReasonAlgorithm is a token whose header names another algorithm than its key has, or one that is not accepted.
	ReasonAlgorithm Reason = "algorithm"
	// ReasonSignature is a token that its key did not sign.
	ReasonSignature Reason = "signature"
	// ReasonIssuer is a missing or foreign iss.
	ReasonIssuer Reason = "issuer"
	// ReasonAudience is a missing or foreign aud.
	ReasonAudience Reason = "audience"
	// ReasonSubject is a missing sub, or one that names no tenant.
	ReasonSubject Reason = "subject"
	// ReasonID is a missing or unusable jti.
	ReasonID Reason = "id"
	// ReasonScope is a missing scope, or one without any known scope.
	ReasonScope Reason = "scope"
	// ReasonExpired is a missing exp, one that is over, or one that is further from nbf than MaxLifetime.
	ReasonExpired Reason = "expired"
	// ReasonNotYetValid is a missing nbf or iat, or one in the future.
	ReasonNotYetValid Reason = "not_yet_valid"
	// ReasonRevoked is a token that the list of revocations names.
	ReasonRevoked Reason = "revoked"
)

// Reasons are all reasons.
func Reasons() []Reason {
	return []Reason{
		ReasonTooLarge, ReasonMalformed, ReasonUnknownKey, ReasonAlgorithm, ReasonSignature, ReasonIssuer, ReasonAudience,
		ReasonSubject, ReasonID, ReasonScope, ReasonExpired, ReasonNotYetValid, ReasonRevoked,
	}
}

// Costly says that a signature was checked before the token was refused.
func (r Reason) Costly() bool {
	switch r {
	case ReasonTooLarge, ReasonMalformed, ReasonUnknownKey, ReasonAlgorithm:
		return false
	}
	return true
}

// Error is why a token was refused.
type Error struct {
	// Reason is the reason in one word.
	Reason Reason
	// Detail is a sentence without a full stop. It holds nothing of the token's signature or raw text, and what it quotes
	// of a token that is not verified yet is bounded and escaped.
	Detail string
}

// Error is "token refused (reason): detail".
func (e *Error) Error() string { return "token refused (" + string(e.Reason) + "): " + e.Detail }

func refuse(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// quoted escapes and shortens what a stranger wrote, so that it cannot forge or flood a line of the log.
func quoted(text string) string {
	const most = 64
	if len(text) > most {
		return fmt.Sprintf("%q…", text[:most])
	}
	return fmt.Sprintf("%q", text)
}
