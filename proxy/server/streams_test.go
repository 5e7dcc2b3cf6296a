package server_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/proxytest"
	"github.com/opsgen/opsgen/proxy/token"
)

// tail opens a tail that the upstream keeps open for ever, and says when it ends.
func tail(t *testing.T, p *proxytest.Proxy, bearer string) <-chan error {
	t.Helper()
	dialer := websocket.Dialer{
		NetDialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, p.PublicAddress)
		},
		TLSClientConfig: &tls.Config{RootCAs: p.Roots},
	}
	conn, response, err := dialer.DialContext(t.Context(), "wss://logs."+proxytest.Domain+"/loki/api/v1/tail?query=x",
		http.Header{"Authorization": {"Bearer " + bearer}})
	if err != nil {
		t.Fatalf("a tail: %v", err)
	}
	_ = response.Body.Close()
	t.Cleanup(func() { conn.Close() })
	if _, _, err := conn.ReadMessage(); err != nil {
		t.Fatalf("the first line of a tail: %v", err)
	}
	ended := make(chan error, 1)
	go func() {
		_, _, err := conn.ReadMessage()
		ended <- err
	}()
	return ended
}

func tailing(_ string, w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		return
	}
	conn, err := new(websocket.Upgrader).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	if conn.WriteMessage(websocket.TextMessage, []byte("first")) == nil {
		_, _, _ = conn.ReadMessage() // until the proxy leaves
	}
}

func TestATailEndsWithItsToken(t *testing.T) {
	t.Parallel()
	p := proxytest.Start(t, proxytest.Options{
		Answer: tailing,
		Config: func(c *config.Config) { c.Tokens.ClockSkew = quantity.Duration(time.Millisecond) },
	})
	long := tail(t, p, p.Token(t, proxytest.Payments, nil, config.LogsRead))
	short := tail(t, p, p.Token(t, proxytest.Payments, func(c *token.Claims) {
		c.ID, c.Expires = "short", time.Now().Add(5*time.Second).Truncate(time.Second)
	}, config.LogsRead))
	<-short
	proxytest.Eventually(t, "the log says why", func() bool { return strings.Contains(p.Log(), `"ended":"expired"`) })
	select {
	case err := <-long:
		t.Errorf("another tail ended too: %v", err)
	default:
	}
}

// What ends a tail that runs, and what does not.
func TestAReloadEndsTailsThatMayNotGoOn(t *testing.T) {
	const list = "tenants: [{name: payments}, {name: search}]\n"
	for name, test := range map[string]struct {
		file, text string
		ends       bool
	}{
		"its token is revoked":            {proxytest.RevocationsFile, "tokens:\n- {id: id-payments, reason: stolen}\n", true},
		"another token is revoked":        {proxytest.RevocationsFile, "tokens:\n- {id: id-search, reason: stolen}\n", false},
		"its tenant is gone":              {proxytest.TenantsFile, "tenants: [{name: search}]\n", true},
		"another tenant is changed":       {proxytest.TenantsFile, list + "callers: []\n", false},
		"its key is gone":                 {proxytest.KeysFile, `{"keys": []}`, true},
		"a list that cannot be read":      {proxytest.RevocationsFile, "tokens: 5\n", false},
		"all tokens before now are out":   {proxytest.RevocationsFile, "issuedBefore: [{time: 2099-01-01T00:00:00Z, reason: incident}]\n", true},
		"a key set that cannot be parsed": {proxytest.KeysFile, "{", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := proxytest.Start(t, proxytest.Options{Answer: tailing})
			ended := tail(t, p, p.Token(t, proxytest.Payments, nil, config.LogsRead))
			p.Reload(t, test.file, []byte(test.text))
			if test.ends {
				<-ended
				proxytest.Eventually(t, "the log says why", func() bool { return strings.Contains(p.Log(), `"ended":"revoked"`) })
				return
			}
			// What ends by a reload has ended before the next one is over.
			p.Reload(t, proxytest.ConfigFile, append(proxytest.YAML(t, p.Config), '\n'))
			select {
			case err := <-ended:
				t.Errorf("the tail ended: %v", err)
			default:
			}
		})
	}
}
