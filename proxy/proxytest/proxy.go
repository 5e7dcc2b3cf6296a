package proxytest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/server"
	"github.com/opsgen/opsgen/proxy/token"
)

// What every proxy of this package has.
const (
	// Domain is the domain.
	Domain = "obs.example.com"
	// Cluster is the cluster's name, and so the audience of tokens.
	Cluster = "test"
	// KeyID is the ID of the key that Token signs with.
	KeyID = "key-1"
	// InternalName is the server name of the internal listener.
	InternalName = "proxy-internal.proxy.svc"
	// Payments is a tenant with a Grafana.
	Payments = "payments"
	// Search is a tenant without one.
	Search = "search"
)

// Files that WriteFile changes.
const (
	ConfigFile      = config.FileName
	TenantsFile     = config.TenantsFileName
	KeysFile        = token.KeysFileName
	RevocationsFile = token.RevocationsFileName
)

// accountKey is the ID of the key of service accounts.
const accountKey = "cluster-1"

// Options change what Start starts.
type Options struct {
	// Config changes the configuration before it is written.
	Config func(*config.Config)
	// Tenants changes tenants.yaml before it is written.
	Tenants func(*config.Tenants)
	// Answer answers in place of the upstreams; the request is recorded already, and its body read. Left out, 200.
	Answer func(component string, w http.ResponseWriter, r *http.Request)
	// Mounted changes files as the kubelet does in a mounted ConfigMap: all at once, by the symbolic link "..data".
	Mounted bool
}

// Proxy is a proxy that runs until the test ends.
type Proxy struct {
	// PublicAddress and InternalAddress are where it listens, as host:port; AdminURL is the base of its admin address.
	PublicAddress, InternalAddress, AdminURL string
	// Folder holds its files.
	Folder string
	// Authority signed its certificates; Roots trusts them.
	Authority *Authority
	Roots     *x509.CertPool
	// Key signs tenants' tokens, under KeyID.
	Key ed25519.PrivateKey
	// Config and Tenants are what was written at the start.
	Config  config.Config
	Tenants config.Tenants

	mounted  bool
	server   *server.Server
	recorder recorder
	accounts *ecdsa.PrivateKey
	issuer   string
	log      syncBuffer
	stop     context.CancelFunc
	ended    chan struct{}
	err      error
}

// Start starts a proxy with two tenants, and upstreams for all of its components.
func Start(t testing.TB, o Options) *Proxy {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	p := &Proxy{Folder: t.TempDir(), Authority: NewAuthority(t), Key: key, accounts: newKey(t), ended: make(chan struct{}), mounted: o.Mounted}
	p.Roots = p.Authority.Pool
	p.Config = p.config(t, p.recorder.upstreams(t, o.Answer))
	p.Tenants = tenants()
	if o.Config != nil {
		o.Config(&p.Config)
	}
	if o.Tenants != nil {
		o.Tenants(&p.Tenants)
	}
	p.write(t)
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.server, err = server.New(ctx, server.Options{ConfigFile: filepath.Join(p.Folder, ConfigFile), Log: &p.log, Resolver: loopback{}})
	must(t, err)
	p.PublicAddress = local(p.server.PublicAddress())
	p.InternalAddress = local(p.server.InternalAddress())
	p.AdminURL = "http://" + local(p.server.AdminAddress())
	go func() {
		defer close(p.ended)
		p.err = p.server.Run(ctx)
	}()
	t.Cleanup(func() {
		p.Stop()
		<-p.ended
		if t.Failed() {
			t.Logf("the proxy's log:\n%s", p.log.String())
		}
	})
	Eventually(t, "the proxy is ready", p.Ready)
	return p
}

// Stop tells the proxy to end, as SIGTERM does.
func (p *Proxy) Stop() { p.stop() }

// Ended is closed when the proxy has ended; Err is then what Run returned.
func (p *Proxy) Ended() <-chan struct{} { return p.ended }

// Err is what Run returned, after Ended.
func (p *Proxy) Err() error { return p.err }

