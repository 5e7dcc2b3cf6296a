package sidecar_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/opsgen/opsgen/proxy/proxytest"
	"github.com/opsgen/opsgen/proxy/sidecar"
)

// start runs a sidecar of the pod of payments' Grafana in front of a proxy.
func start(t *testing.T, p *proxytest.Proxy) (*sidecar.Sidecar, string) {
	t.Helper()
	folder := t.TempDir()
	tokenFile := filepath.Join(folder, "token")
	_, port, _ := strings.Cut(p.InternalAddress, ":")
	s, err := sidecar.New(t.Context(), sidecar.Options{
		Metrics: "127.0.0.1:0", Logs: "127.0.0.1:0", Admin: "127.0.0.1:0", Upstream: "https://localhost:" + port,
		Domain: proxytest.Domain, CAFile: filepath.Join(p.Folder, "ca.crt"), TokenFile: tokenFile,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s, tokenFile
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Scope-OrgID", proxytest.Search)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

func TestAPodWithoutSecretReadsItsTenant(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{Answer: func(_ string, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			return
		}
		upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.WriteMessage(websocket.TextMessage, []byte("a line"))
	}})
	p.Authority.Write(t, filepath.Join(p.Folder, "internal"), p.Expires(), "localhost")
	s, tokenFile := start(t, p)
	admin := "http://" + s.Address("admin").String()
	if status, _ := get(t, admin+"/-/ready"); status != http.StatusServiceUnavailable {
		t.Errorf("without a token it is ready: %d", status)
	}
	if err := os.WriteFile(tokenFile, []byte(p.AccountToken(t, "tenant-payments", "grafana")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	proxytest.Eventually(t, "ready", func() bool {
		status, _ := get(t, admin+"/-/ready")
		return status == http.StatusOK
	})
	proxytest.Eventually(t, "the certificate for this test's name is in use", func() bool {
		status, _ := get(t, "http://"+s.Address("metrics").String()+"/prometheus/api/v1/query?query=up")
		return status == http.StatusOK
	})
	if status, text := get(t, "http://"+s.Address("logs").String()+"/loki/api/v1/labels"); status != http.StatusOK {
		t.Errorf("logs: %d %s", status, text)
	}
	conn, response, err := websocket.DefaultDialer.Dial("ws://"+s.Address("logs").String()+"/loki/api/v1/tail?query=x", nil)
	if err != nil {
		t.Fatalf("the tail is refused: %v %+v", err, response)
	}
	defer conn.Close()
	response.Body.Close()
	if _, line, err := conn.ReadMessage(); err != nil || string(line) != "a line" {
		t.Errorf("the tail got %q, %v", line, err)
	}
	for _, request := range p.Requests() {
		if got := request.Header["X-Scope-Orgid"]; len(got) != 1 || got[0] != proxytest.Payments {
			t.Errorf("%s %s reached its upstream for %v", request.Component, request.URI, got)
		}
	}
}

func TestWhatASidecarRefuses(t *testing.T) {
	good := sidecar.Options{
		Metrics: "127.0.0.1:0", Admin: "127.0.0.1:0", Upstream: "https://proxy-internal.proxy.svc", Domain: "obs.example.com",
		CAFile: "ca.crt", TokenFile: "token",
	}
	for name, change := range map[string]func(*sidecar.Options){
		"all interfaces":           func(o *sidecar.Options) { o.Metrics = ":8081" },
		"the pod's address":        func(o *sidecar.Options) { o.Logs = "192.0.2.1:8081" },
		"a name":                   func(o *sidecar.Options) { o.Metrics = "localhost:8081" },
		"a proxy without TLS":      func(o *sidecar.Options) { o.Upstream = "http://proxy-internal.proxy.svc" },
		"a proxy with a path":      func(o *sidecar.Options) { o.Upstream = "https://proxy-internal.proxy.svc/x" },
		"no domain":                func(o *sidecar.Options) { o.Domain = "" },
		"neither metrics nor logs": func(o *sidecar.Options) { o.Metrics = "" },
	} {
		t.Run(name, func(t *testing.T) {
			options := good
			change(&options)
			if _, err := sidecar.New(t.Context(), options); err == nil {
				t.Error("it starts")
			}
		})
	}
}
