package main

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/keys"
	"github.com/opsgen/opsgen/proxy/token"
)

// asProgram makes this test the program itself, for what calls it.
const asProgram = "OPSGEN_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestKubectlAsksThisProgramForTokens: a client of Kubernetes that knows nothing but the kubeconfig comes with a token.
func TestKubectlAsksThisProgramForTokens(t *testing.T) {
	t.Setenv(asProgram, "yes")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_PROFILE", "")
	var authorization string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization = r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/json")
		if _, err := w.Write([]byte(`{"kind":"NamespaceList","apiVersion":"v1","items":[]}`)); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	config := api.NewConfig()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	config.Clusters["prod"] = &api.Cluster{Server: server.URL, CertificateAuthorityData: ca}
	config.AuthInfos["prod"] = &api.AuthInfo{Token: "secret"}
	config.Contexts["prod"] = &api.Context{Cluster: "prod", AuthInfo: "prod"}
	config.CurrentContext = "prod"
	s := &session{app: &app{stderr: &bytes.Buffer{}}, cluster: &cluster.Cluster{
		Name: "prod", Provider: cluster.Provider{Name: cluster.AWS, Region: "eu-central-1", Account: "123456789012"},
	}}
	if err := s.askForTokens(config); err != nil {
		t.Fatal(err)
	}
	config.AuthInfos["prod"].Exec.Command = os.Args[0]
	text, err := clientcmd.Write(*config)
	if err != nil || strings.Contains(string(text), "secret") {
		t.Fatalf("%v\n%s", err, text)
	}
	rest, err := clientcmd.RESTConfigFromKubeConfig(text)
	if err != nil {
		t.Fatal(err)
	}
	clients, err := kubernetes.NewForConfig(rest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := clients.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	signed, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(authorization, "Bearer k8s-aws-v1."))
	if err != nil || !strings.HasPrefix(string(signed), "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity") {
		t.Errorf("it came with %q: %v", authorization, err)
	}
}

// ready is a session for the fixture's cluster, with one tenant and a key.
func ready(t *testing.T, arguments ...string) *session {
	t.Helper()
	root, kubeconfig := fixture(t)
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	a := &app{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	cmd, _, err := newRootCommand(a).Find([]string{"up"})
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(append(arguments, "--root", root, "--kubeconfig", kubeconfig)); err != nil {
		t.Fatal(err)
	}
	if err := a.load(cmd); err != nil {
		t.Fatal(err)
	}
	s, err := a.openAnyway(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	s.tenants = map[string]bool{"payments": true}
	return s
}

func TestLongUpgradesMayTakeLong(t *testing.T) {
	for _, test := range []struct {
		arguments      []string
		expected, want time.Duration
	}{
		{nil, 17 * time.Minute, time.Hour},
		{nil, 2 * time.Hour, 3 * time.Hour},
		{[]string{"--timeout", "30m"}, 2 * time.Hour, 30 * time.Minute},
	} {
		if got := ready(t, test.arguments...).limit(test.expected); got != test.want {
			t.Errorf("%v, expected to take %s: at most %s, want %s", test.arguments, test.expected, got, test.want)
		}
	}
}

func TestFirstToken(t *testing.T) {
	s := ready(t, "--first-token", "payments")
	if checks := s.checkFirstToken(); len(checks) != 1 || !strings.Contains(checks[0].Problem, "opsgen token keygen --cluster lab") {
		t.Errorf("without a key: %+v", checks)
	}
	folder, err := keys.Open(s.root, "lab")
	if err != nil {
		t.Fatal(err)
	}
	file, err := keys.PrivateFile("lab", "2026-11")
	if err != nil {
		t.Fatal(err)
	}
	public, err := keys.Generate(s.root, file)
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.Add("2026-11", public, time.Now()); err != nil {
		t.Fatal(err)
	}
	if checks := s.checkFirstToken(); len(checks) != 1 || checks[0].Problem != "" {
		t.Errorf("with a key: %+v", checks)
	}
	raw, err := s.signFirst("payments", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	claims, err := token.Peek(raw)
	if err != nil || claims.Tenant != "payments" || time.Until(claims.Expires) > 25*time.Hour || len(claims.Scopes) != 4 {
		t.Errorf("%+v, %v", claims, err)
	}
	s.tenants = map[string]bool{"search": true, "ads": true}
	if err := s.checkTenant(); err == nil || !strings.Contains(err.Error(), "tenants of this cluster are ads, search") {
		t.Errorf("for nobody: %v", err)
	}
	if err := os.Chmod(file, 0o644); err != nil { //nolint:gosec // that is what is tested
		t.Fatal(err)
	}
	if _, err := s.signFirst("payments", time.Now()); err == nil || !strings.Contains(err.Error(), "can be read by others") {
		t.Errorf("a key that all can read: %v", err)
	}
}

// TestNamedSecretsAreMadeOfWhatWasGiven: what cluster.yaml names and nobody gave is told, with how to give it.
func TestNamedSecretsAreMadeOfWhatWasGiven(t *testing.T) {
	folder := t.TempDir()
	files := map[string]string{"ada.pub": "ssh-ed25519 AAAA ada", "bob.asc": "-----BEGIN PGP PUBLIC KEY BLOCK-----", "eve.pub": "-----BEGIN OPENSSH PRIVATE KEY-----", "key.txt": "x", "ca.pem": "authority"}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := &cluster.Cluster{Source: cluster.Source{VerifySecret: "signers"}, Login: &cluster.Login{ClientSecret: "client", CA: "authority"}}
	s := ready(t)
	none, err := s.app.named(c)
	if err != nil || len(none) != 3 {
		t.Fatalf("%+v, %v", none, err)
	}
	for _, n := range none {
		if check := n.Check(false); check.Problem == "" || check.Hint == "" || check.Warning != (n.Option != "source.verifySecret") {
			t.Errorf("%s: %+v", n.Option, check)
		}
		if check := n.Check(true); check.Problem != "" {
			t.Errorf("%s is there: %+v", n.Option, check)
		}
	}
	t.Setenv("OPSGEN_LOGIN_CLIENT_SECRET", "hush")
	s = ready(t, "--verify-key", filepath.Join(folder, "ada.pub"), "--verify-key", filepath.Join(folder, "bob.asc"), "--login-ca-file", filepath.Join(folder, "ca.pem"))
	all, err := s.app.named(c)
	if err != nil {
		t.Fatal(err)
	}
	if len(all[0].Data["ada.sshpub"]) == 0 || len(all[0].Data["bob.asc"]) == 0 || string(all[1].Data["client-secret"]) != "hush" || string(all[2].Data["ca.crt"]) != "authority" {
		t.Errorf("%+v", all)
	}
	for name, says := range map[string]string{"eve.pub": "a private key", "key.txt": ".sshpub", "nobody.pub": "nobody.pub"} {
		s = ready(t, "--verify-key", filepath.Join(folder, name))
		if _, err := s.app.named(c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
