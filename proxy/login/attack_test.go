package login

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/opsgen/opsgen/proxy/config"
)

const home = "https://payments.obs.example.com/"

// wants fails unless the browser has no session and got that status.
func (b *browser) wants(t *testing.T, got seen, status int) {
	t.Helper()
	if got.StatusCode != status || got.Header.Get("X-Role") != "" || b.cookie("payments."+domain) != "" {
		t.Errorf("status %d (want %d), role %q, session %q", got.StatusCode, status, got.Header.Get("X-Role"), b.cookie("payments."+domain))
	}
}

func TestTokensOfAFaultyProvider(t *testing.T) {
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, value any) func(jwt.MapClaims) { return func(c jwt.MapClaims) { c[name] = value } }
	unset := func(name string) func(jwt.MapClaims) { return func(c jwt.MapClaims) { delete(c, name) } }
	signed := func(method jwt.SigningMethod, key any) func(jwt.MapClaims) string {
		return func(c jwt.MapClaims) string {
			token := jwt.NewWithClaims(method, c)
			token.Header["kid"] = "k"
			text, err := token.SignedString(key)
			if err != nil {
				t.Error(err)
			}
			return text
		}
	}
	for name, test := range map[string]struct {
		claims func(jwt.MapClaims)
		sign   func(jwt.MapClaims) string
	}{
		"another login's nonce":        {claims: set("nonce", "another")},
		"no nonce":                     {claims: unset("nonce")},
		"expired":                      {claims: set("exp", time.Now().Add(-time.Hour).Unix())},
		"no expiry":                    {claims: unset("exp")},
		"not valid yet":                {claims: set("nbf", time.Now().Add(time.Hour).Unix())},
		"another audience":             {claims: set("aud", "wiki")},
		"no audience":                  {claims: unset("aud")},
		"several audiences, no azp":    {claims: set("aud", []string{"wiki", clientID})},
		"another authorised party":     {claims: set("azp", "wiki")},
		"another issuer":               {claims: set("iss", "https://evil.example.com")},
		"no subject":                   {claims: unset("sub")},
		"a subject with a line break":  {claims: set("sub", "u-1\nrole: Admin")},
		"a subject that is too long":   {claims: set("sub", strings.Repeat("u", 256))},
		"too many groups":              {claims: set("groups", make([]int, mostGroups+1))},
		"another access token's":       {claims: set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")},
		"alg none":                     {sign: signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType)},
		"HS256 with the client secret": {sign: signed(jwt.SigningMethodHS256, []byte(clientSecret))},
		"a foreign key":                {sign: signed(jwt.SigningMethodES256, foreign)},
		"no token at all":              {sign: func(jwt.MapClaims) string { return "" }},
		"no token but text":            {sign: func(jwt.MapClaims) string { return "a.b.c" }},
		"a token without end":          {sign: func(jwt.MapClaims) string { return strings.Repeat("a", longestAnswer+1) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.provider.claims, w.provider.sign = test.claims, test.sign
			b := w.browser()
			b.wants(t, b.open(home), http.StatusBadGateway)
		})
	}
}

func TestFaultyDiscovery(t *testing.T) {
	for name, test := range map[string]struct{ field, value string }{
		"another issuer":            {"issuer", "https://evil.example.com"},
		"tokens in the clear":       {"token_endpoint", "http://provider.example.com/token"},
		"keys in the clear":         {"jwks_uri", "http://provider.example.com/keys"},
		"a login in the clear":      {"authorization_endpoint", "http://provider.example.com/authorize"},
		"a login that is a script":  {"authorization_endpoint", "javascript:alert(1)"},
		"no address for the tokens": {"token_endpoint", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.provider.document = func(d map[string]any) { d[test.field] = test.value }
			b := w.browser()
			b.wants(t, b.open(home), http.StatusBadGateway)
		})
	}
}

