package login

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
)

// longestReturn bounds the path that a login leads back to; a longer one leads to the start page.
const longestReturn = 1500

// Person is who sent a request to a tenant's host, by the session in its cookie. It also refuses requests that another
// site made the browser send. The error is one of ErrNoSession, ErrForbidden, ErrCrossSite, ErrNotConfigured and
// ErrUnavailable, perhaps wrapped; Refuse answers each. Tokens are not looked at: a tenant's token is for agents, and
// opens no Grafana whatever its scopes are.
func (l *Login) Person(r *http.Request, tenant config.Tenant) (*Person, error) {
	s := l.current()
	if s.login == nil {
		return nil, ErrNotConfigured
	}
	value := cookieOf(r, sessionCookie)
	if value == "" {
		return nil, ErrNoSession
	}
	var known session
	if err := s.keys.open(forSession, s.host(tenant.Name), value, &known); err != nil {
		if errors.Is(err, ErrUnavailable) {
			return nil, err
		}
		return nil, ErrNoSession
	}
	// A lifetime that became shorter holds for sessions that exist, too.
	end := min(known.Expires, known.Issued+int64(time.Duration(s.login.SessionLifetime)/time.Second))
	if expired(l.now(), end) || known.Person.Subject == "" {
		return nil, ErrNoSession
	}
	if !sameOrigin(r, s.host(tenant.Name)) {
		return nil, ErrCrossSite
	}
	role := roleOf(tenant.Grafana, known.Person.Groups)
	if role == "" {
		return nil, ErrForbidden
	}
	return &Person{
		Subject: known.Person.Subject, Email: known.Person.Email, Role: role, Expires: time.Unix(end, 0),
		tenant: tenant.Name, name: known.Person.Name, session: known.ID,
	}, nil
}

// Refuse answers a request for which Person or Identify gave an error: a login for ErrNoSession, a page or JSON for all
// others.
func (l *Login) Refuse(w http.ResponseWriter, r *http.Request, tenant config.Tenant, err error) {
	problem := page{Status: http.StatusInternalServerError, Title: "Something went wrong", Text: "Try again in a moment."}
	switch {
	case errors.Is(err, ErrNoSession):
		l.Start(w, r, tenant)
		return
	case errors.Is(err, ErrForbidden):
		problem = forbidden(tenant, "/-/logout")
	case errors.Is(err, ErrCrossSite):
		problem = page{
			Status: http.StatusForbidden, Title: "Refused",
			Text: "Another site made your browser send this request.", Link: "/", LinkText: "Open Grafana",
		}
	case errors.Is(err, ErrNotConfigured):
		problem = page{
			Status: http.StatusNotFound, Title: "No login is set up",
			Text: "This cluster has no login for people. Who runs it can set one up: section login of cluster.yaml.",
		}
	case errors.Is(err, ErrUnavailable):
		l.log.Error("nobody can be let in to Grafana", "error", err)
		problem = unavailable()
	}
	l.answer(w, r, problem)
}

// answer shows a page to people, and JSON to scripts.
func (l *Login) answer(w http.ResponseWriter, r *http.Request, p page) {
	if isNavigation(r) {
		l.show(w, p)
		return
	}
	if p.RetryAfter != "" {
		w.Header().Set("Retry-After", p.RetryAfter)
	}
	writeJSON(w, r, p.Status, p.Title+". "+p.Text)
}

// Start sends a browser's navigation (GET, Accept: text/html) to the login. Everything else gets 401 as JSON: a script
// cannot log in.
func (l *Login) Start(w http.ResponseWriter, r *http.Request, tenant config.Tenant) {
	s := l.current()
	switch {
	case s.login == nil:
		l.Refuse(w, r, tenant, ErrNotConfigured)
		return
	case !isNavigation(r):
		writeJSON(w, r, http.StatusUnauthorized, "Log in with a browser at https://"+s.host(tenant.Name)+"/.")
		return
	case tenant.Grafana == nil:
		l.show(w, forbidden(tenant, ""))
		return
	}
	begun := attempt{Secret: random(32), Return: returnPath(r), Expires: l.now().Add(attemptLife).Unix()}
	sealed, err := s.keys.seal(forAttempt, s.host(tenant.Name), begun)
	if err != nil {
		l.Refuse(w, r, tenant, err)
		return
	}
	id := random(9)
	makeRoom(w, r, attemptCookie)
	setCookie(w, attemptCookie+id, sealed, attemptLife)
	redirect(w, fmt.Sprintf("https://%s/login?tenant=%s&attempt=%s.%s", s.authHost(), tenant.Name, id, hashOf(begun.Secret)))
}

