package login

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/proxy/config"
)

const domain = "obs.example.com"

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

// world is a proxy in front of the Grafanas of two tenants, and a provider.
type world struct {
	*Login
	t        *testing.T
	clock    *clock
	provider *testProvider
	folder   string
	config   config.Config
	tenants  map[string]config.Tenant
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{at: time.Now().Truncate(time.Second)}, folder: t.TempDir()}
	w.provider = newTestProvider(t, w.clock.now)
	w.write("session-key", strings.Repeat("k", 64)+"\n")
	w.write("client-secret", clientSecret+"\n")
	w.newSigningKey()
	w.config = config.Config{
		Domain:  domain,
		Grafana: config.Grafana{SigningKey: w.folder, KeyOverlap: quantity.Duration(10 * time.Minute)},
		Login: &config.Login{
			Issuer: w.provider.URL, ClientID: clientID, ClientSecretFile: filepath.Join(w.folder, "client-secret"),
			SessionKeyFile: filepath.Join(w.folder, "session-key"),
		},
	}
	w.config.SetDefaults()
	w.tenants = map[string]config.Tenant{
		"payments": {Name: "payments", Grafana: &config.Access{Admins: []string{"sre"}, Viewers: []string{"all"}}},
		"search":   {Name: "search", Grafana: &config.Access{Editors: []string{"search-team"}, Viewers: []string{"all"}}},
		"closed":   {Name: "closed"},
	}
	w.Login = w.start(w.provider.Client())
	return w
}

func (w *world) start(client *http.Client) *Login {
	w.t.Helper()
	l, err := New(Options{Config: w.config, Tenants: w.list(), HTTPClient: client, Now: w.clock.now})
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

func (w *world) list() []config.Tenant {
	var tenants []config.Tenant
	for _, tenant := range w.tenants {
		tenants = append(tenants, tenant)
	}
	return tenants
}

func (w *world) reload() {
	w.t.Helper()
	if err := w.Reload(w.config, w.list()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.folder, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) newSigningKey() {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	w.writeSigningKey(key)
}

func (w *world) writeSigningKey(key any) {
	w.t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// ServeHTTP is what the server does with requests for people: by host, and Grafana answers with role and token.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	name, found := strings.CutSuffix(r.Host, "."+domain)
	tenant, known := w.tenants[name]
	switch {
	case found && name == "auth":
		w.ServeAuth(rw, r)
	case !found || !known:
		http.NotFound(rw, r)
	case w.ServeTenant(rw, r, tenant):
	default:
		person, err := w.Person(r, tenant)
		if err == nil {
			err = w.Identify(r.Header, person, tenant.Name)
		}
		if err != nil {
			w.Refuse(rw, r, tenant, err)
			return
		}
		w.StripCookie(r.Header)
		rw.Header().Set("X-Role", string(person.Role))
		rw.Header().Set("X-Token", r.Header.Get(config.GrafanaTokenHeader))
		rw.Header().Set("X-Cookie", r.Header.Get("Cookie"))
	}
}

// browser keeps cookies and follows redirects.
type browser struct {
	w       *world
	jar     *cookiejar.Jar
	visited []string
}

func (w *world) browser() *browser {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{w: w, jar: jar}
}

// seen is what a browser gets.
type seen struct {
	StatusCode int
	Header     http.Header
	Body       string
}

// send sends one request and follows nothing. header has names and values in turn.
func (b *browser) send(method, address string, header ...string) seen {
	b.w.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		b.w.t.Fatal(err)
	}
	b.visited = append(b.visited, address)
	if "https://"+u.Host == b.w.provider.URL {
		client := *b.w.provider.Client()
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		response, err := client.Get(address)
		if err != nil {
			b.w.t.Fatal(err)
		}
		defer response.Body.Close()
		return seen{StatusCode: response.StatusCode, Header: response.Header}
	}
	r := httptest.NewRequestWithContext(b.w.t.Context(), method, address, nil)
	r.Header.Set("Accept", "text/html,*/*")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	for _, cookie := range b.jar.Cookies(u) {
		r.AddCookie(cookie)
	}
	recorder := httptest.NewRecorder()
	b.w.ServeHTTP(recorder, r)
	b.jar.SetCookies(u, (&http.Response{Header: recorder.Header()}).Cookies())
	return seen{StatusCode: recorder.Code, Header: recorder.Header(), Body: recorder.Body.String()}
}

// open is a navigation with all its redirects.
func (b *browser) open(address string) seen {
	b.w.t.Helper()
	for range 10 {
		response := b.send(http.MethodGet, address)
		location := response.Header.Get("Location")
		if location == "" {
			return response
		}
		address = location
	}
	b.w.t.Fatalf("redirects without end: %v", b.visited)
	return seen{}
}

// until navigates until a redirect leads to an address with that part, and is that address.
func (b *browser) until(address, part string) string {
	b.w.t.Helper()
	for range 10 {
		if strings.Contains(address, part) {
			return address
		}
		response := b.send(http.MethodGet, address)
		if address = response.Header.Get("Location"); address == "" {
			b.w.t.Fatalf("no redirect to %s: status %d, visited %v", part, response.StatusCode, b.visited)
		}
	}
	b.w.t.Fatalf("redirects without end: %v", b.visited)
	return ""
}

// cookie is the session's cookie at a host.
func (b *browser) cookie(host string) string {
	for _, cookie := range b.jar.Cookies(&url.URL{Scheme: "https", Host: host, Path: "/"}) {
		if cookie.Name == sessionCookie {
			return cookie.Value
		}
	}
	return ""
}

func (b *browser) plant(host, name, value string) {
	b.jar.SetCookies(&url.URL{Scheme: "https", Host: host, Path: "/"}, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: true}})
}
