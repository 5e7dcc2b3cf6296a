package identity_test

import (
	"bytes"
	"crypto"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/identity"
)

// fakeServer answers as an API server does, or with a fault. It is also the transport of a client, for tests whose time
// is synthetic.
type fakeServer struct {
	lock  sync.Mutex
	keys  map[string]crypto.PublicKey
	fault http.HandlerFunc // instead of the keys
	asked atomic.Int64     // for keys
}

func (s *fakeServer) set(fault http.HandlerFunc, keys map[string]crypto.PublicKey) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.fault = fault
	if keys != nil {
		s.keys = keys
	}
}

// ServeHTTP is http.Handler's.
func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.lock.Lock()
	fault, keys := s.fault, s.keys
	s.lock.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer own-token":
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": issuer, "jwks_uri": "https://elsewhere/jwks"})
	case r.URL.Path != "/openid/v1/jwks":
		w.WriteHeader(http.StatusNotFound)
	default:
		s.asked.Add(1)
		if fault != nil {
			fault(w, r)
			return
		}
		_, _ = w.Write(keySet(keys))
	}
}

// RoundTrip is http.RoundTripper's.
func (s *fakeServer) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, r)
	if recorder.Code == http.StatusServiceUnavailable {
		return nil, errors.New("connection refused")
	}
	return recorder.Result(), nil
}

func keySet(keys map[string]crypto.PublicKey) []byte {
	var set jose.JSONWebKeySet
	for id, key := range keys {
		use := "sig"
		if id == "enc" {
			use = "enc"
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key, KeyID: id, Use: use})
	}
	text, _ := json.Marshal(set)
	// A key of a kind that does not exist yet must not make the others unusable.
	return bytes.Replace(text, []byte(`{"keys":[`), []byte(`{"keys":[{"kty":"future","kid":"f"},`), 1)
}

// apiServer is a fakeServer behind real TLS.
type apiServer struct {
	fakeServer
	settings config.ServiceAccounts
	http     *httptest.Server
}

func newAPIServer(t *testing.T) *apiServer {
	t.Helper()
	s := &apiServer{fakeServer: fakeServer{keys: map[string]crypto.PublicKey{
		"rsa": rsaKey().Public(), "ec": ecKey().Public(), "weak": weakKey().Public(), "enc": rsaKey().Public(),
	}}}
	s.http = httptest.NewUnstartedServer(s)
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.http.StartTLS()
	t.Cleanup(s.http.Close)
	folder := t.TempDir()
	s.settings = config.ServiceAccounts{
		Audience: "opsgen-proxy", APIServer: s.http.URL, Refresh: quantity.Duration(time.Hour),
		CAFile: filepath.Join(folder, "ca.crt"), TokenFile: filepath.Join(folder, "token"),
	}
	write(t, s.settings.CAFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})))
	write(t, s.settings.TokenFile, "own-token\n")
	return s
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// accounts is an authenticator that has fetched the keys of the server.
func (s *apiServer) accounts(t *testing.T) *identity.ServiceAccounts {
	t.Helper()
	accounts, err := identity.NewServiceAccounts(s.settings, nil)
	if err != nil {
		t.Fatal(err)
	}
	accounts.SetCallers(callers())
	if _, err := accounts.Authenticate(accountToken(t, "elsewhere", "x", nil)); err == nil || !accounts.Ready() {
		t.Fatalf("the keys were not fetched for the first token: %v", err)
	}
	return accounts
}

// inMemory is an authenticator of a server without a network.
func inMemory(t testing.TB, s *fakeServer, observe func(error)) *identity.ServiceAccounts {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, "own-token")
	accounts, err := identity.NewServiceAccounts(config.ServiceAccounts{
		Audience: "opsgen-proxy", APIServer: "https://api", TokenFile: file, Refresh: quantity.Duration(5 * time.Minute),
	}, &http.Client{Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	accounts.Observe = observe
	accounts.SetCallers(callers())
	return accounts
}