// Ready asks /-/ready.
func (p *Proxy) Ready() bool {
	response, err := http.Get(p.AdminURL + "/-/ready")
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// Metrics is the text of /metrics.
func (p *Proxy) Metrics(t testing.TB) string {
	t.Helper()
	response, err := http.Get(p.AdminURL + "/metrics")
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	return string(text)
}

// Log is what the proxy has logged.
func (p *Proxy) Log() string { return p.log.String() }

// Requests are what reached the upstreams, in order.
func (p *Proxy) Requests() []Request { return p.recorder.all() }

// Connections is how many client connections are open.
func (p *Proxy) Connections() int64 { return p.server.Connections() }

// WriteFile changes a file in the proxy's folder, at once as a whole.
func (p *Proxy) WriteFile(t testing.TB, name string, content []byte) {
	t.Helper()
	if p.mounted {
		p.swap(t, name, content)
		return
	}
	path := filepath.Join(p.Folder, name)
	must(t, os.WriteFile(path+".new", content, 0o600))
	must(t, os.Rename(path+".new", path))
}

// Reload changes a file and waits until the proxy has looked at it.
func (p *Proxy) Reload(t testing.TB, name string, content []byte) {
	t.Helper()
	p.WriteFile(t, name, content)
	// The first look that ends from now on may have begun before the file was there; the second has not.
	for range 2 {
		before := p.server.Reloads()
		must(t, os.WriteFile(filepath.Join(p.Folder, "look"), []byte("x"), 0o600))
		Eventually(t, "the proxy has read its files again", func() bool { return p.server.Reloads() > before })
	}
}

// Token is a valid token of a tenant. mutate, which may be nil, changes its claims before it is signed.
func (p *Proxy) Token(t testing.TB, tenant string, mutate func(*token.Claims), scopes ...config.Scope) string {
	t.Helper()
	now := time.Now().Truncate(time.Second)
	claims := token.Claims{
		Issuer: "opsgen", Audience: []string{Cluster}, Tenant: tenant, Scopes: scopes, ID: "id-" + tenant,
		IssuedAt: now, NotBefore: now.Add(-time.Minute), Expires: now.Add(time.Hour),
	}
	if mutate != nil {
		mutate(&claims)
	}
	text, err := token.Sign(p.Key, KeyID, claims)
	must(t, err)
	return text
}

// AccountToken is a valid token of a service account.
func (p *Proxy) AccountToken(t testing.TB, namespace, account string) string {
	t.Helper()
	now := time.Now()
	made := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss": p.issuer, "aud": []string{"opsgen-proxy"}, "sub": "system:serviceaccount:" + namespace + ":" + account,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"kubernetes.io": map[string]any{"namespace": namespace, "serviceaccount": map[string]any{"name": account, "uid": "1"}},
	})
	made.Header["kid"] = accountKey
	text, err := made.SignedString(p.accounts)
	must(t, err)
	return text
}

// Client is a client that connects to the public listener whatever host a URL names, with HTTP/1.1 or HTTP/2.
func (p *Proxy) Client(t testing.TB, http2 bool) *http.Client {
	return p.client(t, p.PublicAddress, "", http2)
}

// InternalClient is the same for the internal listener, which it asks for by InternalName.
func (p *Proxy) InternalClient(t testing.TB, http2 bool) *http.Client {
	return p.client(t, p.InternalAddress, InternalName, http2)
}

func (p *Proxy) client(t testing.TB, address, serverName string, http2 bool) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{RootCAs: p.Roots, ServerName: serverName, MinVersion: tls.VersionTLS12},
		Protocols:       protocols, MaxIdleConnsPerHost: 64,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (p *Proxy) config(t testing.TB, urls map[string]string) config.Config {
	t.Helper()
	api := p.apiServer(t)
	short := quantity.Duration(50 * time.Millisecond)
	grafana, err := url.Parse(urls["grafana"])
	must(t, err)
	return config.Config{
		Cluster: Cluster, Domain: Domain, TenantsFile: filepath.Join(p.Folder, TenantsFile),
		Listeners: config.Listeners{
			Public:   config.TLSListener{Address: "127.0.0.1:0", Certificates: []string{filepath.Join(p.Folder, "public")}},
			Internal: config.TLSListener{Address: "127.0.0.1:0", Certificates: []string{filepath.Join(p.Folder, "internal")}},
			Admin:    config.AdminListener{Address: "127.0.0.1:0"},
		},
		Tokens: config.Tokens{
			KeysFile: filepath.Join(p.Folder, KeysFile), RevocationsFile: filepath.Join(p.Folder, RevocationsFile),
		},
		ServiceAccounts: config.ServiceAccounts{
			Issuer: p.issuer, APIServer: api, CAFile: filepath.Join(p.Folder, "ca.crt"), TokenFile: filepath.Join(p.Folder, "account-token"),
		},
		Upstreams: config.Upstreams{
			Metrics: &config.MetricsUpstreams{
				Distributor: urls["metrics.distributor"], QueryFrontend: urls["metrics.queryFrontend"],
				Ruler: urls["metrics.ruler"], Alertmanager: urls["metrics.alertmanager"], Purger: urls["metrics.purger"],
			},
			Logs: &config.LogsUpstreams{
				Distributor: urls["logs.distributor"], QueryFrontend: urls["logs.queryFrontend"], Querier: urls["logs.querier"],
				Ruler: urls["logs.ruler"], Compactor: urls["logs.compactor"],
			},
		},
		Grafana: config.Grafana{
			Upstream:   "http://grafana.tenant-{tenant}.svc:" + grafana.Port(),
			SigningKey: filepath.Join(p.Folder, "signing"),
		},
		Timeouts: config.Timeouts{DrainDelay: short, Drain: quantity.Duration(5 * time.Second)},
		Log:      config.Log{Level: "info", AccessSample: 1},
	}
}

