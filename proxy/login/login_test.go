package login

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"

	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/proxy/config"
)

func TestAPersonLogsInAndComesBack(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	response := b.open("https://payments.obs.example.com/explore?left=%7B%22a%22:1%7D&x=//evil.example.com")
	if response.StatusCode != http.StatusOK || response.Header.Get("X-Role") != "Admin" {
		t.Fatalf("status %d, role %q, visited %v", response.StatusCode, response.Header.Get("X-Role"), b.visited)
	}
	if last := b.visited[len(b.visited)-1]; last != "https://payments.obs.example.com/explore?left=%7B%22a%22:1%7D&x=//evil.example.com" {
		t.Errorf("came back to %s", last)
	}
	if response.Header.Get("X-Cookie") != "" {
		t.Errorf("Grafana sees cookies of the proxy: %s", response.Header.Get("X-Cookie"))
	}
	if again := b.send(http.MethodGet, "https://payments.obs.example.com/api/search", "Accept", "application/json"); again.StatusCode != http.StatusOK {
		t.Errorf("a script of a page gets %d", again.StatusCode)
	}
	if other := b.send(http.MethodGet, "https://search.obs.example.com/"); other.StatusCode != http.StatusSeeOther {
		t.Errorf("another tenant's host takes the session: %d", other.StatusCode)
	}
}

func TestCookiesAreOfTheirHostOnly(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	address := b.until("https://payments.obs.example.com/", "/-/session")
	response := b.send(http.MethodGet, address)
	cookies := response.Header.Values("Set-Cookie")
	if len(cookies) != 2 {
		t.Fatalf("cookies are %v", cookies)
	}
	for _, cookie := range cookies {
		for _, part := range []string{"__Host-opsgen-", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax", "; Max-Age="} {
			if !strings.Contains(cookie, part) || strings.Contains(cookie, "Domain") {
				t.Errorf("cookie %q lacks %q or has a domain", cookie, part)
			}
		}
	}
	for _, header := range []string{"Cache-Control=no-store", "Referrer-Policy=no-referrer"} {
		name, want, _ := strings.Cut(header, "=")
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestScriptsGet401(t *testing.T) {
	w := newWorld(t)
	for name, header := range map[string][]string{
		"an API client":    {"Accept", "application/json"},
		"a fetch":          {"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"},
		"a frame":          {"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"},
		"a WebSocket":      {"Upgrade", "websocket"},
		"a tenant's token": {"Accept", "*/*", "Authorization", "Bearer eyJhbGciOiJFZERTQSJ9.e30.c2ln"},
	} {
		response := w.browser().send(http.MethodGet, "https://payments.obs.example.com/api/live/ws", header...)
		if response.StatusCode != http.StatusUnauthorized || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s gets %d, %s", name, response.StatusCode, response.Header.Get("Content-Type"))
		}
	}
	if response := w.browser().send(http.MethodPost, "https://payments.obs.example.com/api/x"); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a POST gets %d", response.StatusCode)
	}
}

