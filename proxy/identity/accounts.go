package identity

import (
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/token"
)

const (
	// accountCache bounds the service-account tokens that are remembered: each pod has one, renewed every hour.
	accountCache = 10_000
	// clockSkew is how far the clocks of the API server and of the proxy may differ.
	clockSkew = 30 * time.Second
)

// ServiceAccounts authenticates projected Kubernetes service-account tokens by the keys that the API server publishes.
// Run fetches the keys; until it has them, tokens are answered with ErrUnavailable. All methods may be called at the same
// time.
type ServiceAccounts struct {
	// Observe, if set before Run, is told of each attempt to fetch the keys; nil is success. It must not block.
	Observe func(error)

	settings config.ServiceAccounts
	given    *http.Client
	state    atomic.Pointer[accountState]
	changing sync.Mutex // of state
	fetching fetching
}

// accountState is replaced as a whole when the keys or the callers change, with all that was remembered: what a token was
// worth under other keys or callers says nothing.
type accountState struct {
	keys    *accountKeys // nil: none known yet
	callers map[string]Caller
	cache   *cache
	before  *cache // until the last change; only Known looks at it
}

// NewServiceAccounts prepares an authenticator without callers; SetCallers adds them. c has its defaults set. A nil client
// is one that trusts the authorities in c.CAFile only. An error says what is wrong with c.
func NewServiceAccounts(c config.ServiceAccounts, client *http.Client) (*ServiceAccounts, error) {
	server, err := url.Parse(c.APIServer)
	if err != nil || server.Host == "" || (server.Scheme != "https" && server.Scheme != "http") {
		return nil, fmt.Errorf("serviceAccounts.apiServer %q is no URL of a server", c.APIServer)
	}
	// Every token has some audience; an empty setting must not accept them all.
	if c.Audience == "" {
		return nil, errors.New("serviceAccounts.audience is empty")
	}
	s := &ServiceAccounts{settings: c, given: client}
	s.state.Store(&accountState{cache: newCache(accountCache)})
	return s, nil
}

// SetCallers puts other callers in force from the next request on. Of two entries for one account the last is taken.
func (s *ServiceAccounts) SetCallers(callers []config.Caller) {
	known := make(map[string]Caller, len(callers))
	for _, c := range callers {
		// Unknown scopes give nothing; the configuration has refused them already.
		scopes, err := ScopesOf(c.Scopes)
		if err != nil {
			continue
		}
		known[c.Namespace+"/"+c.ServiceAccount] = Caller{
			Tenant: c.Tenant, AnyTenant: c.AnyTenant, Scopes: scopes, Kind: ServiceAccount,
		}
	}
	s.change(func(next *accountState) { next.callers = known })
}

func (s *ServiceAccounts) change(apply func(next *accountState)) {
	s.changing.Lock()
	defer s.changing.Unlock()
	next := *s.state.Load()
	next.before, next.cache = next.cache, newCache(accountCache)
	apply(&next)
	s.state.Store(&next)
}

// Ready says whether the keys are known.
func (s *ServiceAccounts) Ready() bool { return s.state.Load().keys != nil }

// Remembered is how many verified tokens are remembered.
func (s *ServiceAccounts) Remembered() int { return s.state.Load().cache.size() }

// Authenticate is the caller that a service-account token names. A token by an unknown key makes it fetch the keys, and
// wait for them for a moment. The error is a *token.Error or ErrUnavailable.
func (s *ServiceAccounts) Authenticate(raw string) (*Caller, error) {
	if caller := s.Recall(raw); caller != nil {
		return caller, nil
	}
	return s.verifyOrRefresh(raw)
}

// Known implements Authenticator.
func (s *ServiceAccounts) Known(raw string) bool {
	state := s.state.Load()
	return state.cache.had(raw) || state.before.had(raw)
}

// Recall implements Authenticator.
func (s *ServiceAccounts) Recall(raw string) *Caller {
	if len(raw) > token.MaxBytes {
		return nil
	}
	return s.state.Load().cache.get(raw, time.Now())
}

