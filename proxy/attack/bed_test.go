package attack

import (
	"bufio"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/proxytest"
)

const (
	// mine is the tenant whose tokens the attacker has, theirs the one that it is after.
	mine, theirs = proxytest.Payments, proxytest.Search
	clusterName  = proxytest.Cluster
	keyID        = proxytest.KeyID
	metricsHost  = "metrics." + proxytest.Domain
	query        = "/prometheus/api/v1/query?query=up&row={row}"
	// revokedID and revokedKeyID are a token and a key that are revoked from the start.
	revokedID, revokedKeyID = "stolen", "key-0"
)

// patience is how long the proxy may take for anything. It is far above the bounds that it is configured with here.
const patience = time.Minute

// waits is how long the proxy waits for a slow client here; a good one on a busy machine has to be through by then.
const waits = 3 * time.Second

// bed is a whole proxy with two tenants, and what an attacker has.
type bed struct {
	proxy      *proxytest.Proxy
	key        ed25519.PrivateKey
	revokedKey ed25519.PrivateKey
	words      *strings.Replacer
	// row is the number of the attack that was begun last. Its requests carry it in their address, so that one which reaches
	// an upstream late is not held against the next.
	row atomic.Int64
}

// outcome is what an attack led to.
type outcome struct {
	// status is the answer's, 0 when the connection ended without one.
	status int
	// body is the beginning of the answer.
	body string
	// row is the attack's number.
	row string
}

// start starts a proxy whose patience with slow clients is short. When the test ends nothing of it may be left.
func start(t *testing.T) *bed {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		proxytest.Eventually(t, "no goroutine is left behind", func() bool { return runtime.NumGoroutine() <= before })
	})
	b := &bed{proxy: proxytest.Start(t, proxytest.Options{Config: func(c *config.Config) {
		c.Timeouts.Headers = quantity.Duration(waits)
		c.Timeouts.BodyIdle = quantity.Duration(waits)
		c.Limits.Tenant.BodyBytes = 2 << 20
		c.Limits.Tenant.InflatedBytes = 4 << 20
		c.Limits.Connections = connectionBound
	}})}
	b.key = b.proxy.Key
	b.revoke(t)
	all := config.Scopes()
	all = slices.DeleteFunc(all, func(scope config.Scope) bool { return scope == config.DataDelete })
	b.words = strings.NewReplacer(
		"{good}", b.proxy.Token(t, mine, nil, all...),
		"{writer}", b.proxy.Token(t, mine, nil, config.MetricsWrite, config.LogsWrite),
		"{reader}", b.proxy.Token(t, mine, nil, config.MetricsRead, config.LogsRead),
		"{foreign}", b.proxy.Token(t, theirs, nil, all...),
		"{host}", metricsHost, "{domain}", proxytest.Domain,
	)
	t.Cleanup(func() { b.survived(t) })
	return b
}

// revoke adds a second key, and revokes it and a token.
func (b *bed) revoke(t *testing.T) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b.revokedKey = private
	b.proxy.Reload(t, proxytest.KeysFile, proxytest.KeySet(t, map[string]crypto.PublicKey{keyID: b.key.Public(), revokedKeyID: public}, "EdDSA"))
	b.proxy.Reload(t, proxytest.RevocationsFile, []byte(
		"tokens:\n- {id: "+revokedID+", reason: test}\nkeys:\n- {id: "+revokedKeyID+", reason: test}\n"))
}

