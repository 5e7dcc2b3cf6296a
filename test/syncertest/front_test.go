package syncertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// startProxy starts the proxy in front of Cortex and Loki, and answers its internal listener's URL. The certificate, which
// is its own authority, is ca.crt in the folder.
func startProxy(t *testing.T, program, folder string, c *cluster, cortex, loki string) string {
	t.Helper()
	public, internal, admin := port(t), port(t), port(t)
	certify(t, folder)
	write(t, folder, "accounts-token", c.token(t, ""))
	if _, err := os.Stat(filepath.Join(folder, "tenants.yaml")); err != nil {
		write(t, folder, "tenants.yaml", tenants("{name: "+tenant+", id: "+id+"}"))
	}
	file := write(t, folder, "proxy.yaml", fmt.Sprintf(`
cluster: test
domain: obs.example.com
tenantsFile: %[1]s/tenants.yaml
listeners:
  public: {address: "127.0.0.1:%[2]d", certificates: [%[1]s/tls]}
  internal: {address: "127.0.0.1:%[3]d", certificates: [%[1]s/tls]}
  admin: {address: "127.0.0.1:%[4]d"}
tokens: {keysFile: %[1]s/none.json, revocationsFile: %[1]s/none.yaml}
serviceAccounts: {audience: opsgen-proxy, apiServer: "%[5]s", caFile: "%[6]s", tokenFile: %[1]s/accounts-token}
upstreams:
  metrics: {distributor: "%[7]s", queryFrontend: "%[7]s", ruler: "%[7]s", alertmanager: "%[7]s", purger: "%[7]s"}
  logs: {distributor: "%[8]s", queryFrontend: "%[8]s", querier: "%[8]s", ruler: "%[8]s", compactor: "%[8]s"}
grafana: {upstream: "http://grafana.tenant-{tenant}.svc:3000", signingKey: %[1]s/tls}
`, folder, public, internal, admin, c.plane.URL(), c.plane.CAFile(), cortex, loki))
	start(t, folder, "proxy", program, "serve", "--config="+file)
	answers(t, "the proxy", fmt.Sprintf("http://127.0.0.1:%d/-/ready", admin))
	return fmt.Sprintf("https://127.0.0.1:%d", internal)
}

// tenants is the proxy's list of tenants.
func tenants(list string) string {
	return `
tenants: [` + list + `]
callers:
  - namespace: syncer
    serviceAccount: syncer
    anyTenant: true
    scopes: [metrics:read, logs:read, rules:write, alerts:read, alerts:configure, data:delete]
`
}

// certify writes a certificate that signs itself, as tls/tls.crt and tls/tls.key and as ca.crt.
func certify(t *testing.T, folder string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "proxy"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"obs.example.com", "*.obs.example.com"},
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, made, made, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, folder, "tls/tls.crt", certificate)
	write(t, folder, "ca.crt", certificate)
	write(t, folder, "tls/tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}

// startSyncer starts the syncer as its service account, and answers the URL of its admin address.
func startSyncer(t *testing.T, program, folder string, c *cluster, proxy string) string {
	t.Helper()
	admin := port(t)
	write(t, folder, "syncer-token", c.token(t, "opsgen-proxy"))
	file := write(t, folder, "syncer.yaml", fmt.Sprintf(`
admin: "127.0.0.1:%d"
proxy: {url: "%s", caFile: %s, tokenFile: %s}
resync: 10s
erase: {file: %s, interval: 1s, settle: 2s}
logLevel: debug
`, admin, proxy, filepath.Join(folder, "ca.crt"), filepath.Join(folder, "syncer-token"), filepath.Join(folder, "erase.yaml")))
	t.Setenv("KUBECONFIG", c.kubeconfig(t, folder))
	start(t, folder, "syncer", program, "run", "--config="+file)
	url := fmt.Sprintf("http://127.0.0.1:%d", admin)
	answers(t, "the syncer", url+"/-/ready")
	return url
}
