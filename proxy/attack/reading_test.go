package attack

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/proxytest"
)

// Answers that a client asks for and does not read.
var unread = map[string]func(w http.ResponseWriter, r *http.Request){
	"a short answer": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<10)) },
	"an answer that is longer than a buffer": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 6<<10))
	},
	"an answer without an end": func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	},
}

// impatient is a proxy that waits for a client for 200 ms. left is told when an upstream has got rid of its request.
func impatient(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) (b *bed, left chan struct{}) {
	t.Helper()
	left = make(chan struct{}, 1)
	b = &bed{proxy: proxytest.Start(t, proxytest.Options{
		Config: func(c *config.Config) {
			c.Timeouts.BodyIdle, c.Timeouts.Headers = quantity.Duration(200*time.Millisecond), quantity.Duration(2*time.Second)
		},
		Answer: func(_ string, w http.ResponseWriter, r *http.Request) {
			answer(w, r)
			left <- struct{}{}
		},
	})}
	b.words = strings.NewReplacer("{good}", b.proxy.Token(t, mine, nil, config.MetricsRead), "{host}", metricsHost)
	return b, left
}

func (b *bed) gotRid(t *testing.T, left <-chan struct{}) {
	t.Helper()
	select {
	case <-left:
	case <-time.After(patience):
		t.Error("the upstream still has the request")
	}
}

// A client of HTTP/2 that opens no window at all: not a byte of an answer's body may be sent.
func TestAClientThatReadsNothingOverHTTP2(t *testing.T) {
	for name, answer := range unread {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, left := impatient(t, answer)
			conn := b.dial(t, b.proxy.PublicAddress, metricsHost, "h2")
			defer conn.Close()
			var block bytes.Buffer
			encoder := hpack.NewEncoder(&block)
			for _, field := range good2() {
				if err := encoder.WriteField(hpack.HeaderField{Name: field[0], Value: b.fill(field[1], "1")}); err != nil {
					t.Fatal(err)
				}
			}
			_, _ = io.WriteString(conn, http2.ClientPreface)
			framer := http2.NewFramer(conn, conn)
			_ = framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true})
			for {
				frame, err := framer.ReadFrame()
				if err != nil {
					t.Fatalf("the stream is not reset: %v", err)
				}
				if _, reset := frame.(*http2.RSTStreamFrame); reset {
					break
				}
			}
			b.gotRid(t, left)
		})
	}
}

// Over HTTP/1.1 the system's buffers take what is short.
func TestAClientThatReadsNothingOverHTTP1(t *testing.T) {
	b, left := impatient(t, unread["an answer without an end"])
	conn := b.dial(t, b.proxy.PublicAddress, metricsHost, "http/1.1")
	defer conn.Close()
	if _, err := io.WriteString(conn, b.fill(get+auth+end, "1")); err != nil {
		t.Fatal(err)
	}
	b.gotRid(t, left)
}
