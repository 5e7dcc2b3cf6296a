package certificate_test

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opsgen/opsgen/proxy/certificate"
	"github.com/opsgen/opsgen/proxy/proxytest"
)

// world is folders with certificates: the first for all hosts of a domain, the second for one of them.
func world(t *testing.T) (authority *proxytest.Authority, folders []string) {
	t.Helper()
	authority = proxytest.NewAuthority(t)
	root := t.TempDir()
	for name, hosts := range map[string][]string{
		"wild": {"*.obs.example.com", "obs.example.com"}, "exact": {"Metrics.obs.example.com"},
	} {
		authority.Write(t, filepath.Join(root, name), time.Now().Add(time.Hour), hosts...)
	}
	return authority, []string{filepath.Join(root, "wild"), filepath.Join(root, "exact")}
}

func TestAHandshakeGetsTheCertificateOfItsName(t *testing.T) {
	_, folders := world(t)
	set, err := certificate.Load(folders, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"logs.obs.example.com":    "*.obs.example.com",
		"LOGS.OBS.example.com.":   "*.obs.example.com",
		"obs.example.com":         "*.obs.example.com",
		"metrics.obs.example.com": "Metrics.obs.example.com", // the exact one, although the wildcard covers it
		"":                        "*.obs.example.com",       // the first
		"a.b.obs.example.com":     "",                        // a wildcard is one label
		"example.com":             "",
		".obs.example.com":        "*.obs.example.com",
		"www.example.net":         "",
		"*.obs.example.com":       "*.obs.example.com",
	} {
		got := ""
		if found := set.Find(name); found != nil {
			got = found.Leaf.DNSNames[0]
		}
		if got != want {
			t.Errorf("%q gets the certificate of %q, want %q", name, got, want)
		}
	}
	if expiries := set.Expiries(); len(expiries) != 2 || expiries[0].Name != "*.obs.example.com" || time.Until(expiries[1].At) > time.Hour {
		t.Errorf("the expiries are %v", expiries)
	}
}

func TestAFolderThatCannotBeUsedIsNamed(t *testing.T) {
	authority, folders := world(t)
	other := filepath.Join(t.TempDir(), "other")
	authority.Write(t, other, time.Now().Add(time.Hour), "other.example.com")
	for name, test := range map[string]struct {
		spoil func(folder string) error
		says  string
	}{
		"no chain":         {func(f string) error { return os.Remove(filepath.Join(f, certificate.ChainFile)) }, "tls.crt"},
		"no key":           {func(f string) error { return os.Remove(filepath.Join(f, certificate.KeyFile)) }, "tls.key"},
		"a key of another": {func(f string) error { return copyFile(other, f, certificate.KeyFile) }, "does not match"},
		"a chain that is cut": {func(f string) error {
			return os.WriteFile(filepath.Join(f, certificate.ChainFile), []byte("-----BEGIN"), 0o600)
		}, "PEM"},
		"one that has expired": {func(f string) error {
			authority.Write(t, f, time.Now().Add(-time.Minute), "exact.example.com")
			return nil
		}, "it expired at"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "broken")
			authority.Write(t, folder, time.Now().Add(time.Hour), "exact.example.com")
			if err := test.spoil(folder); err != nil {
				t.Fatal(err)
			}
			_, err := certificate.Load([]string{folders[0], folder}, time.Now())
			if err == nil || !strings.Contains(err.Error(), folder) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %v, want the folder and %q", err, test.says)
			}
			if err != nil && strings.Contains(err.Error(), folders[0]) {
				t.Errorf("the error names a good folder too: %v", err)
			}
		})
	}
	if _, err := certificate.Load(nil, time.Now()); err == nil {
		t.Error("a listener without certificates is accepted")
	}
}

func copyFile(from, to, name string) error {
	data, err := os.ReadFile(filepath.Join(from, name))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, name), data, 0o600)
}

// What is spoken, with a real handshake.
func TestWhatIsSpoken(t *testing.T) {
	authority, folders := world(t)
	set, err := certificate.Load(folders, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", certificate.ServerConfig(func() *certificate.Set { return set }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func(conn net.Conn) {
				_ = conn.(*tls.Conn).Handshake()
				_ = conn.Close()
			}(conn)
		}
	}()
	const host = "logs.obs.example.com"
	for name, test := range map[string]struct {
		client *tls.Config
		wanted bool
	}{
		"TLS 1.3":                     {&tls.Config{ServerName: host, MinVersion: tls.VersionTLS13}, true},
		"TLS 1.2":                     {&tls.Config{ServerName: host, MaxVersion: tls.VersionTLS12}, true},
		"TLS 1.1":                     {&tls.Config{ServerName: host, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		"a suite that authenticates":  {&tls.Config{ServerName: host, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}, true},
		"a suite with CBC":            {&tls.Config{ServerName: host, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}}, false},
		"a name that is not ours":     {&tls.Config{ServerName: "www.example.net"}, false},
		"a protocol that is not HTTP": {&tls.Config{ServerName: host, NextProtos: []string{"acme-tls/1"}}, false},
		"HTTP/2":                      {&tls.Config{ServerName: host, NextProtos: []string{"h2"}}, true},
	} {
		test.client.RootCAs = authority.Pool
		conn, err := tls.Dial("tcp", listener.Addr().String(), test.client)
		if err == nil {
			_ = conn.Close()
		}
		if (err == nil) != test.wanted {
			t.Errorf("%s: the handshake ends with %v", name, err)
		}
	}
}