func tenants() config.Tenants {
	return config.Tenants{
		Tenants: []config.Tenant{{Name: Payments, Grafana: &config.Access{Admins: []string{"sre"}}}, {Name: Search}},
		Callers: []config.Caller{
			{Namespace: "tenant-payments", ServiceAccount: "grafana", Tenant: Payments, Scopes: []config.Scope{config.MetricsRead, config.LogsRead}},
			{
				Namespace: "syncer", ServiceAccount: "syncer", AnyTenant: true,
				Scopes: []config.Scope{config.RulesWrite, config.MetricsRead, config.AlertsConfigure, config.DataDelete},
			},
		},
	}
}

// apiServer publishes the keys of service accounts.
func (p *Proxy) apiServer(t testing.TB) string {
	t.Helper()
	keys := KeySet(t, map[string]crypto.PublicKey{accountKey: p.accounts.Public()}, "ES256")
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/openid/v1/jwks":
			_, _ = w.Write(keys) // a client that is gone needs no answer
		case "/.well-known/openid-configuration":
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": p.issuer, "jwks_uri": p.issuer + "/openid/v1/jwks"})
		default:
			http.NotFound(w, r)
		}
	}))
	api.TLS = &tls.Config{Certificates: []tls.Certificate{p.Authority.pair(t, "127.0.0.1")}, MinVersion: tls.VersionTLS12}
	api.StartTLS()
	t.Cleanup(api.Close)
	p.issuer = "https://kubernetes.default.svc.cluster.local"
	return api.URL
}

func (p *Proxy) write(t testing.TB) {
	t.Helper()
	day := time.Now().Add(24 * time.Hour)
	p.Authority.Write(t, filepath.Join(p.Folder, "public"), day, "*."+Domain, Domain)
	p.Authority.Write(t, filepath.Join(p.Folder, "internal"), day, InternalName)
	p.Authority.Write(t, filepath.Join(p.Folder, "signing"), day, "proxy-signing.invalid")
	p.WriteFile(t, "ca.crt", p.Authority.PEM)
	p.WriteFile(t, "account-token", []byte("the proxy's own"))
	p.WriteFile(t, KeysFile, KeySet(t, map[string]crypto.PublicKey{KeyID: p.Key.Public()}, "EdDSA"))
	p.WriteFile(t, ConfigFile, YAML(t, p.Config))
	p.WriteFile(t, TenantsFile, YAML(t, p.Tenants))
}

// YAML is a configuration as a file.
func YAML(t testing.TB, value any) []byte {
	t.Helper()
	text, err := yaml.Marshal(value)
	must(t, err)
	return text
}

// local is an address to connect to.
func local(address net.Addr) string { return strings.Replace(address.String(), "[::]", "127.0.0.1", 1) }

// loopback resolves the names of Services to this machine.
type loopback struct{}

// LookupHost implements upstream.Resolver.
func (loopback) LookupHost(_ context.Context, host string) ([]string, error) {
	if strings.HasSuffix(host, ".svc") || strings.HasPrefix(host, "127.") {
		return []string{"127.0.0.1"}, nil
	}
	return nil, fmt.Errorf("%s is no host of this test", host)
}

// syncBuffer is a buffer that many may write to.
type syncBuffer struct {
	mutex sync.Mutex
	bytes bytes.Buffer
}

func (b *syncBuffer) Write(data []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.Write(data)
}

// String is what was written.
func (b *syncBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.String()
}
