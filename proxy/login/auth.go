package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/opsgen/opsgen/proxy/config"
)

// attemptForm is the ID of an attempt and the hash of its secret.
var attemptForm = regexp.MustCompile(`^[A-Za-z0-9_-]{12}\.[A-Za-z0-9_-]{43}$`)

// longestCode bounds the provider's code.
const longestCode = 4 << 10

// ServeAuth serves the host auth.<domain>: /login, /callback and /logout. Everything else is a page that says where to
// begin.
func (l *Login) ServeAuth(w http.ResponseWriter, r *http.Request) {
	s := l.current()
	if s.login == nil {
		l.Refuse(w, r, config.Tenant{}, ErrNotConfigured)
		return
	}
	if !allowed(w, r, http.MethodGet) {
		return
	}
	var handle func(http.ResponseWriter, *http.Request, *state)
	switch r.URL.Path {
	case "/login":
		handle = l.toProvider
	case "/callback":
		handle = l.fromProvider
	case "/logout":
		handle = l.providerLogout
	default:
		l.answer(w, r, page{Status: http.StatusNotFound, Title: "Nothing is here", Text: "Open your tenant's address, https://<tenant>." + s.domain + "."})
		return
	}
	// Requests that wait for a slow provider must not pile up.
	select {
	case l.exchanges <- struct{}{}:
		defer func() { <-l.exchanges }()
		handle(w, r, s)
	default:
		l.answer(w, r, unavailable())
	}
}

// toProvider begins the login at the provider.
func (l *Login) toProvider(w http.ResponseWriter, r *http.Request, s *state) {
	query := r.URL.Query()
	tenant, known := s.tenants[query.Get("tenant")]
	if !known || tenant.Grafana == nil || !attemptForm.MatchString(query.Get("attempt")) {
		l.answer(w, r, page{
			Status: http.StatusBadRequest, Title: "No login begins here", Text: "Open your tenant's address, https://<tenant>." + s.domain + ".",
		})
		return
	}
	d, err := s.provider.discover(r.Context())
	if err != nil {
		l.failed(w, r, s, tenant, errors.Join(errProvider, err))
		return
	}
	c, err := s.provider.oauth(d, false)
	if err != nil {
		l.failed(w, r, s, tenant, err)
		return
	}
	f := flow{
		State: random(24), Nonce: random(24), Verifier: oauth2.GenerateVerifier(), Tenant: tenant.Name,
		Attempt: query.Get("attempt"), Expires: l.now().Add(attemptLife).Unix(),
	}
	sealed, err := s.keys.seal(forFlow, s.authHost(), f)
	if err != nil {
		l.Refuse(w, r, tenant, err)
		return
	}
	makeRoom(w, r, flowCookie)
	setCookie(w, flowName(f.State), sealed, attemptLife)
	redirect(w, c.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)))
}

// flowName is the name of the cookie for a state: several tabs may log in at once.
func flowName(state string) string { return flowCookie + hashOf(state)[:12] }

// fromProvider takes what the provider says and hands it to the tenant's host.
//
// The threats: a callback that somebody else began (login CSRF) has no cookie in this browser; a code that was stolen on
// its way is of no use without the PKCE verifier in that cookie; an ID token of another login has another nonce; and the
// answer of another provider (mix-up) names another issuer.
func (l *Login) fromProvider(w http.ResponseWriter, r *http.Request, s *state) {
	query := r.URL.Query()
	name := flowName(query.Get("state"))
	var f flow
	err := s.keys.open(forFlow, s.authHost(), cookieOf(r, name), &f)
	if errors.Is(err, ErrUnavailable) {
		l.Refuse(w, r, config.Tenant{}, err)
		return
	}
	clearCookie(w, name)
	if err != nil || !equal(f.State, query.Get("state")) || expired(l.now(), f.Expires) {
		l.answer(w, r, page{
			Status: http.StatusBadRequest, Title: "This login does not count",
			Text: "It has expired, was used before, or began in another browser. Open your tenant's address again.",
		})
		return
	}
	tenant, known := s.tenants[f.Tenant]
	if !known {
		l.answer(w, r, page{Status: http.StatusNotFound, Title: "Nothing is here", Text: "There is no tenant " + f.Tenant + " any more."})
		return
	}
	if refused := query.Get("error"); refused != "" {
		l.log.Info("the provider refused a login", "tenant", tenant.Name, "error", plain(refused, 64))
		l.answer(w, r, page{
			Status: http.StatusForbidden, Title: "The provider refused the login", Text: "It says: " + plain(refused, 64) + ".",
			Link: "https://" + s.host(tenant.Name) + "/", LinkText: "Try again",
		})
		return
	}
	who, err := l.ask(r.Context(), s, query, f)
	if err != nil {
		l.failed(w, r, s, tenant, err)
		return
	}
	l.handOver(w, r, s, tenant, who, f)
}

