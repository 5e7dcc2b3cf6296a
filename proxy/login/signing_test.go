package login

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
)

// identified is the token that Grafana would get for somebody.
func (w *world) identified(session string) string {
	w.t.Helper()
	header := http.Header{}
	person := &Person{Subject: "u", Role: Viewer, Expires: w.clock.now().Add(time.Hour), tenant: "payments", session: session}
	if err := w.Identify(header, person, "payments"); err != nil {
		w.t.Fatal(err)
	}
	return header.Get(config.GrafanaTokenHeader)
}

func TestAChangedKeyIsPublishedFirstAndUsedLater(t *testing.T) {
	w := newWorld(t)
	before := w.keySet()
	old := w.identified("a")
	w.newSigningKey()
	w.clock.advance(lookAgain)
	if set := w.keySet(); len(set.Keys) != 2 {
		t.Fatalf("the new key is not published at once: %d keys", len(set.Keys))
	}
	w.reload()
	// Grafana may still have the keys from before.
	w.clock.advance(10*time.Minute - time.Second)
	verified(t, before, w.identified("b"))

	w.clock.advance(time.Second)
	text := w.identified("b")
	verified(t, w.keySet(), text)
	verified(t, w.keySet(), old) // signed before the change, and perhaps on its way
	if err := tryVerify(before, text); err == nil {
		t.Error("the old key is still used after the overlap")
	}
	w.clock.advance(10*time.Minute + time.Second)
	if set := w.keySet(); len(set.Keys) != 1 {
		t.Errorf("the old key is never forgotten: %d keys", len(set.Keys))
	}
}

func TestAKeyThatComesBackIsNotChanged(t *testing.T) {
	w := newWorld(t)
	original, err := os.ReadFile(filepath.Join(w.folder, "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	before := w.keySet()
	w.newSigningKey()
	w.clock.advance(lookAgain)
	w.keySet()
	w.write("tls.key", string(original))
	w.clock.advance(time.Hour)
	verified(t, before, w.identified("a"))
}

func TestABrokenKeyFileLeavesTheKnownKeyInUse(t *testing.T) {
	w := newWorld(t)
	before := w.keySet()
	w.write("tls.key", "half a key")
	w.clock.advance(time.Hour)
	verified(t, before, w.identified("a"))
}

func TestWithoutAKeyNobodyGetsIn(t *testing.T) {
	for name, text := range map[string]string{"no PEM": "key", "no key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("tls.key", text)
			if got := w.browser().open(home).StatusCode; got != http.StatusServiceUnavailable {
				t.Errorf("status %d, want 503", got)
			}
			w.newSigningKey()
			w.clock.advance(lookAgain)
			if got := w.browser().open(home).StatusCode; got != http.StatusOK {
				t.Errorf("status %d when the key is there", got)
			}
		})
	}
}

func TestTheKeyDecidesTheAlgorithm(t *testing.T) {
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, key := range map[string]any{"EdDSA": edwards, "RS256": big, "": p384} {
		w := newWorld(t)
		w.writeSigningKey(key)
		if algorithm == "" {
			if err := w.Identify(http.Header{}, &Person{tenant: "payments"}, "payments"); !errors.Is(err, ErrUnavailable) {
				t.Errorf("a key on P-384, which no algorithm here fits: %v", err)
			}
			continue
		}
		set := w.keySet()
		if set.Keys[0].Algorithm != algorithm {
			t.Errorf("algorithm is %s, want %s", set.Keys[0].Algorithm, algorithm)
		}
		verified(t, set, w.identified("a"))
	}
}

func TestTokensAreSignedOnceInAWhile(t *testing.T) {
	w := newWorld(t)
	first := w.identified("a")
	if w.identified("a") != first {
		t.Error("each request costs a signature")
	}
	if w.identified("b") == first {
		t.Error("two sessions share a token")
	}
	w.clock.advance(tokenReuse)
	if w.identified("a") == first {
		t.Error("a token is sent until it expires on its way")
	}
	for range mostTokens + 10 {
		w.identified(random(8))
	}
	if kept := len(w.signing.tokens); kept > mostTokens {
		t.Errorf("%d tokens are kept", kept)
	}
}

func TestATokenNeverOutlivesItsSession(t *testing.T) {
	w := newWorld(t)
	header := http.Header{}
	end := w.clock.now().Add(time.Minute)
	if err := w.Identify(header, &Person{Subject: "u", Role: Viewer, Expires: end, tenant: "payments"}, "payments"); err != nil {
		t.Fatal(err)
	}
	if exp := verified(t, w.keySet(), header.Get(config.GrafanaTokenHeader))["exp"]; exp != float64(end.Unix()) {
		t.Errorf("expires at %v, want %d", exp, end.Unix())
	}
}

func TestUnusableSessionKeys(t *testing.T) {
	for name, text := range map[string]string{
		"an empty file": "", "a short key": "short\n", "a short second key": strings.Repeat("k", 64) + "\nshort", "too many": strings.Repeat(strings.Repeat("k", 64)+"\n", mostKeys+1),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("session-key", text)
			got := w.browser().open(home)
			if got.StatusCode != http.StatusServiceUnavailable || strings.Contains(got.Body, "short") {
				t.Errorf("status %d\n%s", got.StatusCode, got.Body)
			}
		})
	}
}

