package server_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/proxytest"
)

const metricsHost = "metrics." + proxytest.Domain

// raw sends text over one TLS connection and returns the status of the first answer, 0 when there is none.
func raw(t *testing.T, p *proxytest.Proxy, serverName, text string) int {
	t.Helper()
	conn, err := tls.Dial("tcp", p.PublicAddress, &tls.Config{RootCAs: p.Roots, ServerName: serverName, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

func call(t *testing.T, client *http.Client, method, url, token, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

func TestRequestsThatPretend(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{})
	token := p.Token(t, proxytest.Payments, nil, config.MetricsWrite)
	head := "POST /api/v1/push HTTP/1.1\r\nAuthorization: Bearer " + token + "\r\n"
	for name, test := range map[string]struct {
		serverName, text string
		want             int
	}{
		"a host that the handshake did not name": {"logs." + proxytest.Domain, head + "Host: " + metricsHost + "\r\nContent-Length: 0\r\n\r\n", http.StatusMisdirectedRequest},
		"HTTP/1.0 without a host":                {metricsHost, "GET / HTTP/1.0\r\n\r\n", http.StatusBadRequest},
		"HTTP/1.1 without a host":                {metricsHost, "GET / HTTP/1.1\r\n\r\n", http.StatusBadRequest},
		"headers without end":                    {metricsHost, head + "Host: " + metricsHost + "\r\nX-Long: " + strings.Repeat("a", 100<<10) + "\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"two different lengths":                  {metricsHost, head + "Host: " + metricsHost + "\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", http.StatusBadRequest},
		"nothing wrong":                          {metricsHost, head + "Host: " + metricsHost + "\r\nContent-Length: 0\r\n\r\n", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			if got := raw(t, p, test.serverName, test.text); got != test.want {
				t.Errorf("the answer is %d, want %d", got, test.want)
			}
		})
	}
}

func TestOldTLSIsNotSpoken(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{})
	for name, settings := range map[string]*tls.Config{
		"TLS 1.1":              {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"a suite without AEAD": {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}},
		"a name of others":     {ServerName: "www.example.net"},
	} {
		t.Run(name, func(t *testing.T) {
			settings.InsecureSkipVerify = true
			if settings.ServerName == "" {
				settings.ServerName = metricsHost
			}
			if conn, err := tls.Dial("tcp", p.PublicAddress, settings); err == nil {
				conn.Close()
				t.Error("the handshake went through")
			}
		})
	}
}

func TestABodyThatStopsIsGivenUp(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{Config: func(c *config.Config) {
		c.Timeouts.BodyIdle = quantity.Duration(200 * time.Millisecond)
	}})
	head := "POST /api/v1/push HTTP/1.1\r\nHost: " + metricsHost + "\r\nContent-Length: 100\r\n"
	if got := raw(t, p, metricsHost, head+"Authorization: Bearer "+p.Token(t, proxytest.Payments, nil, config.MetricsWrite)+"\r\n\r\nabc"); got != http.StatusRequestTimeout {
		t.Errorf("with a token the answer is %d, want 408", got)
	}
	if got := raw(t, p, metricsHost, head+"\r\nabc"); got != http.StatusUnauthorized {
		t.Errorf("without a token the answer is %d, want 401", got)
	}
	proxytest.Eventually(t, "connections are closed", func() bool { return p.Connections() == 0 })
}

func TestAQuietAnswerOutlivesTheIdleTimes(t *testing.T) {
	t.Parallel()
	const idle = time.Second // far more than a busy machine takes to send the question's body
	p := proxytest.Start(t, proxytest.Options{
		Config: func(c *config.Config) { c.Timeouts.BodyIdle = quantity.Duration(idle) },
		Answer: func(_ string, w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "first ")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(2 * idle):
			case <-r.Context().Done():
			}
			fmt.Fprint(w, "last")
		},
	})
	token := p.Token(t, proxytest.Payments, nil, config.MetricsRead)
	for _, http2 := range []bool{false, true} {
		status, text := call(t, p.Client(t, http2), http.MethodPost, "https://"+metricsHost+"/prometheus/api/v1/query", token, "query=up")
		if status != http.StatusOK || text != "first last" {
			t.Errorf("HTTP/2 %v: %d %q", http2, status, text)
		}
	}
}

