package login

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/opsgen/opsgen/proxy/config"
)

const (
	// tokenLife is how long Grafana may believe a token.
	tokenLife = 5 * time.Minute
	// tokenReuse is for how long the same token is sent again: a page of Grafana sends dozens of requests.
	tokenReuse = 2 * time.Minute
	// mostTokens bounds the tokens that are kept.
	mostTokens = 4096
)

// signing signs who people are, and changes its key without a gap: a new key is published at once, used when every
// Grafana has fetched it, and the old one is published for as long again.
type signing struct {
	now func() time.Time

	mu      sync.Mutex
	domain  string
	folder  string
	overlap time.Duration
	looked  time.Time
	err     error
	current *signingKey
	next    *signingKey
	nextAt  time.Time
	retired []retiredKey
	tokens  map[identified]issuedToken
}

type signingKey struct {
	method jwt.SigningMethod
	signer crypto.Signer
	public jose.JSONWebKey
}

type retiredKey struct {
	key   *signingKey
	until time.Time
}

// identified is all that a token says.
type identified struct {
	session, tenant, domain, key string
	role                         Role
}

type issuedToken struct {
	text    string
	renewAt time.Time
}

func newSigning(now func() time.Time) *signing {
	return &signing{now: now, tokens: map[identified]issuedToken{}}
}

func (s *signing) configure(domain, folder string, overlap time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.domain, s.folder, s.overlap, s.looked = domain, folder, overlap, time.Time{}
}

// refresh looks at the folder and moves the keys on. mu is held.
func (s *signing) refresh() {
	now := s.now()
	if now.Sub(s.looked) >= lookAgain {
		s.looked = now
		s.look(now)
	}
	if s.next != nil && !now.Before(s.nextAt) {
		s.retired = append(s.retired, retiredKey{s.current, now.Add(max(s.overlap, tokenLife))})
		s.current, s.next = s.next, nil
	}
	for len(s.retired) > 0 && now.After(s.retired[0].until) {
		s.retired = s.retired[1:]
	}
}

// look reads the key. One that cannot be read leaves the known one in use.
func (s *signing) look(now time.Time) {
	text, err := readBounded(filepath.Join(s.folder, "tls.key"))
	var key *signingKey
	if err == nil {
		key, err = parseSigningKey(text)
	}
	if s.err = err; err != nil {
		return
	}
	switch id := key.public.KeyID; {
	case s.current == nil:
		s.current = key
	case id == s.current.public.KeyID:
		s.next = nil
	case s.next == nil || id != s.next.public.KeyID:
		s.next, s.nextAt = key, now.Add(s.overlap)
	}
}

// parseSigningKey reads a private key. The key's kind decides the algorithm; its ID is its thumbprint (RFC 7638), so
// that all replicas call it the same.
func parseSigningKey(text []byte) (*signingKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the signing key is no PEM")
	}
	var parsed any
	var err error
	switch block.Type {
	case "EC PRIVATE KEY":
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("parse the signing key: %w", err)
	}
	key := &signingKey{}
	switch k := parsed.(type) {
	case ed25519.PrivateKey:
		key.method, key.signer = jwt.SigningMethodEdDSA, k
	case *ecdsa.PrivateKey:
		if k.Curve != elliptic.P256() {
			return nil, fmt.Errorf("the signing key is on the curve %s; use P-256", k.Curve.Params().Name)
		}
		key.method, key.signer = jwt.SigningMethodES256, k
	case *rsa.PrivateKey:
		if k.N.BitLen() < 2048 {
			return nil, fmt.Errorf("the signing key has %d bits; use 2048 or more", k.N.BitLen())
		}
		key.method, key.signer = jwt.SigningMethodRS256, k
	default:
		return nil, fmt.Errorf("the signing key is a %T; use Ed25519, P-256 or RSA", parsed)
	}
	key.public = jose.JSONWebKey{Key: key.signer.Public(), Algorithm: key.method.Alg(), Use: "sig"}
	thumbprint, err := key.public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("name the signing key: %w", err)
	}
	key.public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	return key, nil
}

