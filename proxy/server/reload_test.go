package server_test

import (
	"bufio"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/proxytest"
	"github.com/opsgen/opsgen/proxy/token"
)

// kept is a connection that a client keeps.
type kept struct {
	conn   *tls.Conn
	reader *bufio.Reader
}

func keep(t *testing.T, p *proxytest.Proxy) *kept {
	t.Helper()
	conn, err := tls.Dial("tcp", p.PublicAddress, &tls.Config{RootCAs: p.Roots, ServerName: metricsHost, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &kept{conn, bufio.NewReader(conn)}
}

// ask sends a query with a header of some size, and returns the status; 0 when the connection is closed.
func (k *kept) ask(t *testing.T, token string, header int) int {
	t.Helper()
	fmt.Fprintf(k.conn, "GET /prometheus/api/v1/query?query=up HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nX-Long: %s\r\n\r\n",
		metricsHost, token, strings.Repeat("a", header))
	response, err := http.ReadResponse(k.reader, nil)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// ended says that the proxy has closed the connection.
func (k *kept) ended() bool {
	_, err := k.reader.ReadByte()
	return err != nil && !isTimeout(err)
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// change writes a changed proxy.yaml and waits until it was looked at.
func change(t *testing.T, p *proxytest.Proxy, how func(*config.Config)) {
	t.Helper()
	how(&p.Config)
	p.Reload(t, proxytest.ConfigFile, proxytest.YAML(t, p.Config))
}

func TestSettingsOfConnectionsHoldForTheNextOnes(t *testing.T) {
	t.Parallel()
	p := proxytest.Start(t, proxytest.Options{})
	token := p.Token(t, proxytest.Payments, nil, config.MetricsRead)
	const long = 20 << 10
	before := keep(t, p)
	if status := before.ask(t, token, long); status != http.StatusOK {
		t.Fatalf("answered %d at first", status)
	}
	change(t, p, func(c *config.Config) {
		c.Limits.HeaderBytes = 4 << 10
		c.Timeouts.Idle = quantity.Duration(100 * time.Millisecond)
		c.Timeouts.Headers = quantity.Duration(3 * time.Second) // the handshake has to be over by then as well
	})
	if status := keep(t, p).ask(t, token, long); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a new connection gets %d for headers over the new bound", status)
	}
	idle := keep(t, p)
	if status := idle.ask(t, token, 0); status != http.StatusOK {
		t.Errorf("a new connection gets %d", status)
	}
	if !idle.ended() {
		t.Error("a new connection outlives the new idle time")
	}
	slow := keep(t, p)
	if _, err := io.WriteString(slow.conn, "GET / HTTP/1.1\r\n"); err != nil {
		t.Fatal(err)
	}
	if !slow.ended() {
		t.Error("headers may take longer than the new time")
	}
	// Far longer than the new idle time has passed by now.
	if status := before.ask(t, token, long); status != http.StatusOK {
		t.Errorf("the connection from before gets %d", status)
	}
	change(t, p, func(c *config.Config) { c.Limits.HeaderBytes = 64 << 10 })
	if status := keep(t, p).ask(t, token, long); status != http.StatusOK {
		t.Errorf("after the bound was raised again: %d", status)
	}
	if status := before.ask(t, token, long); status != http.StatusOK {
		t.Errorf("the connection from before two changes gets %d", status)
	}
	proxytest.Eventually(t, "only the two connections that are open are counted", func() bool { return p.Connections() == 2 })
}

// All servers, of before and after a change, end in the same way.
func TestAConnectionFromBeforeAChangeEndsWithTheProxy(t *testing.T) {
	started, finish := make(chan struct{}), make(chan struct{})
	p := proxytest.Start(t, proxytest.Options{Answer: func(_ string, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Long") == "" {
			close(started)
			<-finish
		}
	}})
	token := p.Token(t, proxytest.Payments, nil, config.MetricsRead)
	busy, idle := keep(t, p), keep(t, p)
	if status := idle.ask(t, token, 1); status != http.StatusOK {
		t.Fatalf("answered %d at first", status)
	}
	answered := make(chan int, 1)
	go func() { answered <- busy.ask(t, token, 0) }()
	<-started
	change(t, p, func(c *config.Config) { c.Timeouts.Idle = quantity.Duration(time.Hour) })
	p.Stop()
	if !idle.ended() {
		t.Error("an idle connection from before the change stays open")
	}
	close(finish)
	if status := <-answered; status != http.StatusOK {
		t.Errorf("a request in work gets %d", status)
	}
	<-p.Ended()
	if p.Err() != nil {
		t.Errorf("the proxy ended with %v", p.Err())
	}
}

// The kubelet changes a mounted ConfigMap by a link; no file of the folder is written.
func TestFilesOfAMountedConfigMapAreReadAgain(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{Mounted: true})
	connection := keep(t, p)
	ask := func(token string) int { return connection.ask(t, token, 1) }
	old := p.Token(t, proxytest.Payments, nil, config.MetricsRead)
	if status := ask(old); status != http.StatusOK {
		t.Fatalf("answered %d at first", status)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	fresh, err := token.Sign(private, "key-2", token.Claims{
		Issuer: "opsgen", Audience: []string{proxytest.Cluster}, Tenant: proxytest.Payments, ID: "fresh",
		Scopes: []config.Scope{config.MetricsRead}, IssuedAt: now, NotBefore: now, Expires: now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	if status := ask(fresh); status != http.StatusUnauthorized {
		t.Errorf("a token of an unknown key gets %d", status)
	}
	for _, step := range []struct {
		what      string
		keys      map[string]crypto.PublicKey
		old, next int
	}{
		{"a second key", map[string]crypto.PublicKey{proxytest.KeyID: p.Key.Public(), "key-2": public}, http.StatusOK, http.StatusOK},
		{"only the second key", map[string]crypto.PublicKey{"key-2": public}, http.StatusUnauthorized, http.StatusOK},
	} {
		p.Reload(t, proxytest.KeysFile, proxytest.KeySet(t, step.keys, "EdDSA"))
		if a, b := ask(old), ask(fresh); a != step.old || b != step.next {
			t.Errorf("with %s the old token gets %d, want %d; the new one %d, want %d", step.what, a, step.old, b, step.next)
		}
	}
	change(t, p, func(c *config.Config) { c.Tokens.Audience = "another" })
	if status := ask(fresh); status != http.StatusUnauthorized {
		t.Errorf("a token for the audience from before proxy.yaml was changed gets %d", status)
	}
}

// What is wrong with a new proxy.yaml, and what says so.
func TestABadConfigurationIsRefused(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{Mounted: true})
	token := p.Token(t, proxytest.Payments, nil, config.MetricsRead)
	connection := keep(t, p)
	loaded := func() string {
		for line := range strings.Lines(p.Metrics(t)) {
			if value, found := strings.CutPrefix(line, `opsgen_proxy_config_loaded{file="proxy.yaml"} `); found {
				return strings.TrimSpace(value)
			}
		}
		return "not told"
	}
	good := string(proxytest.YAML(t, p.Config))
	for i, test := range []struct{ name, text, says string }{
		{"a misspelt field", strings.Replace(good, "domain:", "domian:", 1), `did you mean \"domain\"?`},
		{"what is no YAML", "{", "proxy.yaml"},
		{"an empty file", "", "proxy.yaml"},
		{"a wrong address of an upstream", strings.Replace(good, "distributor: http://", "distributor: ftp://", 1), "distributor"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p.Reload(t, proxytest.ConfigFile, []byte(test.text))
			if got := loaded(); got != "0" {
				t.Errorf("config_loaded is %s, want 0", got)
			}
			if want := fmt.Sprintf(`opsgen_proxy_config_reloads_total{file="proxy.yaml",result="refused"} %d`, i+1); !strings.Contains(p.Metrics(t), want) {
				t.Errorf("it is not counted as %s", want)
			}
			log := p.Log()[strings.LastIndex(p.Log(), "a changed file is refused"):]
			if !strings.Contains(log, test.says) {
				t.Errorf("the log does not say %q: %s", test.says, log)
			}
			if status := connection.ask(t, token, 1); status != http.StatusOK {
				t.Errorf("the connection from before gets %d", status)
			}
		})
	}
	p.Reload(t, proxytest.ConfigFile, []byte(good+"\n"))
	if got := loaded(); got != "1" {
		t.Errorf("config_loaded is %s after a good file, want 1", got)
	}
	change(t, p, func(c *config.Config) { c.Listeners.Public.Address = "127.0.0.1:1" })
	if !strings.Contains(p.Log(), `"fields":["listeners.public.address"]`) {
		t.Error("nobody is told that an address needs a restart")
	}
	if status := connection.ask(t, token, 1); status != http.StatusOK {
		t.Errorf("the connection from before all of it gets %d", status)
	}
}

// A profile shows what is in memory, tokens too.
func TestProfilesAreOffUntilSomebodyAsksForThem(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{})
	ask := func(path string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.AdminURL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	paths := []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/goroutine?debug=2", "/debug/pprof/cmdline", "/debug/pprof/symbol"}
	for _, path := range paths {
		if got := ask(path); got != http.StatusNotFound {
			t.Errorf("%s answers %d", path, got)
		}
	}
	change(t, p, func(c *config.Config) { c.Listeners.Admin.Profiling = true })
	for _, path := range paths {
		if got := ask(path); got != http.StatusOK {
			t.Errorf("asked for, %s answers %d", path, got)
		}
	}
}
