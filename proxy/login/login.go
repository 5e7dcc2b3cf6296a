package login

import (
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
)

// Role is a role in Grafana, as its token names it.
type Role string

// The roles, the highest first.
const (
	Admin  Role = "Admin"
	Editor Role = "Editor"
	Viewer Role = "Viewer"
)

// Person is somebody with a session at one tenant's host.
type Person struct {
	// Subject is the person's lasting name at the provider.
	Subject string
	// Email is empty when the provider gave none, or one that it has not verified.
	Email string
	// Role is the highest that the person's groups give.
	Role Role
	// Expires is when the session ends.
	Expires time.Time

	tenant  string
	name    string // for Grafana to show; perhaps empty
	session string // tells sessions apart in the cache of signed identities
}

// What Person refuses.
var (
	// ErrNoSession means that there is no valid session: Start one.
	ErrNoSession = errors.New("no session")
	// ErrForbidden means that the session is valid, and none of its groups has a role at the tenant.
	ErrForbidden = errors.New("no role in this tenant's Grafana")
	// ErrCrossSite means that another site made the browser send the request.
	ErrCrossSite = errors.New("the request comes from another site")
	// ErrNotConfigured means that proxy.yaml has no login.
	ErrNotConfigured = errors.New("no login is set up")
	// ErrUnavailable means that keys cannot be read: nobody can be let in until they can.
	ErrUnavailable = errors.New("keys of the login cannot be read")
)

// Options are what New needs.
type Options struct {
	// Config is proxy.yaml with defaults.
	Config config.Config
	// Tenants are those of tenants.yaml.
	Tenants []config.Tenant
	// HTTPClient calls the provider. Nil makes one that trusts the system's authorities and login.caFile.
	HTTPClient *http.Client
	// Now is the time; nil means time.Now.
	Now func() time.Time
	// Logger gets who logged in and why a login failed, never tokens; nil discards.
	Logger *slog.Logger
}

// Login serves people. Its methods may be called at the same time.
type Login struct {
	client *http.Client // of Options; nil when it follows the configuration
	now    func() time.Time
	log    *slog.Logger

	signing   *signing
	exchanges chan struct{} // bounds calls to the provider that wait

	mu    sync.RWMutex
	state *state
}

// state is what a reload replaces.
type state struct {
	domain   string
	login    *config.Login // nil: not configured
	tenants  map[string]config.Tenant
	provider *provider
	keys     *keyring
}

// New prepares the login. Neither the provider nor the files with keys need to be there yet: they are looked for when
// they are needed.
func New(o Options) (*Login, error) {
	l := &Login{client: o.HTTPClient, now: o.Now, log: o.Logger, exchanges: make(chan struct{}, maxExchanges)}
	if l.now == nil {
		l.now = time.Now
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	l.signing = newSigning(l.now)
	if err := l.Reload(o.Config, o.Tenants); err != nil {
		return nil, err
	}
	return l, nil
}

// Reload takes a new configuration. Sessions stay valid. The signing key before stays published, which it would not
// with a new Login; so prefer it. On an error, of which there is none yet, everything stays as it was.
func (l *Login) Reload(c config.Config, tenants []config.Tenant) error {
	next := &state{domain: c.Domain, login: c.Login, tenants: make(map[string]config.Tenant, len(tenants))}
	for _, tenant := range tenants {
		next.tenants[tenant.Name] = tenant
	}
	if c.Login != nil {
		next.provider = newProvider(*c.Login, c.Domain, l.client, l.now)
		next.keys = newKeyring(*c.Login, l.now)
	}
	if before := l.current(); before != nil && next.provider != nil {
		next.provider.inherit(before.provider) // not below the lock: it may wait for a discovery
		if before.keys != nil && before.keys.file == next.keys.file && before.keys.client == next.keys.client {
			next.keys = before.keys // they stay known when the file cannot be read just now
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = next
	l.signing.configure(c.Domain, c.Grafana.SigningKey, time.Duration(c.Grafana.KeyOverlap))
	return nil
}

func (l *Login) current() *state {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.state
}

// host is the name of a tenant's host.
func (s *state) host(tenant string) string { return tenant + "." + s.domain }

// authHost is the name of the host where people log in.
func (s *state) authHost() string { return "auth." + s.domain }