// ask redeems the code for who somebody is.
func (l *Login) ask(ctx context.Context, s *state, query url.Values, f flow) (identity, error) {
	d, err := s.provider.discover(ctx)
	if err != nil {
		return identity{}, errors.Join(errProvider, err)
	}
	if iss := query.Get("iss"); iss != s.login.Issuer && (iss != "" || d.namesItself) {
		return identity{}, errors.Join(errProvider, errors.New("the answer is of another provider (iss)"))
	}
	code := query.Get("code")
	if code == "" || len(code) > longestCode {
		return identity{}, errors.Join(errProvider, errors.New("the answer has no usable code"))
	}
	token, tokens, err := s.provider.redeem(ctx, d, code, f)
	if err != nil {
		return identity{}, err
	}
	return s.provider.identify(ctx, d, token, tokens)
}

// handOver sends who somebody is to the tenant's host, or says why not.
func (l *Login) handOver(w http.ResponseWriter, r *http.Request, s *state, tenant config.Tenant, who identity, f flow) {
	who.Groups = relevant(tenant.Grafana, who.Groups)
	role := roleOf(tenant.Grafana, who.Groups)
	if role == "" {
		l.log.Info("a person has no role", "tenant", tenant.Name, "subject", who.Subject)
		l.answer(w, r, forbidden(tenant, "/logout"))
		return
	}
	sealed, err := s.keys.seal(forHandOver, s.host(tenant.Name), handOver{
		Attempt: f.Attempt, Person: who, Expires: l.now().Add(handOverLife).Unix(),
	})
	if err != nil {
		l.Refuse(w, r, tenant, err)
		return
	}
	l.log.Info("a person logged in", "tenant", tenant.Name, "subject", who.Subject, "role", role)
	redirect(w, "https://"+s.host(tenant.Name)+"/-/session?code="+sealed)
}

// failed says that the provider is at fault, and tells the log what it did.
func (l *Login) failed(w http.ResponseWriter, r *http.Request, s *state, tenant config.Tenant, err error) {
	l.log.Error("a login failed", "tenant", tenant.Name, "error", err)
	p := unavailable()
	if errors.Is(err, errProvider) {
		p.Status, p.Title = http.StatusBadGateway, "The login failed"
		p.Text = "The provider did not answer as expected. The proxy's log says more."
	}
	p.Link, p.LinkText = "https://"+s.host(tenant.Name)+"/", "Try again"
	l.answer(w, r, p)
}

// providerLogout offers to end the session at the provider. It is a link and no redirect, so that no other site can log
// anybody out.
func (l *Login) providerLogout(w http.ResponseWriter, r *http.Request, s *state) {
	p := page{Status: http.StatusOK, Title: "Log out", Text: "Log out at the provider itself to log in as somebody else."}
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	if d, err := s.provider.discover(ctx); err == nil && d.endSession != "" {
		end, err := url.Parse(d.endSession)
		if err == nil {
			query := end.Query()
			query.Set("client_id", s.login.ClientID)
			end.RawQuery = query.Encode()
			p.Text, p.Link, p.LinkText = "End your session at the provider?", end.String(), "Log out at the provider"
		}
	}
	l.answer(w, r, p)
}

func redirect(w http.ResponseWriter, address string) {
	w.Header().Set("Location", address)
	w.Header().Set("Cache-Control", "no-store")
	// The address may hold a code.
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
}