func (s *ServiceAccounts) verifyOrRefresh(raw string) (*Caller, error) {
	if len(raw) > token.MaxBytes {
		return nil, refuse(token.ReasonTooLarge, "it has %d bytes; at most %d are read", len(raw), token.MaxBytes)
	}
	caller, err := s.verify(raw)
	var refused *token.Error
	unknown := errors.As(err, &refused) && refused.Reason == token.ReasonUnknownKey
	if (unknown || errors.Is(err, ErrUnavailable)) && s.refreshForUnknown() {
		return s.verify(raw)
	}
	return caller, err
}

func (s *ServiceAccounts) verify(raw string) (*Caller, error) {
	state := s.state.Load()
	if state.keys == nil {
		return nil, ErrUnavailable
	}
	var claims accountClaims
	// The library checks the signature; the claims are checked below, each with a reason of its own.
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{string(config.RS256), string(config.ES256)}),
		jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation(),
	)
	if _, err := parser.ParseWithClaims(raw, &claims, state.keys.choose); err != nil {
		return nil, reasonOf(err)
	}
	if refused := claims.check(state.keys.issuer, s.settings.Audience, time.Now()); refused != nil {
		return nil, refused
	}
	caller, err := state.caller(&claims)
	if err != nil {
		return nil, err
	}
	state.cache.put(raw, caller, claims.NotBefore.Time)
	return caller, nil
}

// caller is what the configuration says of an account: an entry that names it goes before one for its namespace, even
// where that one gives more.
func (s *accountState) caller(claims *accountClaims) (*Caller, error) {
	namespace, account := claims.Kubernetes.Namespace, claims.Kubernetes.ServiceAccount.Name
	caller, known := s.callers[namespace+"/"+account]
	if !known {
		caller, known = s.callers[namespace+"/"]
	}
	if !known {
		return nil, refuse(token.ReasonSubject, "service account %s/%s may call for no tenant", namespace, account)
	}
	caller.ID = namespace + "/" + account
	caller.Expires = claims.ExpiresAt.Time
	return &caller, nil
}

// reasonOf says why a token could not be read. The library's own words may quote the token, and are not passed on.
func reasonOf(err error) *token.Error {
	var refused *token.Error
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, jwt.ErrTokenMalformed):
		return refuse(token.ReasonMalformed, "it is no JWT with a service account's claims")
	case errors.Is(err, jwt.ErrTokenUnverifiable):
		return refuse(token.ReasonAlgorithm, "its header names an algorithm that is not known")
	}
	return refuse(token.ReasonSignature, "it is not signed by the key that it names, or with another algorithm")
}

// accountClaims are the claims of a projected token (Kubernetes, pkg/serviceaccount/claims.go, v1.36).
type accountClaims struct {
	jwt.RegisteredClaims
	Kubernetes struct {
		Namespace      string `json:"namespace"`
		ServiceAccount struct {
			Name string `json:"name"`
		} `json:"serviceaccount"`
	} `json:"kubernetes.io"`
}

func (c *accountClaims) check(issuer, audience string, now time.Time) *token.Error {
	k := c.Kubernetes
	switch {
	case c.Issuer != issuer:
		return refuse(token.ReasonIssuer, "iss is not the cluster's")
	case !slices.Contains(c.Audience, audience):
		// A token for the API server, or for another program, must not be good for the proxy.
		return refuse(token.ReasonAudience, "aud does not contain %q", audience)
	case c.ExpiresAt == nil:
		return refuse(token.ReasonExpired, "exp is missing")
	case !now.Add(-clockSkew).Before(c.ExpiresAt.Time):
		return refuse(token.ReasonExpired, "it expired at %s", c.ExpiresAt.UTC().Format(time.RFC3339))
	case c.NotBefore == nil:
		return refuse(token.ReasonNotYetValid, "nbf is missing")
	case now.Add(clockSkew).Before(c.NotBefore.Time):
		return refuse(token.ReasonNotYetValid, "it is valid from %s", c.NotBefore.UTC().Format(time.RFC3339))
	case k.Namespace == "" || k.ServiceAccount.Name == "":
		return refuse(token.ReasonSubject, "kubernetes.io names no service account")
	case c.Subject != "system:serviceaccount:"+k.Namespace+":"+k.ServiceAccount.Name:
		return refuse(token.ReasonSubject, "sub and kubernetes.io name different accounts")
	}
	return nil
}

// accountKey is a key of the API server with the one algorithm that it is for.
type accountKey struct {
	algorithm config.Algorithm
	public    crypto.PublicKey
}
