package attack

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/opsgen/opsgen/proxy/proxytest"
)

// connectionBound is how many connections the proxy takes here.
const connectionBound = 60

// drip sends a beginning and then one byte of a text at a time, until the proxy has had enough.
func (b *bed) drip(t *testing.T, beginning, text string, pause time.Duration) outcome {
	t.Helper()
	result := outcome{row: b.begin()}
	conn := b.dial(t, b.proxy.PublicAddress, metricsHost, "http/1.1")
	defer func() { _ = conn.Close() }()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(pause)
		defer tick.Stop()
		_, err := io.WriteString(conn, b.fill(beginning, result.row))
		for i := 0; err == nil; i++ {
			select {
			case <-stop:
				return
			case <-tick.C:
				_, err = conn.Write([]byte{text[i%len(text)]})
			}
		}
	}()
	answer, _ := io.ReadAll(conn)
	close(stop)
	_ = conn.Close()
	<-done
	if fields := strings.Fields(string(answer)); len(fields) > 1 {
		result.body = fields[1]
	}
	return result
}

func TestSlowClients(t *testing.T) {
	b := start(t)
	for name, slow := range map[string]struct {
		beginning, text string
		pause           time.Duration
		want            string
	}{
		"headers that never end":         {"GET / HTTP/1.1\r\n", "X-A: b\r\n", 50 * time.Millisecond, "400"},
		"a first line that never ends":   {"", "G", 50 * time.Millisecond, "400"},
		"a body that stops":              {post + auth + "Content-Length: 1000\r\n" + end + "abc", "x", time.Hour, "408"},
		"chunks that stop":               {post + auth + "Transfer-Encoding: chunked\r\n" + end + "3\r\nabc\r\n", "x", time.Hour, "408"},
		"a body that nobody is let send": {post + "Content-Length: 1000\r\n" + end, "x", 50 * time.Millisecond, "401"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			got := b.drip(t, slow.beginning, slow.text, slow.pause)
			if took := time.Since(began); took > patience-time.Second {
				t.Errorf("the proxy put up with it for %s", took)
			}
			if got.body != slow.want && got.body != "" {
				t.Errorf("answered %q, want %q or nothing", got.body, slow.want)
			}
		})
	}
}

// endless is a body without an end; it counts what was taken of it.
type endless struct{ taken atomic.Int64 }

func (e *endless) Read(buffer []byte) (int, error) {
	e.taken.Add(int64(len(buffer)))
	return len(buffer), nil
}

func TestAnEndlessBodyIsCutAtTheLimit(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		b := start(t)
		body := &endless{}
		r, err := http.NewRequest(http.MethodPost, b.fill("https://{host}/api/v1/push?row={row}", b.begin()), io.NopCloser(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", b.fill("Bearer {good}", ""))
		answer, err := b.proxy.Client(t, http2).Do(r)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("answered %s, want 413", answer.Status)
			}
		}
		// The client may still be about to notice that nobody reads on.
		if taken := body.taken.Load(); taken > 32<<20 {
			t.Errorf("the proxy took %d bytes of a body that may have 2 MiB", taken)
		}
	}
}

// bombs are beginnings that each kind of payload may have, with what may be repeated without an end behind it.
var bombs = map[string]struct{ beginning, again string }{
	"/api/v1/series":    {`{"series":[`, `{"metric":"a","points":[[1,1]]},`},
	"/api/v2/series":    {`{"series":[`, `{"metric":"a","points":[]},`},
	"/api/v2/logs":      {`[`, `{"message":"a"},`},
	"/v1/input":         {`[`, `{"message":"a"},`},
	"/intake/":          {`{"host-tags":{"system":[`, `"a:b",`},
	"/api/v1/check_run": {`[`, `{"check":"a","status":0},`},
}

func TestInflationBombs(t *testing.T) {
	b := start(t)
	for encoding, compress := range map[string]func(io.Writer) (io.WriteCloser, error){
		"gzip":    func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestSpeed) },
		"deflate": func(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriterLevel(w, zlib.BestSpeed) },
		"zstd":    func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
	} {
		for path, bomb := range bombs {
			t.Run(encoding+path, func(t *testing.T) {
				var body bytes.Buffer
				w, err := compress(&body)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(w, bomb.beginning+strings.Repeat(bomb.again, 16<<20/len(bomb.again))); err != nil {
					t.Fatal(err)
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				b.explode(t, path, encoding, body.Bytes())
			})
		}
	}
}

// explode sends a body that inflates to four times what is allowed.
func (b *bed) explode(t *testing.T, path, encoding string, body []byte) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "https://datadog."+proxytest.Domain+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("DD-API-KEY", b.fill("{good}", ""))
	r.Header.Set("Content-Encoding", encoding)
	r.Header.Set("Content-Type", "application/json")
	answer, err := b.proxy.Client(t, false).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("answered %s to 16 MiB within %d bytes, want 413", answer.Status, len(body))
	}
}

func TestARevocationHoldsOnAConnectionThatIsOpen(t *testing.T) {
	b := start(t)
	for _, http2 := range []bool{false, true} {
		client := b.proxy.Client(t, http2)
		ask := func() int {
			r, err := http.NewRequest(http.MethodGet, b.fill("https://{host}"+query, b.begin()), http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", b.fill("Bearer {reader}", ""))
			answer, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			return answer.StatusCode
		}
		if status := ask(); status != http.StatusOK {
			t.Fatalf("answered %d before anything was revoked", status)
		}
		b.proxy.Reload(t, proxytest.RevocationsFile, []byte("tokens:\n- {id: id-"+mine+", reason: stolen}\n"))
		if status := ask(); status != http.StatusUnauthorized {
			t.Errorf("answered %d after the token was revoked, on the connection that it had opened", status)
		}
		b.proxy.Reload(t, proxytest.RevocationsFile, []byte("tokens: []\n"))
	}
}

func TestTooManyConnections(t *testing.T) {
	b := start(t)
	var open []net.Conn
	defer func() {
		for _, conn := range open {
			_ = conn.Close()
		}
		proxytest.Eventually(t, "the connections are given back", func() bool { return b.proxy.Connections() < connectionBound/2 })
	}()
	refused := 0
	for range 2 * connectionBound {
		conn, err := net.DialTimeout("tcp", b.proxy.PublicAddress, patience)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	for _, conn := range open[connectionBound+1:] {
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			refused++
		}
	}
	if refused < connectionBound-1 {
		t.Errorf("%d of %d connections over the bound were closed", refused, connectionBound-1)
	}
}