// keys are the public keys: in use, next and retired.
func (s *signing) keys() (jose.JSONWebKeySet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	if s.current == nil {
		return jose.JSONWebKeySet{}, fmt.Errorf("%w: %w", ErrUnavailable, s.err)
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{s.current.public}}
	if s.next != nil {
		set.Keys = append(set.Keys, s.next.public)
	}
	for _, old := range s.retired {
		set.Keys = append(set.Keys, old.key.public)
	}
	return set, nil
}

// token is the signed identity of a person for one tenant's Grafana.
func (s *signing) token(person *Person, tenant string) (string, error) {
	s.mu.Lock()
	s.refresh()
	key, domain, now := s.current, s.domain, s.now()
	if key == nil {
		err := s.err
		s.mu.Unlock()
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	who := identified{person.session, tenant, domain, key.public.KeyID, person.Role}
	kept, ok := s.tokens[who]
	s.mu.Unlock()
	if ok && now.Before(kept.renewAt) {
		return kept.text, nil
	}
	expires := now.Add(tokenLife)
	if person.Expires.Before(expires) {
		expires = person.Expires
	}
	text, err := key.sign(person, domain, tenant, now, expires)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room(now)
	s.tokens[who] = issuedToken{text, now.Add(min(tokenReuse, expires.Sub(now)/2))}
	return text, nil
}

// room keeps the tokens within their bound. mu is held.
func (s *signing) room(now time.Time) {
	if len(s.tokens) < mostTokens {
		return
	}
	for who, kept := range s.tokens {
		if !now.Before(kept.renewAt) {
			delete(s.tokens, who)
		}
	}
	if len(s.tokens) >= mostTokens {
		clear(s.tokens)
	}
}

// sign writes the claims that bases/grafana/ini.libsonnet makes Grafana expect.
func (k *signingKey) sign(person *Person, domain, tenant string, now, expires time.Time) (string, error) {
	claims := jwt.MapClaims{
		"iss": "https://auth." + domain, "aud": "grafana:" + tenant, "sub": person.Subject, "role": string(person.Role),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": expires.Unix(),
	}
	if person.Email != "" {
		claims["email"] = person.Email
	}
	if person.name != "" {
		claims["name"] = person.name
	}
	token := jwt.NewWithClaims(k.method, claims)
	token.Header["kid"] = k.public.KeyID
	text, err := token.SignedString(k.signer)
	if err != nil {
		return "", fmt.Errorf("sign who a person is: %w", err)
	}
	return text, nil
}

// Identify tells the tenant's Grafana who the person is: it sets config.GrafanaTokenHeader to a signed token, and drops
// every other credential. The error is ErrUnavailable while there is no signing key; the header is dropped then too.
func (l *Login) Identify(header http.Header, person *Person, tenant string) error {
	for _, name := range []string{config.GrafanaTokenHeader, "Authorization", "X-Webauth-User", "X-Grafana-Id"} {
		header.Del(name)
	}
	if person == nil || person.tenant != tenant {
		return fmt.Errorf("%w: the session is of another tenant", ErrNoSession)
	}
	text, err := l.signing.token(person, tenant)
	if err != nil {
		return err
	}
	header.Set(config.GrafanaTokenHeader, text)
	return nil
}

// ServeKeys serves the public keys of Identify's tokens as a JWK set, for the path config.SigningKeysPath. The answer is
// 503 while there is no key.
func (l *Login) ServeKeys(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeJSON(w, r, http.StatusMethodNotAllowed, "only GET is served here")
		return
	}
	set, err := l.signing.keys()
	if err != nil {
		l.log.Error("no signing key to publish", "error", err)
		writeJSON(w, r, http.StatusServiceUnavailable, "there is no signing key yet")
		return
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "no-store")
	if err := json.NewEncoder(w).Encode(set); err != nil {
		l.log.Debug("write the signing keys", "error", err)
	}
}
