package login

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

const (
	clientID     = "proxy"
	clientSecret = "a secret with + and %"
)

// testProvider is an OpenID Connect provider where everybody is logged in already, with faults to switch on.
type testProvider struct {
	*httptest.Server
	key *ecdsa.PrivateKey
	now func() time.Time

	mu    sync.Mutex
	codes map[string]url.Values // codes that were not redeemed, with what authorize was asked

	down     bool
	claims   func(jwt.MapClaims)        // changes the ID token's claims
	sign     func(jwt.MapClaims) string // signs in another way
	userinfo map[string]any             // nil: no such endpoint
	document func(map[string]any)       // changes the discovery document
	back     func(url.Values)           // changes what the callback gets
	calls    map[string]int
}

func newTestProvider(t *testing.T, now func() time.Time) *testProvider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &testProvider{key: key, now: now, codes: map[string]url.Values{}, calls: map[string]int{}}
	p.Server = httptest.NewTLSServer(p)
	t.Cleanup(p.Close)
	return p
}

// ServeHTTP implements http.Handler.
func (p *testProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[r.URL.Path]++
	if p.down {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		p.discovery(w)
	case "/keys":
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	case "/authorize":
		p.authorize(w, r)
	case "/token":
		p.token(w, r)
	case "/userinfo":
		answer(w, p.userinfo)
	default:
		http.NotFound(w, r)
	}
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func (p *testProvider) discovery(w http.ResponseWriter) {
	document := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"},
		"end_session_endpoint": p.URL + "/end",
	}
	if p.userinfo != nil {
		document["userinfo_endpoint"] = p.URL + "/userinfo"
	}
	if p.document != nil {
		p.document(document)
	}
	answer(w, document)
}

func (p *testProvider) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Get("client_id") != clientID || query.Get("code_challenge_method") != "S256" || query.Get("response_type") != "code" {
		http.Error(w, "bad authorization request", http.StatusBadRequest)
		return
	}
	code := random(16)
	p.codes[code] = query
	back := url.Values{"code": {code}, "state": {query.Get("state")}}
	if p.back != nil {
		p.back(back)
	}
	http.Redirect(w, r, query.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (p *testProvider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if decoded, err := url.QueryUnescape(secret); err != nil || id != clientID || decoded != clientSecret {
		http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
		return
	}
	asked, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code")) // once
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:]) ||
		asked.Get("redirect_uri") != r.PostFormValue("redirect_uri") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	now := p.now()
	claims := jwt.MapClaims{
		"iss": p.URL, "aud": clientID, "sub": "u-1", "email": "ann@example.com", "name": "Ann", "groups": []string{"sre", "all"},
		"nonce": asked.Get("nonce"), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	if p.claims != nil {
		p.claims(claims)
	}
	sign := p.signed
	if p.sign != nil {
		sign = p.sign
	}
	answer(w, map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": sign(claims)})
}

func (p *testProvider) signed(claims jwt.MapClaims) string {
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["kid"] = "k"
	text, err := token.SignedString(p.key)
	if err != nil {
		return ""
	}
	return text
}
