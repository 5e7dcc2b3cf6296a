package identity

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/token"
)

// The paths are the API server's (Kubernetes, pkg/routes/openidmetadata.go, v1.36). jwks_uri of the discovery document is
// not followed: it may name another server, which would get the proxy's token.
const (
	discoveryPath = "/.well-known/openid-configuration"
	keysPath      = "/openid/v1/jwks"
	maxAnswer     = 1 << 20
)

// accountKeys are the keys that sign service-account tokens, and who issues them.
type accountKeys struct {
	issuer string
	byID   map[string]accountKey
}

// choose is the key of a token: the one that it names, if it is for the algorithm that it names.
func (k *accountKeys) choose(t *jwt.Token) (any, error) {
	// A token may demand what this program does not know (RFC 7515 4.1.11).
	if _, there := t.Header["crit"]; there {
		return nil, refuse(token.ReasonMalformed, "its header has crit, which is never accepted")
	}
	kid, _ := t.Header["kid"].(string)
	key, known := k.byID[kid]
	if !known {
		return nil, refuse(token.ReasonUnknownKey, "the API server has published no such key")
	}
	if t.Method.Alg() != string(key.algorithm) {
		return nil, refuse(token.ReasonAlgorithm, "its header says %s, its key is for %s", t.Method.Alg(), key.algorithm)
	}
	return key.public, nil
}

func (k *accountKeys) equal(other *accountKeys) bool {
	if other == nil || k.issuer != other.issuer || len(k.byID) != len(other.byID) {
		return false
	}
	for id, key := range k.byID {
		second, there := other.byID[id]
		public, comparable := key.public.(interface{ Equal(x crypto.PublicKey) bool })
		if !there || !comparable || key.algorithm != second.algorithm || !public.Equal(second.public) {
			return false
		}
	}
	return true
}

// fetch asks the API server for its keys and, unless the configuration says it, for the issuer.
func (s *ServiceAccounts) fetch(ctx context.Context) (*accountKeys, error) {
	client, err := s.client()
	if err != nil {
		return nil, err
	}
	issuer := s.settings.Issuer
	if issuer == "" {
		if issuer, err = s.discover(ctx, client); err != nil {
			return nil, err
		}
	}
	text, err := s.get(ctx, client, keysPath)
	if err != nil {
		return nil, err
	}
	keys, err := parseAccountKeys(text)
	if err != nil {
		return nil, fmt.Errorf("reading %s of the API server: %w", keysPath, err)
	}
	return &accountKeys{issuer: issuer, byID: keys}, nil
}

func (s *ServiceAccounts) discover(ctx context.Context, client *http.Client) (string, error) {
	text, err := s.get(ctx, client, discoveryPath)
	if err != nil {
		return "", err
	}
	var document struct {
		Issuer string `json:"issuer"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return "", fmt.Errorf("reading %s of the API server: %w", discoveryPath, err)
	}
	if document.Issuer == "" {
		return "", fmt.Errorf("reading %s of the API server: it names no issuer", discoveryPath)
	}
	return document.Issuer, nil
}

func (s *ServiceAccounts) get(ctx context.Context, client *http.Client, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.settings.APIServer, "/")+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("asking the API server for %s: %w", path, err)
	}
	if s.settings.TokenFile != "" {
		// Read each time: the kubelet renews it.
		own, err := os.ReadFile(s.settings.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("reading the token for the API server: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(own)))
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking the API server for %s: %w", path, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking the API server for %s: it answered %s", path, response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s of the API server: %w", path, err)
	}
	if len(text) > maxAnswer {
		return nil, fmt.Errorf("reading %s of the API server: it is larger than %d bytes", path, maxAnswer)
	}
	return text, nil
}

// client is one that trusts the authorities of the file as it is now: a cluster's authority is renewed, too.
func (s *ServiceAccounts) client() (*http.Client, error) {
	if s.given != nil {
		client := *s.given
		client.CheckRedirect = refuseRedirect
		return &client, nil
	}
	authorities, err := os.ReadFile(s.settings.CAFile)
	if err != nil {
		return nil, fmt.Errorf("reading the authorities of the API server: %w", err)
	}
	if s.fetching.client != nil && bytes.Equal(authorities, s.fetching.authorities) {
		return s.fetching.client, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authorities) {
		return nil, fmt.Errorf("reading the authorities of the API server: %s holds no certificate", s.settings.CAFile)
	}
	s.fetching.authorities = authorities
	s.fetching.client = &http.Client{
		CheckRedirect: refuseRedirect,
		// No proxy of the environment, and no connection kept for the minutes between two uses.
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true},
	}
	return s.fetching.client, nil
}

// refuseRedirect keeps the proxy's own token from any other server.
func refuseRedirect(*http.Request, []*http.Request) error {
	return errors.New("the API server redirects, which is not followed")
}

// parseAccountKeys reads a JWK set. Keys of kinds that are not used are passed over, as RFC 7517 section 5 says; a set
// that leaves none, or has one name twice, is an error.
func parseAccountKeys(text []byte) (map[string]accountKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("it is no JWK set: %w", err)
	}
	keys := map[string]accountKey{}
	for _, raw := range set.Keys {
		var jwk jose.JSONWebKey
		if jwk.UnmarshalJSON(raw) != nil || jwk.KeyID == "" || (jwk.Use != "" && jwk.Use != "sig") {
			continue
		}
		key := accountKey{algorithm: algorithmOf(jwk.Key), public: jwk.Key}
		if key.algorithm == "" || (jwk.Algorithm != "" && jwk.Algorithm != string(key.algorithm)) {
			continue
		}
		if _, twice := keys[jwk.KeyID]; twice {
			return nil, fmt.Errorf("it has two keys %q", jwk.KeyID)
		}
		keys[jwk.KeyID] = key
	}
	if len(keys) == 0 {
		return nil, errors.New("it has no key for RS256 or ES256")
	}
	return keys, nil
}

// algorithmOf is the one algorithm that a public key is used for; empty for a private key, a weak one, or one of another
// kind. The upper bound is against keys that make each verification slow.
func algorithmOf(key any) config.Algorithm {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if size := key.N.BitLen(); size >= 2048 && size <= 8192 {
			return config.RS256
		}
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return config.ES256
		}
	}
	return ""
}
