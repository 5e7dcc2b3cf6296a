package bed

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opsgen/opsgen/test/node"
)

// The bed stands in for the few hosts of the internet that a cluster needs: the one of its Git repository. Their names
// lead to this address, which no machine has (RFC 5737), and their certificates are signed by an authority that the bed's
// images trust. So what is rendered for github.com runs unchanged, and nothing else of the outside exists.
var outside = netip.MustParseAddr("203.0.113.10")

// trustedFile is where Go programs and Debian's look for authorities.
const trustedFile = "/etc/ssl/certs/ca-certificates.crt"

// outsideValidity is longer than a cache lives.
const outsideValidity = 10 * 365 * 24 * time.Hour

// Repository answers the folder of the bare repository that the bed serves under that URL, for pushing to it.
func (b *Bed) Repository(address string) (string, error) {
	if !slices.Contains(b.state.Repositories, address) {
		return "", fmt.Errorf("the bed serves no repository %s", address)
	}
	return b.state.repository(address)
}

func (s *state) gitDir() string { return filepath.Join(s.Dir, "git") }

func (s *state) repository(address string) (string, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "https" || parsed.Port() != "" || strings.Contains(parsed.Path, "..") {
		return "", fmt.Errorf("%s is no address of a repository: write https://host/path", address)
	}
	return filepath.Join(s.gitDir(), filepath.FromSlash(parsed.Path)), nil
}

// prepareOutside makes the repositories, empty, and the certificate of their hosts.
func (s *state) prepareOutside(ctx context.Context, repositories []string) error {
	s.Repositories = repositories
	if len(repositories) == 0 {
		return nil
	}
	for _, address := range repositories {
		dir, err := s.repository(address)
		if err != nil {
			return err
		}
		if out, err := exec.CommandContext(ctx, "git", "init", "--quiet", "--bare", "--initial-branch=main", dir).CombinedOutput(); err != nil {
			return fmt.Errorf("making the repository %s: %w: %s", address, err, out)
		}
		parsed, err := url.Parse(address)
		if err != nil {
			return fmt.Errorf("reading the address of a repository: %w", err)
		}
		if !slices.Contains(s.Hosts, parsed.Hostname()) {
			s.Hosts = append(s.Hosts, parsed.Hostname())
		}
	}
	authority, err := readAuthority(s.Layers)
	if err != nil {
		return err
	}
	return authority.certify(filepath.Join(s.gitDir(), "tls"), s.Hosts)
}

func (s *state) gitAddress() string {
	if s.fakeOnly() { // where nobody is root
		return netip.AddrPortFrom(s.loopback(), 8443).String()
	}
	return outside.String() + ":443"
}

// gitProcess serves the repositories to the cluster.
func (s *state) gitProcess() node.Process {
	return node.Process{Name: "git", Path: filepath.Join(s.Programs, "gitserver"), Args: []string{
		"--address=" + s.gitAddress(), "--root=" + s.gitDir(),
		"--certificate=" + filepath.Join(s.gitDir(), "tls.crt"), "--key=" + filepath.Join(s.gitDir(), "tls.key"),
	}}
}

// An authority signs the certificates of the outside's hosts.
type authority struct {
	certificate *x509.Certificate
	pem         []byte
	key         *ecdsa.PrivateKey
}

// readAuthority reads the authority kept beside the images' layers, or makes it. All beds of a machine share one: each
// image holds its certificate, and another one for each bed would mean other layers for each. It is trusted by the bed's
// images alone, and its key is readable by its owner alone.
func readAuthority(folder string) (*authority, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("making a folder for the authority: %w", err)
	}
	path := authorityFile(folder)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeAuthority(path); err == nil || errors.Is(err, fs.ErrExist) {
			data, err = os.ReadFile(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the authority of the outside: %w", err)
	}
	certificate, rest := pem.Decode(data)
	key, _ := pem.Decode(rest)
	if certificate == nil || key == nil {
		return nil, fmt.Errorf("%s is damaged: delete it", path)
	}
	a := &authority{pem: pem.EncodeToMemory(certificate)}
	if a.certificate, err = x509.ParseCertificate(certificate.Bytes); err != nil {
		return nil, fmt.Errorf("%s is damaged: delete it: %w", path, err)
	}
	if a.key, err = x509.ParseECPrivateKey(key.Bytes); err != nil {
		return nil, fmt.Errorf("%s is damaged: delete it: %w", path, err)
	}
	return a, nil
}

func authorityFile(folder string) string { return filepath.Join(folder, "authority.pem") }

func makeAuthority(path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the cluster bed's outside"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(outsideValidity),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	data := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})...)
	return writeOnce(path, data)
}

// writeOnce writes a file that appears whole or not at all, and never changes. Another process may have been first.
func writeOnce(path string, data []byte) error {
	made := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(made, data, 0o600); err != nil {
		return err
	}
	return errors.Join(os.Link(made, path), os.Remove(made))
}

// certify writes <prefix>.crt and <prefix>.key for hosts.
func (a *authority) certify(prefix string, hosts []string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return fmt.Errorf("making a serial number: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, DNSNames: hosts, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.certificate, key.Public(), a.key)
	if err != nil {
		return fmt.Errorf("signing the certificate of %v: %w", hosts, err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding a key: %w", err)
	}
	return errors.Join(
		os.WriteFile(prefix+".crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(prefix+".key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600),
	)
}
