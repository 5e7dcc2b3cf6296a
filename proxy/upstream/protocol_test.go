package upstream_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/proxy/upstream"
)

// An upstream with TLS is spoken to as it likes best. Without TLS its URL says it: nothing of a plain connection does.
func TestWhatIsSpokenWithAnUpstream(t *testing.T) {
	spoken := make(chan string, 1)
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { spoken <- r.Proto })
	plain := httptest.NewUnstartedServer(handler)
	plain.Config.Protocols = new(http.Protocols)
	plain.Config.Protocols.SetHTTP1(true)
	plain.Config.Protocols.SetUnencryptedHTTP2(true)
	plain.Start()
	defer plain.Close()
	modern := httptest.NewUnstartedServer(handler)
	modern.EnableHTTP2 = true
	modern.StartTLS()
	defer modern.Close()
	old := httptest.NewTLSServer(handler)
	defer old.Close()
	for name, test := range map[string]struct {
		server *httptest.Server
		base   string
		want   string
	}{
		"plain":           {plain, plain.URL, "HTTP/1.1"},
		"h2c":             {plain, strings.Replace(plain.URL, "http", "h2c", 1), "HTTP/2.0"},
		"TLS, with h2":    {modern, modern.URL, "HTTP/2.0"},
		"TLS, without h2": {old, old.URL, "HTTP/1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			var options upstream.Options
			if test.server.Certificate() != nil {
				options.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
				options.TLS.RootCAs.AddCert(test.server.Certificate())
			}
			f := newFront(t, options, upstream.Target{Base: test.base, Tenant: "acme"})
			if answer := f.do(t, http.MethodGet, "/x", nil, nil); answer.status != http.StatusOK {
				t.Fatalf("answered %d", answer.status)
			}
			if got := <-spoken; got != test.want {
				t.Errorf("spoken is %s, want %s", got, test.want)
			}
		})
	}
}
