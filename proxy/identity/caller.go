package identity

import (
	"errors"
	"fmt"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/token"
)

// Kind is how a caller proved who it is: a bounded set, used as a label of metrics.
type Kind string

// The kinds of callers.
const (
	// Token is an agent or a person with a tenant's token.
	Token Kind = "token"
	// ServiceAccount is a pod of the cluster with its projected token.
	ServiceAccount Kind = "service-account"
	// Person is somebody who has logged in.
	Person Kind = "person"
)

// ErrNone is the error of a request without any credential.
var ErrNone = errors.New("the request has no credential")

// ErrUnavailable is the error while no key of the API server is known yet. The caller may be right: answer 503, because
// agents drop what is answered with 401.
var ErrUnavailable = errors.New("the keys of service-account tokens are not known yet")

// Caller is who calls, and what it may do. Callers are shared between requests and are not changed.
type Caller struct {
	// Tenant is the one tenant that the caller acts for; empty with AnyTenant.
	Tenant string
	// AnyTenant lets the caller say for which tenant it acts, as config.Caller does.
	AnyTenant bool
	// Scopes are what the caller may do.
	Scopes Scopes
	// Kind is how it proved who it is.
	Kind Kind
	// ID is the token's jti, "namespace/account", or the person's name at the identity provider. It is safe to log.
	ID string
	// Expires is when the credential ends. A request that lasts longer (a tail) should end then, too.
	Expires time.Time
}

// Authenticator turns a credential into a caller.
type Authenticator interface {
	// Recall is the caller of a credential that was verified before; nil for all others.
	Recall(raw string) *Caller
	// Known says that a credential was verified before, or was good until the last reload. For all others Authenticate may
	// cost as much as a signature.
	Known(raw string) bool
	// Authenticate is the caller of a credential, from memory or by verifying it. The error is a *token.Error or
	// ErrUnavailable.
	Authenticate(raw string) (*Caller, error)
}

// Scopes is a set of scopes.
type Scopes uint32

// ScopesOf makes a set. An unknown scope is an error: it would silently be a right that nobody has.
func ScopesOf(list []config.Scope) (Scopes, error) {
	var set Scopes
	for _, scope := range list {
		b := bit(scope)
		if b == 0 {
			return 0, fmt.Errorf("the scope %q is not known", scope)
		}
		set |= b
	}
	return set, nil
}

// Has says whether the set holds a scope. It never holds an unknown one, nor the empty one.
func (s Scopes) Has(scope config.Scope) bool { return s&bit(scope) != 0 }

// bit is a switch and not a loop because it is on the path of every request.
func bit(scope config.Scope) Scopes {
	switch scope {
	case config.MetricsWrite:
		return 1 << 0
	case config.MetricsRead:
		return 1 << 1
	case config.LogsWrite:
		return 1 << 2
	case config.LogsRead:
		return 1 << 3
	case config.RulesWrite:
		return 1 << 4
	case config.AlertsRead:
		return 1 << 5
	case config.AlertsWrite:
		return 1 << 6
	case config.AlertsConfigure:
		return 1 << 7
	case config.DataDelete:
		return 1 << 8
	}
	return 0
}

func refuse(reason token.Reason, format string, args ...any) *token.Error {
	return &token.Error{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}