func TestForgedCallbacks(t *testing.T) {
	// end is the address of a callback that would succeed, and its browser.
	end := func(w *world) (*browser, *url.URL) {
		b := w.browser()
		u, err := url.Parse(b.until(home, "/callback"))
		if err != nil {
			t.Fatal(err)
		}
		return b, u
	}
	for name, forge := range map[string]func(*world, *browser, url.Values) *browser{
		"in another browser (login CSRF)": func(w *world, _ *browser, _ url.Values) *browser { return w.browser() },
		"with another state": func(_ *world, b *browser, q url.Values) *browser {
			q.Set("state", random(24))
			return b
		},
		"without state": func(_ *world, b *browser, q url.Values) *browser {
			q.Del("state")
			return b
		},
		"with the cookie under another state's name": func(_ *world, b *browser, q url.Values) *browser {
			for _, cookie := range b.jar.Cookies(&url.URL{Scheme: "https", Host: "auth." + domain, Path: "/"}) {
				q.Set("state", "mine")
				b.plant("auth."+domain, flowName("mine"), cookie.Value)
			}
			return b
		},
		"too late": func(w *world, b *browser, _ url.Values) *browser {
			w.clock.advance(attemptLife)
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			b, u := end(w)
			query := u.Query()
			b = forge(w, b, query)
			u.RawQuery = query.Encode()
			b.wants(t, b.open(u.String()), http.StatusBadRequest)
			if w.provider.calls["/token"] != 0 {
				t.Error("the code was redeemed")
			}
		})
	}
	t.Run("twice", func(t *testing.T) {
		w := newWorld(t)
		b, u := end(w)
		b.send(http.MethodGet, u.String())
		b.wants(t, b.open(u.String()), http.StatusBadRequest)
	})
	t.Run("with the code of another login", func(t *testing.T) {
		w := newWorld(t)
		_, stolen := end(w)
		b, u := end(w)
		query := u.Query()
		query.Set("code", stolen.Query().Get("code"))
		u.RawQuery = query.Encode()
		b.wants(t, b.open(u.String()), http.StatusBadGateway)
	})
	t.Run("of another provider", func(t *testing.T) {
		w := newWorld(t)
		w.provider.back = func(q url.Values) { q.Set("iss", "https://evil.example.com") }
		b := w.browser()
		b.wants(t, b.open(home), http.StatusBadGateway)
	})
	t.Run("of a provider that forgot to name itself", func(t *testing.T) {
		w := newWorld(t)
		w.provider.document = func(d map[string]any) { d["authorization_response_iss_parameter_supported"] = true }
		b := w.browser()
		b.wants(t, b.open(home), http.StatusBadGateway)
	})
	t.Run("with an error that is a script", func(t *testing.T) {
		w := newWorld(t)
		w.provider.back = func(q url.Values) { q.Set("error", "<script>alert(1)</script>") }
		b := w.browser()
		got := b.open(home)
		b.wants(t, got, http.StatusForbidden)
		if strings.Contains(got.Body, "<script") {
			t.Errorf("the page is\n%s", got.Body)
		}
	})
}

func TestHandOverCodesAreOfOneBrowserOnce(t *testing.T) {
	w := newWorld(t)
	attacker := w.browser()
	address := attacker.until(home, "/-/session")

	victim := w.browser()
	victim.wants(t, victim.open(address), http.StatusBadRequest)
	victim.until(home, "/login") // one that has begun a login itself
	victim.wants(t, victim.open(address), http.StatusBadRequest)

	elsewhere := strings.Replace(address, "payments", "search", 1)
	attacker.wants(t, attacker.open(elsewhere), http.StatusBadRequest)
	attacker.wants(t, attacker.open(address[:len(address)-1]), http.StatusBadRequest)
	attacker.wants(t, attacker.open(home+"-/session"), http.StatusBadRequest)

	if got := attacker.open(address); got.StatusCode != http.StatusOK {
		t.Errorf("in its own browser the code gets %d", got.StatusCode)
	}
	if got := attacker.send(http.MethodGet, address); got.Header.Get("Location") != home || got.Header.Get("Set-Cookie") != "" {
		t.Errorf("a used code leads to %q", got.Header.Get("Location"))
	}
	attacker.plant("payments."+domain, sessionCookie, "none")
	if got := attacker.open(address); got.StatusCode != http.StatusBadRequest {
		t.Errorf("a used code gets %d", got.StatusCode)
	}

	late := w.browser()
	address = late.until(home, "/-/session")
	w.clock.advance(handOverLife)
	late.wants(t, late.open(address), http.StatusBadRequest)
}

