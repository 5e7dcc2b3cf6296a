package upstream_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opsgen/opsgen/proxy/route"
	"github.com/opsgen/opsgen/proxy/upstream"
)

func TestOnlyTheProxySaysWhoAsks(t *testing.T) {
	seen := make(chan *http.Request, 1)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "cortex")
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("X-Kept", "1")
		seen <- r
	}))
	defer origin.Close()
	f := newFront(t, upstream.Options{}, upstream.Target{Base: origin.URL, Tenant: "acme", Timeout: time.Minute})
	attack := http.Header{}
	for _, name := range []string{
		"X-Scope-OrgID", "x-scope-orgid", "X_Scope_OrgID", "X-Scope_OrgID", "X-Scope-UserID", "Authorization", "Cookie", "DD-API-KEY",
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Anything", "X-Real-IP", "Via",
		"X-JWT-Assertion", "X-Opsgen-Tenant", "X-Webauth-User", "Tracestate", "X-Original-URL",
	} {
		attack[name] = []string{"evil"}
	}
	attack["Traceparent"] = []string{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
	attack["X-Query-Tags"] = []string{"kept"}
	response := f.do(t, "GET", "/loki?api_key=secret&a=1", nil, attack)
	if response.status != http.StatusOK {
		t.Fatalf("status %d, %v", response.status, <-f.errors)
	}
	got := <-seen
	if got.RequestURI != "/loki?a=1" {
		t.Errorf("upstream was asked %q", got.RequestURI)
	}
	for name, values := range got.Header {
		if strings.Contains(strings.Join(values, ","), "evil") && name != "Tracestate" {
			t.Errorf("%s reached the upstream", name)
		}
	}
	want := map[string]string{
		"X-Scope-Orgid": "acme", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https", "X-Query-Tags": "kept",
		"X-Forwarded-Host": strings.TrimPrefix(f.URL, "https://"), "Traceparent": attack["Traceparent"][0],
	}
	for name, value := range want {
		if values := got.Header.Values(name); len(values) != 1 || values[0] != value {
			t.Errorf("%s is %q, want %q", name, values, value)
		}
	}
	if h := response.header; h.Get("Server") != "" || h.Get("Set-Cookie") != "" || h.Get("X-Kept") != "1" {
		t.Errorf("the client got %v", h)
	}
}

func TestWhatConnectionNamesEndsHere(t *testing.T) {
	seen := make(chan *http.Request, 1)
	origin := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r }))
	defer origin.Close()
	f := newFront(t, upstream.Options{}, upstream.Target{Base: origin.URL, Tenant: "acme"})
	conn, err := tls.Dial("tcp", f.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}) //nolint:gosec // of a test
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // of a test
	_, _ = io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close, X-Scope-OrgID, X-Hop\r\nX-Hop: 1\r\nX-Scope-OrgID: evil\r\nUpgrade: websocket\r\n\r\n")
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	got := (<-seen).Header
	if got.Get("X-Hop") != "" || got.Get("Upgrade") != "" || got.Get("X-Scope-OrgID") != "acme" {
		t.Errorf("upstream got %v", got)
	}
}

func TestGrafanaSeesItsOwnCookiesOnly(t *testing.T) {
	seen := make(chan *http.Request, 1)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, cookie := range []string{"grafana_session=1; Path=/", "proxy=evil", "__Host-x=evil; Secure", "wide=evil; DOMAIN=obs.example.com"} {
			w.Header().Add("Set-Cookie", cookie)
		}
		seen <- r
	}))
	defer origin.Close()
	f := newFront(t, upstream.Options{OwnCookies: []string{"proxy"}}, upstream.Target{
		Base: origin.URL, Kind: route.Grafana, KeepCookies: true,
		Header: func(h http.Header) { h.Set("X-JWT-Assertion", "signed") },
	})
	response := f.do(t, "GET", "/", nil, http.Header{"Cookie": {"grafana_session=1; proxy=secret; __Host-opsgen=secret", "theme=dark"}})
	got := <-seen
	if cookie := got.Header.Get("Cookie"); cookie != "grafana_session=1; theme=dark" {
		t.Errorf("Grafana got the cookies %q", cookie)
	}
	if got.Header.Get("X-JWT-Assertion") != "signed" || got.Header.Get("X-Scope-OrgID") != "" {
		t.Errorf("Grafana got %v", got.Header)
	}
	if set := response.header.Values("Set-Cookie"); len(set) != 1 || !strings.HasPrefix(set[0], "grafana_session") {
		t.Errorf("Grafana set %q", set)
	}
}