func TestTheHighestRoleOfTheGroupsCounts(t *testing.T) {
	for name, test := range map[string]struct {
		groups any
		want   string
	}{
		"several groups":       {[]string{"all", "sre"}, "Admin"},
		"the lowest":           {[]string{"all"}, "Viewer"},
		"one text":             {"sre", "Admin"},
		"a huge list":          {append(slices.Repeat([]string{strings.Repeat("g", 60)}, 2000), "sre"), "Admin"},
		"another case":         {[]string{"SRE"}, ""},
		"a list in a text":     {"all,sre", ""},
		"numbers":              {[]int{1, 2}, ""},
		"an object":            {map[string]any{"sre": true}, ""},
		"the role's own name":  {[]string{"Admin"}, ""},
		"none":                 {[]string{}, ""},
		"an empty name":        {[]string{""}, ""},
		"another tenant's":     {[]string{"search-team"}, ""},
		"a claim that is null": {nil, ""},
		"a nested list":        {[]any{[]string{"sre"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.provider.claims = func(c jwt.MapClaims) { c["groups"] = test.groups }
			response := w.browser().open("https://payments.obs.example.com/")
			if got := response.Header.Get("X-Role"); got != test.want {
				t.Errorf("role %q, want %q (status %d)", got, test.want, response.StatusCode)
			}
			if test.want == "" && response.StatusCode != http.StatusForbidden {
				t.Errorf("status %d, want 403", response.StatusCode)
			}
		})
	}
}

func TestThePageSaysWhichGroupsWouldDo(t *testing.T) {
	w := newWorld(t)
	w.tenants["payments"] = config.Tenant{Name: "payments", Grafana: &config.Access{Admins: []string{"<b>sre</b>"}}}
	w.reload()
	response := w.browser().open("https://payments.obs.example.com/")
	body := response.Body
	if !strings.Contains(body, "&lt;b&gt;sre&lt;/b&gt; (Admin)") || !strings.Contains(body, "/logout") {
		t.Errorf("the page is\n%s", body)
	}
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("policy is %q", policy)
	}
}

func TestAGroupThatLosesItsRoleLosesItAtTheReload(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.open("https://payments.obs.example.com/")
	w.tenants["payments"] = config.Tenant{Name: "payments", Grafana: &config.Access{Viewers: []string{"sre"}}}
	w.reload()
	if got := b.open("https://payments.obs.example.com/").Header.Get("X-Role"); got != "Viewer" {
		t.Errorf("role is %q, want Viewer", got)
	}
	w.tenants["payments"] = config.Tenant{Name: "payments", Grafana: &config.Access{Viewers: []string{"others"}}}
	w.reload()
	if got := b.open("https://payments.obs.example.com/").StatusCode; got != http.StatusForbidden {
		t.Errorf("status is %d, want 403", got)
	}
}

func TestSessionsEndAndOutliveRestarts(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.open("https://payments.obs.example.com/")
	status := func() int { return b.send(http.MethodGet, "https://payments.obs.example.com/").StatusCode }

	w.Login = w.start(w.provider.Client())
	w.provider.down = true
	if got := status(); got != http.StatusOK {
		t.Errorf("another replica answers %d, while the provider is down", got)
	}
	w.write("session-key", strings.Repeat("n", 64)+"\n"+strings.Repeat("k", 64))
	w.clock.advance(lookAgain)
	if got := status(); got != http.StatusOK {
		t.Errorf("a new key in front of the old one ends sessions: %d", got)
	}
	w.config.Login.SessionLifetime = quantity.Duration(time.Hour)
	w.reload()
	w.clock.advance(time.Hour)
	if got := status(); got != http.StatusSeeOther {
		t.Errorf("a session outlives the lifetime that was made shorter: %d", got)
	}
}

func TestASessionEndsWithItsKey(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.open("https://payments.obs.example.com/")
	w.write("session-key", strings.Repeat("n", 64))
	w.clock.advance(lookAgain)
	if got := b.send(http.MethodGet, "https://payments.obs.example.com/").StatusCode; got != http.StatusSeeOther {
		t.Errorf("a session outlives its key: %d", got)
	}
}

func TestLogout(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.open("https://payments.obs.example.com/")
	if got := b.send(http.MethodGet, "https://payments.obs.example.com/-/logout").StatusCode; got != http.StatusOK || b.cookie("payments."+domain) == "" {
		t.Errorf("a link logs people out: %d", got)
	}
	if got := b.send(http.MethodPost, "https://payments.obs.example.com/-/logout", "Origin", "https://search.obs.example.com").StatusCode; got != http.StatusForbidden {
		t.Errorf("another tenant's page logs people out: %d", got)
	}
	b.send(http.MethodPost, "https://payments.obs.example.com/-/logout", "Origin", "https://payments.obs.example.com")
	if b.cookie("payments."+domain) != "" {
		t.Error("the session is still there")
	}
	body := b.send(http.MethodGet, "https://auth.obs.example.com/logout").Body
	if !strings.Contains(body, w.provider.URL+"/end?client_id=proxy") {
		t.Errorf("no way out of the provider:\n%s", body)
	}
}