func TestEmailsThatAnybodyCanType(t *testing.T) {
	for name, test := range map[string]struct{ claims, want string }{
		"not verified":        {`{"email": "a@x.org", "email_verified": false}`, ""},
		"not verified, text":  {`{"email": "a@x.org", "email_verified": "false"}`, ""},
		"verified":            {`{"email": "a@x.org", "email_verified": true}`, "a@x.org"},
		"nothing said":        {`{"email": "a@x.org"}`, "a@x.org"},
		"no address":          {`{"email": "ann"}`, ""},
		"a line break":        {`{"email": "a@x.org\nrole"}`, ""},
		"too long":            {`{"email": "` + strings.Repeat("a", 260) + `@x.org"}`, ""},
		"a list of addresses": {`{"email": ["a@x.org"]}`, ""},
	} {
		if got := parseClaims(t, test.claims).email(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestGroupsFitIntoACookie(t *testing.T) {
	access := &config.Access{Viewers: []string{"all"}}
	var held []string
	for range 200 {
		group := random(30)
		held = append(held, group)
		access.Admins = append(access.Admins, group)
	}
	w := newWorld(t)
	kept := relevant(access, append(held, "all", "other"))
	sealed, err := w.current().keys.seal(forSession, "h", session{Person: identity{
		Subject: strings.Repeat("s", longestSubject), Email: strings.Repeat("e", longestEmail), Name: strings.Repeat("n", longestName), Groups: kept,
	}, ID: random(12)})
	if err != nil {
		t.Fatal(err)
	}
	if len(sessionCookie)+1+len(sealed) > 4096 || roleOf(access, kept) != Admin {
		t.Errorf("a cookie of %d bytes, role %q", len(sealed), roleOf(access, kept))
	}
}

func TestOnlyTheProxysCookiesAreStripped(t *testing.T) {
	w := newWorld(t)
	header := http.Header{"Cookie": {"grafana_session=1; __Host-opsgen-session=x", "__host-OPSGEN-attempt-1=y; theme=dark"}}
	w.StripCookie(header)
	if got := strings.Join(header["Cookie"], "|"); got != "grafana_session=1; theme=dark" {
		t.Errorf("Grafana gets %q", got)
	}
	header = http.Header{"Cookie": {"__Host-opsgen-session=x"}}
	if w.StripCookie(header); header["Cookie"] != nil {
		t.Errorf("Grafana gets %q", header["Cookie"])
	}
}

func FuzzOpen(f *testing.F) {
	ring := &keyring{client: "c", now: time.Now, looked: time.Now().Add(time.Hour)}
	var err error
	if ring.aeads, err = parseKeys([]byte(strings.Repeat("k", 64))); err != nil {
		f.Fatal(err)
	}
	good, err := ring.seal(forSession, "h", session{Person: identity{Subject: "u", Groups: []string{"sre"}}})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "A", good, good[:40], good + "=", strings.Repeat("A", 100), "!!"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s session
		// Each of the fuzzer's processes seals its own good one, and all of them are the same session.
		if err := ring.open(forSession, "h", text, &s); err == nil && s.Person.Subject != "u" {
			t.Errorf("opened %q", text)
		}
		if err := ring.open(forAttempt, "h", text, &attempt{}); err == nil {
			t.Errorf("opened %q for another use", text)
		}
	})
}

func FuzzReturnPath(f *testing.F) {
	for _, seed := range []string{"/", "//x", `/\x`, "/a?b=c#d", "/-/session"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		if err != nil {
			return
		}
		path := returnPath(r)
		to, err := r.URL.Parse("https://payments.obs.example.com" + path)
		if err != nil || to.Host != "payments.obs.example.com" || to.User != nil || strings.ContainsAny(path, "\r\n\\ ") {
			t.Errorf("%q leads to %q (%v)", target, path, err)
		}
	})
}

func BenchmarkPerson(b *testing.B) {
	ring := &keyring{client: "c", now: time.Now, looked: time.Now().Add(time.Hour)}
	var err error
	if ring.aeads, err = parseKeys([]byte(strings.Repeat("k", 64))); err != nil {
		b.Fatal(err)
	}
	tenant := config.Tenant{Name: "payments", Grafana: &config.Access{Admins: []string{"sre"}}}
	l := &Login{now: time.Now, state: &state{domain: domain, login: &config.Login{SessionLifetime: 1 << 62}, keys: ring}}
	value, err := ring.seal(forSession, "payments."+domain, session{
		Person: identity{Subject: "u", Groups: []string{"sre"}}, Issued: time.Now().Unix(), Expires: time.Now().Add(time.Hour).Unix(),
	})
	if err != nil {
		b.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, home, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: value})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Person(r, tenant); err != nil {
			b.Fatal(err)
		}
	}
}
