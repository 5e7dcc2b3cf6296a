package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/token"
)

// host is the name that clients ask for, and tenant who they are.
const (
	domain  = "bench.example.com"
	host    = "metrics." + domain
	tenant  = "payments"
	cluster = "bench"
	keyID   = "bench"
)

// place is what all contenders share: a folder of files, an upstream, and what clients need.
type place struct {
	folder    string
	upstream  *httptest.Server
	authority *x509.CertPool
	token     string
	publicKey *ecdsa.PublicKey
	// body is one remote write; its bytes are random, as snappy's output looks to a proxy.
	body []byte
}

// newPlace makes the folder, the certificate, the token and the upstream.
func newPlace() (*place, error) {
	folder, err := os.MkdirTemp("", "opsgen-bench-")
	if err != nil {
		return nil, err
	}
	p := &place{folder: folder, body: make([]byte, 50_000)}
	if _, err := rand.Read(p.body); err != nil {
		return nil, err
	}
	if err := p.makeCertificate(); err != nil {
		return nil, err
	}
	if err := p.makeToken(); err != nil {
		return nil, err
	}
	answer := make([]byte, 2_000)
	for i := range answer {
		answer[i] = 'x'
	}
	p.upstream = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}))
	return p, nil
}

func (p *place) close() {
	p.upstream.Close()
	_ = os.RemoveAll(p.folder)
}

// file is the path of a file in the folder.
func (p *place) file(parts ...string) string {
	return filepath.Join(append([]string{p.folder}, parts...)...)
}

func (p *place) write(text []byte, parts ...string) error {
	path := p.file(parts...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// makeCertificate writes tls/tls.crt, tls/tls.key, and tls/both.pem for haproxy.
func (p *place) makeCertificate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host, "*." + domain},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	p.authority = x509.NewCertPool()
	p.authority.AddCert(certificate)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	for name, text := range map[string][]byte{"tls.crt": chain, "tls.key": secret, "both.pem": append(chain, secret...)} {
		if err := p.write(text, "tls", name); err != nil {
			return err
		}
	}
	return nil
}

// makeToken signs one token with ES256, and writes its public key for the proxy (a key set) and for haproxy (PEM).
func (p *place) makeToken() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	p.publicKey = &key.PublicKey
	now := time.Now()
	p.token, err = token.Sign(key, keyID, token.Claims{
		Issuer: "opsgen", Audience: []string{cluster}, Tenant: tenant, ID: "bench-1",
		Scopes:   []config.Scope{config.MetricsWrite, config.MetricsRead},
		IssuedAt: now, NotBefore: now, Expires: now.Add(24 * time.Hour),
	})
	if err != nil {
		return err
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.publicKey, KeyID: keyID, Algorithm: string(config.ES256), Use: "sig"}}})
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(p.publicKey)
	if err != nil {
		return err
	}
	if err := p.write(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), "keys", "public.pem"); err != nil {
		return err
	}
	return p.write(set, "keys", "jwks.json")
}

// free is a port on loopback that nobody listens on.
func free() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String(), nil
}