func TestWithoutALoginPeopleAreTold(t *testing.T) {
	w := newWorld(t)
	w.config.Login = nil
	w.reload()
	for _, address := range []string{"https://payments.obs.example.com/", "https://auth.obs.example.com/login", "https://payments.obs.example.com/-/session"} {
		response := w.browser().open(address)
		if response.StatusCode != http.StatusNotFound || !strings.Contains(response.Body, "No login is set up") {
			t.Errorf("%s: %d\n%s", address, response.StatusCode, response.Body)
		}
	}
}

func TestTheProviderMayComeUpLater(t *testing.T) {
	w := newWorld(t)
	w.provider.down = true
	b := w.browser()
	if got := b.open("https://payments.obs.example.com/").StatusCode; got != http.StatusBadGateway {
		t.Errorf("status is %d while the provider is down", got)
	}
	b.open("https://payments.obs.example.com/")
	if calls := w.provider.calls["/.well-known/openid-configuration"]; calls != 1 {
		t.Errorf("a provider that is down is called %d times at once", calls)
	}
	w.provider.down = false
	w.clock.advance(discoveryRetry)
	if got := b.open("https://payments.obs.example.com/").StatusCode; got != http.StatusOK {
		t.Errorf("status is %d when the provider is up", got)
	}
}

func TestGroupsFromUserinfo(t *testing.T) {
	w := newWorld(t)
	w.provider.claims = func(c jwt.MapClaims) { delete(c, "groups") }
	w.provider.userinfo = map[string]any{"sub": "u-1", "groups": []string{"all"}}
	if got := w.browser().open("https://payments.obs.example.com/").Header.Get("X-Role"); got != "Viewer" {
		t.Errorf("role is %q, want Viewer", got)
	}
	w.provider.userinfo = map[string]any{"sub": "u-2", "groups": []string{"sre"}}
	if got := w.browser().open("https://payments.obs.example.com/").StatusCode; got != http.StatusBadGateway {
		t.Errorf("groups of somebody else are taken: %d", got)
	}
}

// keySet is what Grafana fetches.
func (w *world) keySet() jose.JSONWebKeySet {
	w.t.Helper()
	recorder := httptest.NewRecorder()
	w.ServeKeys(recorder, httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, config.SigningKeysPath, nil))
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(recorder.Body.Bytes(), &set); err != nil || strings.Contains(recorder.Body.String(), `"d"`) {
		w.t.Fatalf("no key set: %v\n%s", err, recorder.Body)
	}
	return set
}

// verified checks a token as Grafana does, and is its claims.
func verified(t *testing.T, set jose.JSONWebKeySet, text string) map[string]any {
	t.Helper()
	token, err := josejwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	keys := set.Key(token.Headers[0].KeyID)
	if len(keys) != 1 {
		t.Fatalf("the key %s is not published", token.Headers[0].KeyID)
	}
	var claims map[string]any
	if err := token.Claims(keys[0], &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// tryVerify says whether one of the keys signed the token.
func tryVerify(set jose.JSONWebKeySet, text string) error {
	token, err := josejwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return err
	}
	return token.Claims(set, &map[string]any{})
}

func parseClaims(t *testing.T, text string) claims {
	t.Helper()
	var c claims
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGrafanaBelievesTheToken(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	claims := verified(t, w.keySet(), b.open("https://payments.obs.example.com/").Header.Get("X-Token"))
	now := float64(w.clock.now().Unix())
	for name, want := range map[string]any{
		"iss": "https://auth.obs.example.com", "aud": "grafana:payments", "sub": "u-1", "email": "ann@example.com", "name": "Ann",
		"role": "Admin", "iat": now, "nbf": now, "exp": now + 300,
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
}