func TestNoRedirectLeavesTheTenantsHost(t *testing.T) {
	w := newWorld(t)
	for _, target := range []string{
		"//evil.example.com", "///evil.example.com/", `/\evil.example.com`, "/%5c%5cevil.example.com", "/%2f%2fevil.example.com", "/@evil.example.com",
		"/.evil.example.com", "/?return=https://evil.example.com", "/x%0d%0aLocation:%20https://evil.example.com", "/\u202eevil", "/..//evil.example.com",
		"/-/session?code=x", "/" + strings.Repeat("a", longestReturn),
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, home, nil)
		r.Header.Set("Accept", "text/html")
		u, err := url.ParseRequestURI(target)
		if err != nil {
			continue // the server refuses it before
		}
		r.URL = u
		u.Host, u.Scheme = "", ""
		path := returnPath(r)
		to, err := url.Parse("https://payments.obs.example.com" + path)
		if err != nil || to.Host != "payments.obs.example.com" || strings.ContainsAny(path, "\r\n\\") || strings.HasPrefix(path, "/-/") {
			t.Errorf("%q leads to %q (%v)", target, path, err)
		}
	}
	for _, query := range []string{
		"tenant=evil.example.com%2f&attempt=a.b", "tenant=payments", "tenant=payments&attempt=x", "tenant=closed&attempt=" + strings.Repeat("a", 12) + "." + strings.Repeat("a", 43),
		"tenant=&return=https://evil.example.com", "return=//evil.example.com",
	} {
		got := w.browser().send(http.MethodGet, "https://auth.obs.example.com/login?"+query)
		if got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" {
			t.Errorf("/login?%s gets %d, to %q", query, got.StatusCode, got.Header.Get("Location"))
		}
	}
}

func TestForeignAndTamperedCookies(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.open(home)
	good := b.cookie("payments." + domain)
	for name, value := range map[string]string{
		"none": "", "text": "admin", "cut": good[:len(good)-4], "longer": good + "AAAA", "flipped": flip(good),
		"another encoding": good + "=", "huge": strings.Repeat("A", longestSealed*4),
	} {
		other := w.browser()
		other.plant("payments."+domain, sessionCookie, value)
		if got := other.send(http.MethodGet, home); got.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: status %d, role %q", name, got.StatusCode, got.Header.Get("X-Role"))
		}
	}
	// "all" may look at both tenants, so that only the seal tells them apart.
	b.plant("search."+domain, sessionCookie, good)
	if got := b.send(http.MethodGet, "https://search.obs.example.com/"); got.StatusCode != http.StatusSeeOther {
		t.Errorf("the session of payments opens search: %d, role %q", got.StatusCode, got.Header.Get("X-Role"))
	}
	var seal string
	for _, cookie := range w.browserAt(home).jar.Cookies(&url.URL{Scheme: "https", Host: "payments." + domain, Path: "/"}) {
		seal = cookie.Value
	}
	other := w.browser()
	other.plant("payments."+domain, sessionCookie, seal)
	if got := other.send(http.MethodGet, home); got.StatusCode != http.StatusSeeOther {
		t.Errorf("the cookie of an attempt is a session: %d", got.StatusCode)
	}
	for _, two := range []string{sessionCookie + "=x; " + sessionCookie + "=" + good, sessionCookie + "=" + good + "; " + sessionCookie + "=x"} {
		if got := w.browser().send(http.MethodGet, home, "Cookie", two); got.StatusCode != http.StatusSeeOther {
			t.Errorf("of two cookies one was taken: %d", got.StatusCode)
		}
	}
	w.config.Login.ClientID = "another"
	w.reload()
	if got := b.send(http.MethodGet, home); got.StatusCode != http.StatusSeeOther {
		t.Errorf("a session of another client is taken: %d", got.StatusCode)
	}
}

// browserAt has begun a login there.
func (w *world) browserAt(address string) *browser {
	b := w.browser()
	b.send(http.MethodGet, address)
	return b
}

func flip(text string) string {
	bytes := []byte(text)
	at := len(bytes) / 2
	bytes[at] = map[bool]byte{true: 'A', false: 'B'}[bytes[at] != 'A']
	return string(bytes)
}