// returnPath is where the person wanted to go on this host. It stays in a sealed cookie, and is only ever put behind the
// host's own name.
func returnPath(r *http.Request) string {
	path := r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	unsafe := func(c rune) bool { return c <= ' ' || c > '~' || c == '\\' }
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "/-/") || len(path) > longestReturn || strings.ContainsFunc(path, unsafe) {
		return "/"
	}
	return path
}

// ServeTenant serves the paths of a tenant's host that belong to the proxy: /-/session, where a login ends, and
// /-/logout. It answers whether the request was one of them.
func (l *Login) ServeTenant(w http.ResponseWriter, r *http.Request, tenant config.Tenant) (handled bool) {
	switch r.URL.Path {
	case "/-/session":
		l.serve(w, r, tenant, l.begin, http.MethodGet)
	case "/-/logout":
		l.serve(w, r, tenant, l.logout, http.MethodGet, http.MethodPost)
	default:
		return false
	}
	return true
}

func (l *Login) serve(
	w http.ResponseWriter, r *http.Request, tenant config.Tenant,
	handle func(http.ResponseWriter, *http.Request, *state, config.Tenant), methods ...string,
) {
	s := l.current()
	if s.login == nil {
		l.Refuse(w, r, tenant, ErrNotConfigured)
		return
	}
	if !allowed(w, r, methods...) {
		return
	}
	handle(w, r, s, tenant)
}

func allowed(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, method := range methods {
		if r.Method == method {
			return true
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	writeJSON(w, r, http.StatusMethodNotAllowed, "only "+strings.Join(methods, " and ")+" are served here")
	return false
}

// begin ends a login: it takes the code from auth.<domain> and gives the browser its session.
//
// The threats: a code that somebody saw is worth nothing without the attempt's cookie, which only the browser has that
// began the login. An attacker who sends a victim the end of the attacker's own login fails for the same reason, so that
// nobody works in a session of somebody else. The attempt is deleted with its use, so that no code works twice.
func (l *Login) begin(w http.ResponseWriter, r *http.Request, s *state, tenant config.Tenant) {
	host := s.host(tenant.Name)
	var code handOver
	err := s.keys.open(forHandOver, host, r.URL.Query().Get("code"), &code)
	if errors.Is(err, ErrUnavailable) {
		l.Refuse(w, r, tenant, err)
		return
	}
	id, hash, _ := strings.Cut(code.Attempt, ".")
	name := attemptCookie + id
	var begun attempt
	if err == nil {
		err = s.keys.open(forAttempt, host, cookieOf(r, name), &begun)
	}
	now := l.now()
	if err != nil || !equal(hash, hashOf(begun.Secret)) || expired(now, code.Expires) || expired(now, begun.Expires) {
		l.log.Info("refused the end of a login", "tenant", tenant.Name)
		if _, err := l.Person(r, tenant); err == nil {
			redirect(w, "https://"+host+"/") // of many tabs that began to log in, another one was first
			return
		}
		l.show(w, page{
			Status: http.StatusBadRequest, Title: "This login does not count",
			Text: "It has expired, was used before, or began in another browser.", Link: "/", LinkText: "Log in again",
		})
		return
	}
	clearCookie(w, name)
	if roleOf(tenant.Grafana, code.Person.Groups) == "" {
		l.show(w, forbidden(tenant, "/-/logout"))
		return
	}
	life := time.Duration(s.login.SessionLifetime)
	sealed, err := s.keys.seal(forSession, host, session{
		Person: code.Person, ID: random(12), Issued: now.Unix(), Expires: now.Add(life).Unix(),
	})
	if err != nil {
		l.Refuse(w, r, tenant, err)
		return
	}
	setCookie(w, sessionCookie, sealed, life)
	redirect(w, "https://"+host+begun.Return)
}

// logout asks first: a link or picture elsewhere must not be able to log anybody out.
func (l *Login) logout(w http.ResponseWriter, r *http.Request, s *state, tenant config.Tenant) {
	if r.Method == http.MethodGet {
		l.show(w, page{
			Status: http.StatusOK, Title: "Log out", Text: "Log out of " + s.host(tenant.Name) + "?", Post: "/-/logout", PostText: "Log out",
		})
		return
	}
	if !sameOrigin(r, s.host(tenant.Name)) {
		l.Refuse(w, r, tenant, ErrCrossSite)
		return
	}
	clearCookie(w, sessionCookie)
	l.show(w, page{
		Status: http.StatusOK, Title: "Logged out", Text: "You are logged out of " + s.host(tenant.Name) + ". Other tenants' sessions go on.",
		Link: "https://" + s.authHost() + "/logout", LinkText: "Log out at the provider too",
	})
}
