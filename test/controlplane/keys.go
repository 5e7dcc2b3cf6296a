package controlplane

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// A bed's keys outlive no bed: a month is longer than anybody keeps one up.
const validity = 30 * 24 * time.Hour

// Write makes the authority, the keys, the tokens and a kubeconfig for each user. Everything is new for each bed, so
// that the credentials of one open nothing in another.
func (p *Plane) Write() error {
	if err := os.MkdirAll(filepath.Join(p.Dir, "keys"), 0o700); err != nil {
		return fmt.Errorf("making the folder of keys: %w", err)
	}
	if err := p.writeCertificates(); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the key of service accounts: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("encoding the key of service accounts: %w", err)
	}
	if err := errors.Join(p.writeKey("accounts.key", key), p.writePEM("accounts.pub", "PUBLIC KEY", public)); err != nil {
		return err
	}
	return p.writeUsers()
}

func (p *Plane) writeCertificates() error {
	authority := &x509.Certificate{
		Subject: pkix.Name{CommonName: "bed"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
	key, err := p.sign("ca", authority, nil, nil)
	if err != nil {
		return err
	}
	names := []string{"localhost", "kubernetes"}
	for _, suffix := range []string{".default", ".svc", ".cluster.local"} {
		names = append(names, names[len(names)-1]+suffix)
	}
	var addresses []net.IP
	for _, a := range []netip.Addr{netip.MustParseAddr("127.0.0.1"), p.Address, p.Services.Addr().Next()} {
		addresses = append(addresses, a.AsSlice())
	}
	if _, err := p.sign("api", &x509.Certificate{
		Subject: pkix.Name{CommonName: "kube-apiserver"}, DNSNames: names, IPAddresses: addresses,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, authority, key); err != nil {
		return err
	}
	// The API server calls kubelets for logs, exec and port-forward.
	_, err = p.sign("kubelet-client", &x509.Certificate{
		Subject:  pkix.Name{CommonName: "kube-apiserver-kubelet-client", Organization: []string{"system:masters"}},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, authority, key)
	return err
}

// sign writes <name>.key and <name>.crt; without a parent the certificate is self-signed.
func (p *Plane) sign(name string, c, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	if c.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, fmt.Errorf("making a serial number: %w", err)
	}
	// An hour ago: clocks of containers on the same machine agree, but those of suspended ones may not at once.
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(validity)
	if parent == nil {
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey)
	if err != nil {
		return nil, fmt.Errorf("signing %s: %w", name, err)
	}
	return key, errors.Join(p.writePEM(name+".crt", "CERTIFICATE", der), p.writeKey(name+".key", key))
}

func (p *Plane) writeKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", name, err)
	}
	return p.writePEM(name, "EC PRIVATE KEY", der)
}

func (p *Plane) writePEM(name, kind string, der []byte) error {
	data := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(p.file(name), data, 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

func (p *Plane) writeUsers() error {
	groups := map[string]string{Admin: "system:masters", ControllerManager: "", Scheduler: "", Proxy: "", Policies: "", FakeNodes: ""}
	for _, n := range p.Nodes {
		groups[NodeUser(n)] = "system:nodes"
	}
	var tokens strings.Builder
	for user, group := range groups {
		token := rand.Text()
		fmt.Fprintf(&tokens, "%s,%s,%s,%q\n", token, user, user, group)
		if err := p.writeKubeconfig(user, token); err != nil {
			return err
		}
	}
	if err := os.WriteFile(p.file("tokens.csv"), []byte(tokens.String()), 0o600); err != nil {
		return fmt.Errorf("writing tokens: %w", err)
	}
	return nil
}

// KubeconfigFile is the path of a user's kubeconfig.
func (p *Plane) KubeconfigFile(user string) string {
	return p.file(strings.ReplaceAll(user, ":", "-") + ".kubeconfig")
}

func (p *Plane) writeKubeconfig(user, token string) error {
	authority, err := os.ReadFile(p.CAFile())
	if err != nil {
		return fmt.Errorf("reading the authority: %w", err)
	}
	c := api.NewConfig()
	c.Clusters["bed"] = &api.Cluster{Server: p.URL(), CertificateAuthorityData: authority}
	c.AuthInfos[user] = &api.AuthInfo{Token: token}
	c.Contexts["bed"] = &api.Context{Cluster: "bed", AuthInfo: user}
	c.CurrentContext = "bed"
	if err := clientcmd.WriteToFile(*c, p.KubeconfigFile(user)); err != nil {
		return fmt.Errorf("writing the kubeconfig of %s: %w", user, err)
	}
	return nil
}
