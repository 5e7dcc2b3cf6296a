package backendtest

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	proxy "github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/syncer/config"
)

// Token is the token that is asked for.
const Token = "the-syncers-own-token"

// Group is a rule group as it was sent.
type Group map[string]any

// Backend is the server with what it holds. Its fields are read and written under Lock.
type Backend struct {
	sync.Mutex
	// Rules are groups by path of the API, tenant, namespace and group.
	Rules map[string]map[string]map[string]map[string]Group
	// Alerting are configurations as they were sent, by tenant.
	Alerting map[string]map[string]any
	// Tenants are the tenants that the proxy knows, with their IDs in Cortex and Loki: "payments" is the one. Rules and
	// Alerting are by ID.
	Tenants map[string]string
	// Refuse is the answer 400 to a group or configuration whose text contains the key.
	Refuse map[string]string
	// Fail, if set, may answer a request before anything else; it says whether it did.
	Fail func(w http.ResponseWriter, r *http.Request) bool
	// Log is "METHOD path" of every request that passed the proxy's checks.
	Log []string

	server *httptest.Server
	folder string
}

// New starts a server that ends with the test.
func New(t testing.TB) *Backend {
	t.Helper()
	b := &Backend{
		Rules:    map[string]map[string]map[string]map[string]Group{},
		Alerting: map[string]map[string]any{}, Tenants: map[string]string{"payments": "payments"}, Refuse: map[string]string{}, folder: t.TempDir(),
	}
	b.server = httptest.NewTLSServer(http.HandlerFunc(b.serve))
	t.Cleanup(b.server.Close)
	for name, data := range map[string][]byte{"ca.crt": certificate(b.server.Certificate()), "token": []byte(Token + "\n")} {
		if err := os.WriteFile(filepath.Join(b.folder, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func certificate(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// Proxy is how to reach it.
func (b *Backend) Proxy() config.Proxy {
	return config.Proxy{URL: b.server.URL, CAFile: filepath.Join(b.folder, "ca.crt"), TokenFile: filepath.Join(b.folder, "token")}
}

// Requests are the logged requests that have the prefix, and forgets all.
func (b *Backend) Requests(prefix string) []string {
	b.Lock()
	defer b.Unlock()
	var found []string
	for _, line := range b.Log {
		if strings.HasPrefix(line, prefix) {
			found = append(found, line)
		}
	}
	b.Log = nil
	return found
}

// Held are the groups of a tenant at one API, as "namespace/group".
func (b *Backend) Held(path, tenant string) map[string]Group {
	b.Lock()
	defer b.Unlock()
	held := map[string]Group{}
	for namespace, groups := range b.Rules[path][tenant] {
		for name, g := range groups {
			held[namespace+"/"+name] = g
		}
	}
	return held
}

// Put stores a group behind everybody's back.
func (b *Backend) Put(path, tenant, namespace string, g Group) {
	b.Lock()
	defer b.Unlock()
	b.put(path, tenant, namespace, g)
}

func (b *Backend) put(path, tenant, namespace string, g Group) {
	if b.Rules[path] == nil {
		b.Rules[path] = map[string]map[string]map[string]Group{}
	}
	if b.Rules[path][tenant] == nil {
		b.Rules[path][tenant] = map[string]map[string]Group{}
	}
	if b.Rules[path][tenant][namespace] == nil {
		b.Rules[path][tenant][namespace] = map[string]Group{}
	}
	name, _ := g["name"].(string)
	b.Rules[path][tenant][namespace][name] = g
}

func (b *Backend) serve(w http.ResponseWriter, r *http.Request) {
	b.Lock()
	defer b.Unlock()
	name, removed := r.Header.Get(proxy.TenantHeader), r.Header.Get(proxy.TenantIDHeader)
	tenant := b.Tenants[name]
	switch {
	case r.Header.Get("Authorization") != "Bearer "+Token:
		http.Error(w, `{"error":"the token is not good"}`, http.StatusUnauthorized)
		return
	case removed != "" && (r.Method == http.MethodPost || b.live(removed)):
		http.Error(w, `{"status":"error","error":"this tenant is not removed; name it in X-Opsgen-Tenant (request r1)"}`, http.StatusForbidden)
		return
	case removed != "":
		tenant = removed
	case name == "":
		http.Error(w, `{"error":"name exactly one tenant in `+proxy.TenantHeader+`"}`, http.StatusBadRequest)
		return
	case tenant == "":
		http.Error(w, `{"status":"error","error":"there is no such tenant (request r1)"}`, http.StatusForbidden)
		return
	}
	if removed == "" {
		w.Header().Set(proxy.TenantIDHeader, tenant)
	}
	b.Log = append(b.Log, r.Method+" "+r.URL.EscapedPath())
	if b.Fail != nil && b.Fail(w, r) {
		return
	}
	if r.URL.Path == "/api/v1/alerts" {
		b.alerts(w, r, tenant)
		return
	}
	for _, path := range []string{"/api/v1/rules", "/loki/api/v1/rules"} {
		if rest, ok := strings.CutPrefix(r.URL.EscapedPath(), path); ok {
			b.rules(w, r, path, tenant, strings.Split(strings.Trim(rest, "/"), "/"))
			return
		}
	}
	http.Error(w, `{"error":"there is nothing at this path"}`, http.StatusNotFound)
}

// live says that an ID is that of a tenant which the proxy knows.
func (b *Backend) live(id string) bool {
	for _, of := range b.Tenants {
		if of == id {
			return true
		}
	}
	return false
}

func (b *Backend) rules(w http.ResponseWriter, r *http.Request, path, tenant string, parts []string) {
	for i := range parts {
		parts[i], _ = url.PathUnescape(parts[i])
	}
	held := b.Rules[path][tenant]
	switch {
	case r.Method == http.MethodGet && len(held) == 0:
		http.Error(w, "no rule groups found", http.StatusNotFound)
	case r.Method == http.MethodGet:
		list := map[string][]Group{}
		for namespace, groups := range held {
			for _, g := range groups {
				list[namespace] = append(list[namespace], g)
			}
		}
		write(w, list)
	case r.Method == http.MethodPost:
		body, _ := io.ReadAll(r.Body)
		var g Group
		if yaml.Unmarshal(body, &g) != nil || g["name"] == nil {
			http.Error(w, "unable to decoded rule group", http.StatusBadRequest)
			return
		}
		if b.refuses(w, string(body)) {
			return
		}
		b.put(path, tenant, parts[0], g)
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"status":"success","data":null,"errorType":"","error":""}`)
	case len(parts) == 1:
		if held[parts[0]] == nil {
			http.Error(w, "group namespace does not exist", http.StatusNotFound)
			return
		}
		delete(held, parts[0])
		w.WriteHeader(http.StatusAccepted)
	case held[parts[0]][parts[1]] == nil:
		http.Error(w, "group does not exist", http.StatusNotFound)
	default:
		delete(held[parts[0]], parts[1])
		if len(held[parts[0]]) == 0 {
			delete(held, parts[0])
		}
		w.WriteHeader(http.StatusAccepted)
	}
}

func (b *Backend) alerts(w http.ResponseWriter, r *http.Request, tenant string) {
	switch r.Method {
	case http.MethodGet:
		if b.Alerting[tenant] == nil {
			http.Error(w, "alertmanager storage object not found", http.StatusNotFound)
			return
		}
		write(w, b.Alerting[tenant])
	case http.MethodPost:
		body, _ := io.ReadAll(r.Body)
		var c map[string]any
		if yaml.Unmarshal(body, &c) != nil {
			http.Error(w, "error marshalling YAML Alertmanager config", http.StatusBadRequest)
			return
		}
		if !b.refuses(w, string(body)) {
			b.Alerting[tenant] = c
			w.WriteHeader(http.StatusCreated)
		}
	case http.MethodDelete:
		delete(b.Alerting, tenant)
	}
}

func (b *Backend) refuses(w http.ResponseWriter, body string) bool {
	for text, message := range b.Refuse {
		if strings.Contains(body, text) {
			http.Error(w, message, http.StatusBadRequest)
			return true
		}
	}
	return false
}

func write(w http.ResponseWriter, content any) {
	text, err := yaml.Marshal(content)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(text)
}
