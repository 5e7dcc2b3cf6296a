package upstream_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/opsgen/opsgen/proxy/route"
	"github.com/opsgen/opsgen/proxy/upstream"
)

// tail is an upstream that repeats each message until the peer leaves, and says then that it ended.
func tail(t *testing.T) (base string, ended chan struct{}) {
	t.Helper()
	ended = make(chan struct{}, 10)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Scope-OrgID") != "acme" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer func() {
			_ = conn.Close()
			ended <- struct{}{}
		}()
		for {
			kind, data, err := conn.ReadMessage()
			if err != nil || conn.WriteMessage(kind, data) != nil {
				return
			}
		}
	}))
	t.Cleanup(origin.Close)
	return origin.URL, ended
}

func dial(t *testing.T, f *front) *websocket.Conn {
	t.Helper()
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // of a test
	conn, response, err := dialer.DialContext(t.Context(), "wss"+strings.TrimPrefix(f.URL, "https")+"/loki/api/v1/tail", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestATailRunsBothWaysUntilItsClientLeaves(t *testing.T) {
	base, ended := tail(t)
	f := newFront(t, upstream.Options{}, upstream.Target{
		Base: base, Tenant: "acme", Kind: route.Stream, Timeout: time.Second, StreamIdle: time.Minute,
	})
	conn := dial(t, f)
	for _, message := range []string{"a", strings.Repeat("b", 200_000), "c"} {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, data, err := conn.ReadMessage(); err != nil || string(data) != message {
			t.Fatalf("%d bytes came back, %v", len(data), err)
		}
	}
	_ = conn.Close()
	<-ended
	if failed := <-f.errors; failed != nil {
		t.Errorf("the server got %v", failed)
	}
}

func TestASilentTailEnds(t *testing.T) {
	base, ended := tail(t)
	f := newFront(t, upstream.Options{}, upstream.Target{
		Base: base, Tenant: "acme", Kind: route.Stream, StreamIdle: 50 * time.Millisecond,
	})
	conn := dial(t, f)
	if _, _, err := conn.ReadMessage(); err == nil {
		t.Error("a message came from nowhere")
	}
	<-ended
	<-f.errors
}

func TestTailsEndWithThePool(t *testing.T) {
	base, ended := tail(t)
	pool := upstream.New(upstream.Options{})
	done := make(chan error, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done <- pool.Forward(w, r, upstream.Target{Base: base, Path: "/x", Tenant: "acme", Kind: route.Stream})
	}))
	defer server.Close()
	conn := dial(t, &front{Server: server})
	pool.Close()
	if _, _, err := conn.ReadMessage(); err == nil {
		t.Error("a message came from nowhere")
	}
	<-ended
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoWebSocketIsNotStreamed(t *testing.T) {
	base, _ := tail(t)
	for name, target := range map[string]upstream.Target{
		"a plain request": {Base: base, Tenant: "acme", Kind: route.Stream},
	} {
		f := newFront(t, upstream.Options{}, target)
		for header, value := range map[string]string{"X-Nothing": "1", "Sec-Websocket-Key": "short"} {
			response := f.do(t, "GET", "/x", nil, http.Header{header: {value}})
			if failed := <-f.errors; response.status != 400 || failed == nil || failed.Reason != "not_websocket" {
				t.Errorf("%s: got %d %v", name, response.status, failed)
			}
		}
	}
}

func TestAnUpgradeElsewhereIsAPlainRequest(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer origin.Close()
	f := newFront(t, upstream.Options{}, upstream.Target{Base: origin.URL, Tenant: "acme", Kind: route.Read})
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // of a test
	_, response, err := dialer.DialContext(t.Context(), "wss"+strings.TrimPrefix(f.URL, "https")+"/query", nil)
	if err == nil || response == nil || response.StatusCode != 200 {
		t.Fatalf("got %v %v", response, err)
	}
	_ = response.Body.Close()
}

func TestAnUpstreamThatRefusesATailIsHeard(t *testing.T) {
	base, _ := tail(t)
	f := newFront(t, upstream.Options{}, upstream.Target{Base: base, Tenant: "globex", Kind: route.Stream})
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // of a test
	_, response, err := dialer.DialContext(t.Context(), "wss"+strings.TrimPrefix(f.URL, "https")+"/x", nil)
	if err == nil || response == nil || response.StatusCode != http.StatusUnauthorized {
		t.Fatalf("got %v %v", response, err)
	}
	_ = response.Body.Close()
}
