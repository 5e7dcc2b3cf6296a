package server_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/proxytest"
)

// A sender that asks before it sends gets its word from who will read: the upstream, or the proxy when it refuses.
func TestASenderThatAsksFirst(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{Config: func(c *config.Config) { c.Limits.Tenant.BodyBytes = 1000 }})
	token := p.Token(t, proxytest.Payments, nil, config.MetricsWrite)
	for name, test := range map[string]struct {
		token  string
		length int
		goOn   bool
		want   int
	}{
		"what will be taken":        {token, 5, true, http.StatusOK},
		"what is too large":         {token, 5000, false, http.StatusRequestEntityTooLarge},
		"what nobody may send":      {token + "x", 5, false, http.StatusUnauthorized},
		"nothing, which needs none": {token, 0, false, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := tls.Dial("tcp", p.PublicAddress, &tls.Config{RootCAs: p.Roots, ServerName: metricsHost, NextProtos: []string{"http/1.1"}})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "POST /api/v1/push HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n",
				metricsHost, test.token, test.length)
			reader := bufio.NewReader(conn)
			first, err := reader.Peek(len("HTTP/1.1 100"))
			if err != nil {
				t.Fatal(err)
			}
			if goOn := string(first) == "HTTP/1.1 100"; goOn != test.goOn {
				t.Fatalf("the first word is %q", first)
			}
			if test.goOn {
				if _, err := reader.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
				if _, err := reader.ReadString('\n'); err != nil { // the empty line
					t.Fatal(err)
				}
				_, _ = io.WriteString(conn, strings.Repeat("x", test.length))
			}
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != test.want {
				t.Errorf("answered %d, want %d", response.StatusCode, test.want)
			}
		})
	}
}

// Trailers pass in neither direction: what comes behind a body was looked at by nobody.
func TestTrailersDoNotPass(t *testing.T) {
	got := make(chan http.Header, 1)
	p := proxytest.Start(t, proxytest.Options{Answer: func(_ string, w http.ResponseWriter, r *http.Request) {
		got <- r.Trailer.Clone()
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "answer")
		w.Header().Set("X-Sum", "1")
	}})
	for _, http2 := range []bool{false, true} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+metricsHost+"/api/v1/push", io.MultiReader(strings.NewReader("body")))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+p.Token(t, proxytest.Payments, nil, config.MetricsWrite))
		r.Trailer = http.Header{"X-Scope-Orgid": {proxytest.Search}, "X-Other": {"1"}}
		response, err := p.Client(t, http2).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || string(text) != "answer" {
			t.Errorf("the answer is %q, %v", text, err)
		}
		if trailer := <-got; len(trailer) > 0 {
			t.Errorf("the upstream gets the trailers %v", trailer)
		}
		if len(response.Trailer) > 0 || response.Header.Get("Trailer") != "" {
			t.Errorf("the client gets the trailers %v", response.Trailer)
		}
	}
}
