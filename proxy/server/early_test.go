package server_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/proxytest"
)

// An agent that still sends gets the answer of an upstream that had enough, and may use its connection again.
func TestAnEarlyAnswerReachesASlowClient(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // of a test
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close() //nolint:errcheck // of a test
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.WriteString(conn, "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nslow")
					_, _ = io.Copy(io.Discard, conn)
				}
			}()
		}
	}()
	p := proxytest.Start(t, proxytest.Options{Config: func(c *config.Config) {
		c.Upstreams.Metrics.Distributor = "http://" + listener.Addr().String()
	}})
	token := p.Token(t, proxytest.Payments, nil, config.MetricsWrite)
	conn, err := tls.Dial("tcp", p.PublicAddress, &tls.Config{RootCAs: p.Roots, ServerName: metricsHost, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // of a test
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	head := "POST /api/v1/push HTTP/1.1\r\nHost: " + metricsHost + "\r\nAuthorization: Bearer " + token + "\r\n"
	for _, framing := range [][2]string{
		{"Content-Length: 100\r\n\r\nabc", strings.Repeat("x", 97)}, {"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "0\r\n\r\n"},
	} {
		_, _ = io.WriteString(conn, head+framing[0])
		answer, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%q: %v", framing[0], err)
		}
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close() // read to its end
		if answer.StatusCode != http.StatusTooManyRequests || string(text) != "slow" || err != nil {
			t.Errorf("%q: %d %q, %v", framing[0], answer.StatusCode, text, err)
		}
		_, _ = io.WriteString(conn, framing[1])
	}
}