// survived says that the proxy still serves, and that no request ever reached an upstream as somebody else.
func (b *bed) survived(t *testing.T) {
	t.Helper()
	if !b.proxy.Ready() {
		t.Error("the proxy is not ready any more")
	}
	client := b.proxy.Client(t, false)
	r, err := http.NewRequest(http.MethodGet, b.fill("https://{host}"+query, b.begin()), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", b.fill("Bearer {good}", ""))
	answer, err := client.Do(r)
	if err != nil {
		t.Fatalf("the proxy does not answer any more: %v", err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the proxy answers a good request with %s", answer.Status)
	}
	b.onlyMine(t, b.proxy.Requests())
	if log := b.proxy.Log(); strings.Contains(log, "panic") {
		t.Error("a request caused a panic")
	} else if part := b.fill("{good}", ""); strings.Contains(log, part) || strings.Contains(log, part[strings.LastIndexByte(part, '.'):]) {
		t.Error("a token is in the log")
	}
}

// onlyMine fails for requests that carry anything but the attacker's own tenant.
func (b *bed) onlyMine(t *testing.T, requests []proxytest.Request) {
	t.Helper()
	for _, request := range requests {
		for name, values := range request.Header {
			plain := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
			switch {
			case plain == "x-scope-orgid" && name == "X-Scope-Orgid" && slices.Equal(values, []string{mine}):
			case plain == "x-scope-orgid", plain == "authorization", plain == "x-opsgen-tenant", plain == "x-jwt-assertion", plain == "dd-api-key":
				t.Errorf("%s %s reached %s with %s: %s", request.Method, request.URI, request.Component, name, values)
			}
		}
		if request.Header.Get("X-Scope-Orgid") == "" {
			t.Errorf("%s %s reached %s without a tenant", request.Method, request.URI, request.Component)
		}
		if strings.Contains(request.URI, "api_key") {
			t.Errorf("a key is in the address that reached %s", request.Component)
		}
	}
}

// begin numbers an attack.
func (b *bed) begin() string { return strconv.FormatInt(b.row.Add(1), 10) }

// fill puts tokens, hosts and the attack's number into a text.
func (b *bed) fill(text, row string) string {
	return strings.ReplaceAll(b.words.Replace(text), "{row}", row)
}

// arrived are the requests of an attack that reached an upstream. One without a number was made up on the way, from a
// body or a header, and belongs to every attack.
func (b *bed) arrived(row string) []proxytest.Request {
	var found []proxytest.Request
	for _, request := range b.proxy.Requests() {
		address, _ := url.Parse(request.URI)
		if number := address.Query().Get("row"); number == row || number == "" {
			found = append(found, request)
		}
	}
	return found
}

// dial opens a connection with a handshake for a name.
func (b *bed) dial(t *testing.T, address, name, protocol string) *tls.Conn {
	t.Helper()
	dialer := &net.Dialer{Timeout: patience}
	conn, err := tls.DialWithDialer(dialer, "tcp", address, &tls.Config{
		RootCAs: b.proxy.Roots, ServerName: name, NextProtos: []string{protocol}, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// send sends bytes to the public listener.
func (b *bed) send(t *testing.T, text string) outcome {
	t.Helper()
	return b.exchange(t, row{text: text})
}

// exchange sends a row's bytes and reads one answer.
func (b *bed) exchange(t *testing.T, r row) outcome {
	t.Helper()
	address, name := b.proxy.PublicAddress, metricsHost
	if r.internal {
		address, name = b.proxy.InternalAddress, proxytest.InternalName
	}
	if r.name != "" {
		name = b.fill(r.name, "")
	}
	result := outcome{row: b.begin()}
	conn := b.dial(t, address, name, "http/1.1")
	defer func() { _ = conn.Close() }()
	// Both run at once: the proxy may answer, and close, before it has read all.
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = io.WriteString(conn, b.fill(r.text, result.row))
	}()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		body, _ := io.ReadAll(io.LimitReader(answer.Body, 4096))
		_ = answer.Body.Close()
		result.status, result.body = answer.StatusCode, string(body)
	} else if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("no answer within %s", patience)
	}
	_ = conn.Close()
	<-written
	return result
}

// run sends a row and judges what came of it.
func (b *bed) run(t *testing.T, r row) {
	t.Helper()
	b.judge(t, b.exchange(t, r), r.want, r.reaches)
}

func (b *bed) judge(t *testing.T, got outcome, want []int, reaches bool) {
	t.Helper()
	if !slices.Contains(want, got.status) {
		t.Errorf("answered %d (%q), want one of %v", got.status, got.body, want)
	}
	requests := b.arrived(got.row)
	if len(requests) > 1 || (len(requests) == 1 && !reaches) {
		t.Errorf("%d requests reached an upstream: %+v", len(requests), requests)
	}
	b.onlyMine(t, requests)
}

// refused wants a status, a body in the format of Prometheus, and no request at an upstream.
func (b *bed) refused(t *testing.T, got outcome, status int) {
	t.Helper()
	b.judge(t, got, []int{status}, false)
	var body struct{ Status, ErrorType, Error string }
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || body.Status != "error" || body.Error == "" {
		t.Errorf("the body is not an error of Prometheus: %q", got.body)
	}
}

// reached wants a request to have arrived.
func (b *bed) reached(t *testing.T, got outcome) {
	t.Helper()
	b.judge(t, got, []int{http.StatusOK}, true)
	if arrived := b.arrived(got.row); len(arrived) != 1 {
		t.Errorf("%d requests arrived, want one", len(arrived))
	}
}
