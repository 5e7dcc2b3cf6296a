package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ChainFile and KeyFile are the files of a folder, as a Secret of type kubernetes.io/tls is mounted.
const (
	ChainFile = "tls.crt"
	KeyFile   = "tls.key"
)

// Set is the certificates of one listener. It never changes.
type Set struct {
	first *tls.Certificate
	exact map[string]*tls.Certificate
	// wildcards are found by what follows "*.".
	wildcards map[string]*tls.Certificate
	expiries  []Expiry
}

// Expiry says when the certificate of one folder ends.
type Expiry struct {
	// Name is the first DNS name of the certificate, or its folder's name when it has none.
	Name string
	// At is the end of the leaf's validity.
	At time.Time
}

// Load reads one chain and key from each folder. The error names every folder that cannot be used: files are missing, the
// key does not fit, or the certificate has expired already.
func Load(folders []string, now time.Time) (*Set, error) {
	if len(folders) == 0 {
		return nil, errors.New("no folder of certificates is named")
	}
	set := &Set{exact: map[string]*tls.Certificate{}, wildcards: map[string]*tls.Certificate{}}
	var problems []error
	for _, folder := range folders {
		if err := set.add(folder, now); err != nil {
			problems = append(problems, fmt.Errorf("reading the certificate in %s: %w", folder, err))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return set, nil
}

func (s *Set) add(folder string, now time.Time) error {
	chain, err := os.ReadFile(filepath.Join(folder, ChainFile))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(folder, KeyFile))
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return err
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return err
		}
	}
	// Every client would refuse it; the one before is better as long as it lasts.
	if now.After(pair.Leaf.NotAfter) {
		return fmt.Errorf("it expired at %s", pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	if s.first == nil {
		s.first = &pair
	}
	name := filepath.Base(folder)
	if len(pair.Leaf.DNSNames) > 0 {
		name = pair.Leaf.DNSNames[0]
	}
	s.expiries = append(s.expiries, Expiry{Name: name, At: pair.Leaf.NotAfter})
	for _, dns := range pair.Leaf.DNSNames {
		names, dns := s.exact, strings.ToLower(dns)
		if suffix, found := strings.CutPrefix(dns, "*."); found {
			names, dns = s.wildcards, suffix
		}
		if names[dns] == nil {
			names[dns] = &pair
		}
	}
	return nil
}

// Find is the certificate that covers a server name: the exact one before a wildcard. No name gets the first
// certificate; a name that none covers gets nil, so that the handshake fails and nobody talks to a name that is not ours.
func (s *Set) Find(serverName string) *tls.Certificate {
	if serverName == "" {
		return s.first
	}
	name := strings.ToLower(strings.TrimSuffix(serverName, "."))
	if found := s.exact[name]; found != nil {
		return found
	}
	_, suffix, _ := strings.Cut(name, ".")
	return s.wildcards[suffix]
}

// Expiries are when the certificates end, in the order of their folders.
func (s *Set) Expiries() []Expiry { return s.expiries }

// ServerConfig is the TLS configuration of a listener. It asks current for each handshake, so that a renewal holds from
// the next one on.
//
// The threat is a client or a middlebox that talks both sides down: below TLS 1.2 nothing is spoken, and in TLS 1.2 only
// suites with forward secrecy and authenticated encryption, so that neither a stolen key opens recorded traffic nor is
// there a padding to guess. Go chooses the order by itself, and the suites of TLS 1.3 are all of this kind.
func ServerConfig(current func() *Set) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return current().Find(hello.ServerName), nil // nil makes crypto/tls answer unrecognized_name
		},
	}
}