func TestConnectionsOverTheBoundAreClosed(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{Config: func(c *config.Config) { c.Limits.Connections = 2 }})
	var open []net.Conn
	for range 2 {
		conn, err := tls.Dial("tcp", p.PublicAddress, &tls.Config{RootCAs: p.Roots, ServerName: metricsHost})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		open = append(open, conn)
	}
	if conn, err := tls.Dial("tcp", p.PublicAddress, &tls.Config{RootCAs: p.Roots, ServerName: metricsHost}); err == nil {
		conn.Close()
		t.Fatal("a third connection was taken")
	}
	open[0].Close()
	proxytest.Eventually(t, "a place is free again", func() bool {
		conn, err := tls.Dial("tcp", p.PublicAddress, &tls.Config{RootCAs: p.Roots, ServerName: metricsHost})
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	if !strings.Contains(p.Metrics(t), `opsgen_proxy_connections_refused_total{listener="public"}`) {
		t.Error("nothing is counted")
	}
}

func TestARevokedTokenIsRefusedOnTheConnectionThatItOpened(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{})
	client, token := p.Client(t, true), p.Token(t, proxytest.Payments, nil, config.MetricsWrite)
	push := func() int {
		status, _ := call(t, client, http.MethodPost, "https://"+metricsHost+"/api/v1/push", token, "x")
		return status
	}
	if got := push(); got != http.StatusOK {
		t.Fatalf("the token is refused at first: %d", got)
	}
	p.WriteFile(t, proxytest.RevocationsFile, []byte("tokens:\n- {id: id-payments, reason: leaked}\n"))
	proxytest.Eventually(t, "the token is refused", func() bool { return push() == http.StatusUnauthorized })
}

func TestABadFileLeavesTheOneBeforeInUse(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{})
	p.WriteFile(t, proxytest.TenantsFile, []byte("tenants: [{name: ..}]\n"))
	proxytest.Eventually(t, "the file is refused", func() bool {
		return strings.Contains(p.Metrics(t), `opsgen_proxy_config_loaded{file="tenants.yaml"} 0`)
	})
	token := p.Token(t, proxytest.Payments, nil, config.MetricsWrite)
	if status, text := call(t, p.Client(t, false), http.MethodPost, "https://"+metricsHost+"/api/v1/push", token, "x"); status != http.StatusOK {
		t.Errorf("a tenant of the file before is refused: %d %s", status, text)
	}
	p.WriteFile(t, proxytest.TenantsFile, []byte("tenants: [{name: search}]\n"))
	proxytest.Eventually(t, "the tenant is gone", func() bool {
		status, _ := call(t, p.Client(t, false), http.MethodPost, "https://"+metricsHost+"/api/v1/push", token, "x")
		return status == http.StatusUnauthorized || status == http.StatusForbidden
	})
	if !strings.Contains(p.Metrics(t), `opsgen_proxy_config_loaded{file="tenants.yaml"} 1`) {
		t.Error("the good file is not told")
	}
}

func TestTenantsAreReadFromAllFilesOfAFolder(t *testing.T) {
	var rest config.Tenants
	p := proxytest.Start(t, proxytest.Options{
		Config: func(c *config.Config) {
			c.TenantsFile = filepath.Join(filepath.Dir(c.TenantsFile), "lists")
			if err := errors.Join(os.Mkdir(c.TenantsFile, 0o700),
				os.WriteFile(filepath.Join(c.TenantsFile, "tenants-0.yaml"), []byte("tenants: [{name: search}]\n"), 0o600)); err != nil {
				t.Fatal(err)
			}
		},
		Tenants: func(all *config.Tenants) { rest = *all },
	})
	token := p.Token(t, proxytest.Payments, nil, config.MetricsWrite)
	push := func() int {
		status, _ := call(t, p.Client(t, false), http.MethodPost, "https://"+metricsHost+"/api/v1/push", token, "x")
		return status
	}
	if got := push(); got != http.StatusUnauthorized && got != http.StatusForbidden {
		t.Fatalf("a tenant that is in no list gets %d", got)
	}
	rest.Tenants = slices.DeleteFunc(slices.Clone(rest.Tenants), func(tenant config.Tenant) bool { return tenant.Name != proxytest.Payments })
	rest.Callers = nil
	p.WriteFile(t, "lists/tenants-a.yaml", proxytest.YAML(t, rest))
	proxytest.Eventually(t, "the tenant of a new file comes in", func() bool { return push() == http.StatusOK })
	if err := os.Remove(filepath.Join(p.Folder, "lists/tenants-a.yaml")); err != nil {
		t.Fatal(err)
	}
	proxytest.Eventually(t, "the tenant of a file that went away is refused", func() bool { return push() != http.StatusOK })
}

