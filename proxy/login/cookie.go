package login

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// The names of cookies. Browsers let nobody but the host itself set a name with __Host-: another tenant's host, which
// is below the same domain, cannot plant one.
const (
	cookiePrefix  = "__Host-opsgen-"
	sessionCookie = cookiePrefix + "session"
	attemptCookie = cookiePrefix + "attempt-"
	flowCookie    = cookiePrefix + "flow-"
)

const (
	// attemptLife is how long a person may take at the provider.
	attemptLife = 15 * time.Minute
	// handOverLife is how long the code is valid that takes a login from auth.<domain> to the tenant's host.
	handOverLife = 30 * time.Second
	// mostAttempts bounds the logins that one browser has begun and not ended, so that their cookies fit into a request.
	mostAttempts = 5
)

// attempt is a login that began at a tenant's host, in its cookie there.
type attempt struct {
	Secret  string `json:"s"`
	Return  string `json:"r"`
	Expires int64  `json:"x"`
}

// flow is a login that is under way at the provider, in its cookie at auth.<domain>.
type flow struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Tenant   string `json:"t"`
	Attempt  string `json:"a"` // its ID and the hash of its secret
	Expires  int64  `json:"x"`
}

// handOver is the result of a login on its way to the tenant's host.
type handOver struct {
	Attempt string   `json:"a"`
	Person  identity `json:"p"`
	Expires int64    `json:"x"`
}

// session is somebody who has logged in at a tenant's host.
type session struct {
	Person  identity `json:"p"`
	ID      string   `json:"i"`
	Issued  int64    `json:"b"`
	Expires int64    `json:"x"`
}

// identity is who the provider says a person is.
type identity struct {
	Subject string `json:"s"`
	Email   string `json:"e,omitempty"`
	Name    string `json:"n,omitempty"`
	// Groups are those that have a role at the tenant, and no others.
	Groups []string `json:"g"`
}

func setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int(life / time.Second),
	})
}

func clearCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: -1,
	})
}

// cookieOf is the value of a cookie; "" when there is none, or when there are two and nobody can say which is right.
func cookieOf(r *http.Request, name string) string {
	if found := r.CookiesNamed(name); len(found) == 1 {
		return found[0].Value
	}
	return ""
}

// makeRoom removes the cookies of begun logins when there are many of them.
func makeRoom(w http.ResponseWriter, r *http.Request, prefix string) {
	var begun []string
	for _, cookie := range r.Cookies() {
		if strings.HasPrefix(cookie.Name, prefix) {
			begun = append(begun, cookie.Name)
		}
	}
	if len(begun) >= mostAttempts {
		for _, name := range begun {
			clearCookie(w, name)
		}
	}
}

// StripCookie drops the proxy's own cookies from a request to an upstream: Grafana, and what its administrators add to
// it, must not see a session.
func (l *Login) StripCookie(header http.Header) {
	var kept []string
	for _, line := range header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			pair = strings.TrimSpace(pair)
			if pair != "" && !strings.HasPrefix(strings.ToLower(pair), strings.ToLower(cookiePrefix)) {
				kept = append(kept, pair)
			}
		}
	}
	if kept == nil {
		header.Del("Cookie")
		return
	}
	header["Cookie"] = []string{strings.Join(kept, "; ")}
}

// random is text of that many random bytes.
func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails: since Go 1.24 the process ends instead
	return base64.RawURLEncoding.EncodeToString(b)
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func expired(now time.Time, at int64) bool { return now.Unix() >= at }