func TestOtherSitesCannotUseASession(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.open(home)
	for name, test := range map[string]struct {
		method string
		header []string
		want   int
	}{
		"its own form":                 {"POST", []string{"Origin", "https://payments.obs.example.com"}, 200},
		"its own fetch, no Origin":     {"DELETE", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		"another tenant's page":        {"POST", []string{"Origin", "https://search.obs.example.com", "Sec-Fetch-Site", "same-site"}, 403},
		"an evil page":                 {"POST", []string{"Origin", "https://evil.example.com"}, 403},
		"a page in the clear":          {"PUT", []string{"Origin", "http://payments.obs.example.com"}, 403},
		"a page at another port":       {"PATCH", []string{"Origin", "https://payments.obs.example.com:8080"}, 403},
		"a sandboxed frame":            {"POST", []string{"Origin", "null"}, 403},
		"an Origin that begins alike":  {"POST", []string{"Origin", "https://payments.obs.example.com.evil.example.com"}, 403},
		"a browser that says nothing":  {"POST", nil, 403},
		"a method nobody knows":        {"BREW", nil, 403},
		"its own WebSocket":            {"GET", []string{"Upgrade", "websocket", "Origin", "https://payments.obs.example.com"}, 200},
		"another page's WebSocket":     {"GET", []string{"Upgrade", "websocket", "Origin", "https://search.obs.example.com"}, 403},
		"a WebSocket without Origin":   {"GET", []string{"Upgrade", "websocket"}, 403},
		"a link elsewhere":             {"GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		"another tenant's script tag":  {"GET", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"}, 403},
		"another tenant's frame":       {"GET", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		"a reading fetch of its own":   {"GET", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"}, 200},
		"an address that was typed in": {"GET", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			if got := b.send(test.method, home+"api/x", test.header...).StatusCode; got != test.want {
				t.Errorf("status %d, want %d", got, test.want)
			}
		})
	}
}

func TestAnOriginIsComparedWithTheTenantsHost(t *testing.T) {
	for name, test := range map[string]struct {
		host    string
		origins []string
		want    bool
	}{
		"its own":                  {"payments.obs.example.com", []string{"https://payments.obs.example.com"}, true},
		"its own at a port":        {"payments.obs.example.com:8443", []string{"https://payments.obs.example.com:8443"}, true},
		"the usual port is unsaid": {"Payments.obs.example.com:443", []string{"https://payments.obs.example.com"}, true},
		"two origins":              {"payments.obs.example.com", []string{"https://payments.obs.example.com", "https://evil.example.com"}, false},
		"a host of somebody else":  {"evil.example.com", []string{"https://evil.example.com"}, false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, home, nil)
		r.Host = test.host
		r.Header["Origin"] = test.origins
		if got := sameOrigin(r, "payments.obs.example.com"); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestATenantWithoutGrafanaLetsNobodyIn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	if got := b.open("https://closed.obs.example.com/"); got.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", got.StatusCode)
	}
	if got := b.open("https://unknown.obs.example.com/"); got.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", got.StatusCode)
	}
}

func TestAPersonOfOneTenantIsNobodyAtAnother(t *testing.T) {
	w := newWorld(t)
	header := http.Header{config.GrafanaTokenHeader: {"forged"}, "X-Jwt-Assertion": {"forged"}, "Authorization": {"Bearer x"}}
	if err := w.Identify(header, &Person{Subject: "u", Role: Admin, Expires: w.clock.now().Add(time.Hour), tenant: "payments"}, "search"); err == nil {
		t.Error("not refused")
	}
	if header.Get(config.GrafanaTokenHeader) != "" || header.Get("Authorization") != "" {
		t.Errorf("credentials of the client stay: %v", header)
	}
}

func TestManyBegunLoginsFitIntoARequest(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for range 4 * mostAttempts {
		b.until(home+"?q="+strings.Repeat("a", 1400), w.provider.URL)
	}
	for _, host := range []string{"payments.", "auth."} {
		if cookies := b.jar.Cookies(&url.URL{Scheme: "https", Host: host + domain, Path: "/"}); len(cookies) > mostAttempts+1 {
			t.Errorf("%s has %d cookies", host, len(cookies))
		}
	}
	if got := b.open(home); got.StatusCode != http.StatusOK {
		t.Errorf("status %d", got.StatusCode)
	}
}
