package controlplane

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"os"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

func plane(t *testing.T) *Plane {
	t.Helper()
	p := &Plane{
		Dir: t.TempDir(), Address: netip.MustParseAddr("10.200.0.2"), Port: 6443, EtcdPort: 2379,
		Services: netip.MustParsePrefix("10.200.64.0/18"), Nodes: []string{"node-1", "node-2"},
	}
	if err := p.Write(); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryWayToTheAPIServerIsTrusted(t *testing.T) {
	p := plane(t)
	authority, err := os.ReadFile(p.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	pair, err := tls.LoadX509KeyPair(p.file("api.crt"), p.file("api.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"127.0.0.1", "10.200.0.2", "10.200.64.1", "kubernetes.default.svc.cluster.local"} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEachUserHasATokenOfItsOwn(t *testing.T) {
	p := plane(t)
	tokens, err := os.ReadFile(p.file("tokens.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{Admin, Proxy, NodeUser("node-2")} {
		c, err := clientcmd.LoadFromFile(p.KubeconfigFile(user))
		if err != nil {
			t.Fatal(err)
		}
		if line := c.AuthInfos[user].Token + "," + user + ","; !strings.Contains(string(tokens), line) {
			t.Errorf("no token of %s's kubeconfig in %s", user, tokens)
		}
	}
}

func TestTheNameServiceHasTheTenthAddress(t *testing.T) {
	if got := plane(t).DNS().String(); got != "10.200.64.10" {
		t.Error(got)
	}
}
