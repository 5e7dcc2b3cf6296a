package login

import (
	"net/http"

	"github.com/opsgen/opsgen/proxy/config"
)

// Person is who sent a request to a tenant's host, by the session in its cookie. It also refuses requests that another
// site made the browser send. The error is one of ErrNoSession, ErrForbidden, ErrCrossSite, ErrNotConfigured and
// ErrUnavailable, perhaps wrapped; Refuse answers each. Tokens are not looked at: a tenant's token is for agents, and
// opens no Grafana whatever its scopes are.
func (l *Login) Person(r *http.Request, tenant config.Tenant) (*Person, error) {
	return nil, ErrNotConfigured
}

// Refuse answers a request for which Person gave an error: a login for ErrNoSession, a page or JSON for all others.
func (l *Login) Refuse(w http.ResponseWriter, r *http.Request, tenant config.Tenant, err error) {
	l.Start(w, r, tenant)
}

// Start sends a browser's navigation (GET, Accept: text/html) to the login. Everything else gets 401 as JSON: a script
// cannot log in.
func (l *Login) Start(w http.ResponseWriter, r *http.Request, tenant config.Tenant) {
	http.Error(w, `{"message":"no login is set up"}`, http.StatusUnauthorized)
}

// ServeTenant serves the paths of a tenant's host that belong to the proxy: /-/session, where a login ends, and
// /-/logout. It answers whether the request was one of them.
func (l *Login) ServeTenant(w http.ResponseWriter, r *http.Request, tenant config.Tenant) (handled bool) {
	return false
}

// ServeAuth serves the host auth.<domain>: /login, /callback and /logout.
func (l *Login) ServeAuth(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// ServeKeys serves the public keys of Identify's tokens as a JWK set, for the path config.SigningKeysPath.
func (l *Login) ServeKeys(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// Identify tells the tenant's Grafana who the person is: it sets config.GrafanaTokenHeader to a signed token, and drops
// every other credential. The error is ErrUnavailable while there is no signing key.
func (l *Login) Identify(header http.Header, person *Person, tenant string) error {
	return ErrUnavailable
}

// StripCookie drops the proxy's own cookies from a request to an upstream: Grafana must not see a session.
func (l *Login) StripCookie(header http.Header) {}