func TestARenewedCertificateHoldsFromTheNextHandshakeOn(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{})
	expires := time.Now().Add(72 * time.Hour).Truncate(time.Second)
	p.Authority.Write(t, filepath.Join(p.Folder, "public"), expires, "*."+proxytest.Domain)
	proxytest.Eventually(t, "the new certificate is shown", func() bool {
		conn, err := tls.Dial("tcp", p.PublicAddress, &tls.Config{RootCAs: p.Roots, ServerName: metricsHost})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].NotAfter.Equal(expires)
	})
}

func TestWhoMayNameATenant(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{})
	for name, test := range map[string]struct {
		account string
		header  http.Header
		want    int
		tenant  string
	}{
		"the syncer for one":           {"syncer", http.Header{"X-Opsgen-Tenant": {proxytest.Search}}, http.StatusOK, proxytest.Search},
		"the syncer in Cortex' way":    {"syncer", http.Header{"X-Scope-Orgid": {proxytest.Payments}}, http.StatusOK, proxytest.Payments},
		"the syncer for nobody":        {"syncer", nil, http.StatusBadRequest, ""},
		"the syncer for two":           {"syncer", http.Header{"X-Opsgen-Tenant": {proxytest.Search, proxytest.Payments}}, http.StatusBadRequest, ""},
		"the syncer in two ways":       {"syncer", http.Header{"X-Opsgen-Tenant": {proxytest.Search}, "X-Scope-Orgid": {proxytest.Payments}}, http.StatusBadRequest, ""},
		"the syncer for a union":       {"syncer", http.Header{"X-Opsgen-Tenant": {"search|payments"}}, http.StatusForbidden, ""},
		"the syncer for a stranger":    {"syncer", http.Header{"X-Opsgen-Tenant": {"other"}}, http.StatusForbidden, ""},
		"a Grafana for another":        {"grafana", http.Header{"X-Opsgen-Tenant": {proxytest.Search}}, http.StatusOK, proxytest.Payments},
		"an account that nobody knows": {"other", http.Header{"X-Opsgen-Tenant": {proxytest.Search}}, http.StatusUnauthorized, ""},
	} {
		t.Run(name, func(t *testing.T) {
			namespace := map[string]string{"syncer": "syncer", "grafana": "tenant-payments"}[test.account]
			if namespace == "" {
				namespace = "elsewhere"
			}
			request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+metricsHost+"/prometheus/api/v1/query?query=up", http.NoBody)
			for key, values := range test.header {
				request.Header[key] = values
			}
			request.Header.Set("Authorization", "Bearer "+p.AccountToken(t, namespace, test.account))
			before := len(p.Requests())
			response, err := p.InternalClient(t, true).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != test.want {
				t.Errorf("the answer is %d, want %d", response.StatusCode, test.want)
			}
			seen := p.Requests()[before:]
			if test.tenant == "" && len(seen) > 0 || test.tenant != "" && (len(seen) != 1 || seen[0].Header.Get("X-Scope-OrgID") != test.tenant) {
				t.Errorf("upstreams got %+v", seen)
			}
		})
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{})
	token := p.Token(t, proxytest.Payments, nil, config.MetricsRead)
	call(t, p.Client(t, false), http.MethodGet, "https://"+metricsHost+"/prometheus/api/v1/query?query=hidden", token, "")
	call(t, p.Client(t, false), http.MethodGet, "https://datadog."+proxytest.Domain+"/api/v1/validate?api_key=hidden", "", "")
	proxytest.Eventually(t, "both are logged", func() bool { return strings.Count(p.Log(), `"msg":"request"`) == 2 })
	if log := p.Log(); strings.Contains(log, "hidden") || strings.Contains(log, token[20:60]) {
		t.Errorf("the log holds a secret:\n%s", log)
	}
}

// An agent asks whether its key is good before it knows what it will send.
func TestAnyTokenOfATenantIsAValidKey(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{})
	client := p.Client(t, true)
	for scope, want := range map[config.Scope]int{
		config.MetricsWrite: http.StatusOK, config.LogsWrite: http.StatusOK, config.MetricsRead: http.StatusOK,
		"": http.StatusForbidden, // no token at all
	} {
		token := ""
		if scope != "" {
			token = p.Token(t, proxytest.Payments, nil, scope)
		}
		if status, text := call(t, client, http.MethodGet, "https://datadog."+proxytest.Domain+"/api/v1/validate", token, ""); status != want {
			t.Errorf("with scope %q: %d %s", scope, status, text)
		}
	}
}
