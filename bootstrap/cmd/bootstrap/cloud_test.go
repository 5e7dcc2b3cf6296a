package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/bootstrap/gcp/gcpfake"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// place is a project on Google Cloud with this program before it, and perhaps a Kubernetes that answers.
type place struct {
	*gcpfake.Cloud
	root string
	// answers says whether the Kubernetes API does.
	answers bool
	// kubernetes are the objects that it has ("services/proxy/front-door").
	mu      sync.Mutex
	objects map[string]bool
}

// inPlace runs a test in fake time.
func inPlace(t *testing.T, do func(t *testing.T, p *place)) {
	t.Helper()
	root, _ := fixture(t)
	key, err := googleKey()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "key.json")
	if err := os.WriteFile(file, key, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	synctest.Test(t, func(t *testing.T) {
		do(t, &place{Cloud: gcpfake.New(10*time.Minute, 3*time.Minute), root: root, answers: true, objects: map[string]bool{"services/proxy/front-door": true}})
	})
}

// googleKey is a key file as Google gives them.
var googleKey = sync.OnceValues(func() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]string{
		"type": "service_account", "client_email": "deployer@acme-observability.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})),
	})
})

// RoundTrip implements http.RoundTripper: the cloud's APIs, and the cluster's.
func (p *place) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Host, ".gke.goog") {
		return killtest.Direct(p.Cloud).RoundTrip(r)
	}
	if !p.answers {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("i/o timeout")}
	}
	return killtest.Direct(http.HandlerFunc(p.serveKubernetes)).RoundTrip(r)
}

// serveKubernetes knows Services, and nothing of every other kind.
func (p *place) serveKubernetes(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	resource := func(name, kind string, namespaced bool) string {
		return fmt.Sprintf(`{"name":%q,"kind":%q,"namespaced":%t,"verbs":["get","list","delete","create","patch"]}`, name, kind, namespaced)
	}
	path := strings.Trim(r.URL.Path, "/")
	text := map[string]string{
		"version":      `{"major":"1","minor":"35","gitVersion":"v1.35.2-gke.1010"}`,
		"api":          `{"kind":"APIVersions","versions":["v1"]}`,
		"apis":         `{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}],"preferredVersion":{"groupVersion":"apps/v1","version":"v1"}}]}`,
		"apis/apps/v1": `{"kind":"APIResourceList","groupVersion":"apps/v1","resources":[` + resource("statefulsets", "StatefulSet", true) + `]}`,
		"api/v1": `{"kind":"APIResourceList","groupVersion":"v1","resources":[` + resource("services", "Service", true) + "," + resource("namespaces", "Namespace", false) + "," +
			resource("pods", "Pod", true) + "," + resource("persistentvolumeclaims", "PersistentVolumeClaim", true) + `]}`,
		"api/v1/services":               `{"kind":"ServiceList","apiVersion":"v1","items":[` + p.services() + `]}`,
		"api/v1/persistentvolumeclaims": `{"kind":"PersistentVolumeClaimList","apiVersion":"v1","items":[]}`,
		"apis/apps/v1/statefulsets":     `{"kind":"StatefulSetList","apiVersion":"apps/v1","items":[]}`,
	}[path]
	switch {
	case r.Method == http.MethodDelete && p.objects["services/proxy/front-door"]:
		delete(p.objects, "services/proxy/front-door")
		text = `{"kind":"Status","apiVersion":"v1","status":"Success"}`
	case text == "":
		w.WriteHeader(http.StatusNotFound)
		text = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return // the caller is gone
	}
}

func (p *place) services() string {
	if !p.objects["services/proxy/front-door"] {
		return ""
	}
	return `{"kind":"Service","apiVersion":"v1","metadata":{"name":"front-door","namespace":"proxy"},"spec":{"type":"LoadBalancer"}}`
}

// run is one run of the program: what a person would see.
func (p *place) run(ctx context.Context, input string, arguments ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	a := &app{stdin: strings.NewReader(input), stdout: &out, stderr: &errs, reach: func(t *provider.Target) {
		t.Transport = p
		t.LookupNS = func(context.Context, string) ([]*net.NS, error) { return nil, &net.DNSError{IsNotFound: true} }
	}}
	code = a.execute(ctx, append(arguments, "--root", p.root))
	return code, out.String(), errs.String()
}

// must is run with the wanted exit code; it gives everything that was printed.
func (p *place) must(t *testing.T, want int, arguments ...string) string {
	t.Helper()
	code, out, errs := p.run(t.Context(), "", arguments...)
	if code != want {
		t.Fatalf("bootstrap %s: exit %d, want %d\n%s\n%s", strings.Join(arguments, " "), code, want, out, errs)
	}
	t.Logf("$ bootstrap %s\n%s%s", strings.Join(arguments, " "), errs, out)
	return errs + out
}

func has(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, part := range wanted {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
}

// TestAUsersDay: what a person would type in the first hour.
func TestAUsersDay(t *testing.T) {
	inPlace(t, func(t *testing.T, p *place) {
		has(t, p.must(t, exitOK, "plan", "clusters/prod"), "gcp acme-observability europe-west3 · GKE 1.35 · 3 zones", "to create, 0 to change")
		has(t, p.must(t, exitOK, "plan", "prod", "--graph"), "control-plane", "together")
		has(t, p.must(t, exitFailed, "status", "prod"), "not ready", "none of 3 is there")
		has(t, p.must(t, exitFailed, "kubeconfig", "prod"), "there is no cluster yet")
		has(t, p.must(t, exitOK, "up", "prod", "--until", "cluster", "--yes"), "done until cluster")
		has(t, p.must(t, exitOK, "plan", "prod", "--until", "cluster", "--check"), "0 to create")
		has(t, p.must(t, exitFailed, "status", "prod"), "flux")
		has(t, p.must(t, exitOK, "kubeconfig", "prod"), "server: https://gke-1a2b3c", "command: ")
		has(t, p.must(t, exitOK, "token", "prod", "--provider", "gcp", "--region", "europe-west3", "--account", "acme-observability"), "ya29.")
	})
}

// TestDownNeedsNoKubernetes: one that the cloud does not have, that never came up, or that is on its way out is not asked; one
// that should answer and does not is told, and given up only by a person.
func TestDownNeedsNoKubernetes(t *testing.T) {
	const cluster = "projects/acme-observability/locations/europe-west3/clusters/prod"
	down := []string{"down", "prod", "--confirm", "prod"}
	gone := func(t *testing.T, p *place) {
		t.Helper()
		for _, kind := range []string{"clusters", "nodePools", "networks", "forwardingRules", "firewalls", "routers", "serviceAccounts"} {
			if n := p.Count(kind); n > 0 {
				t.Errorf("%d of %s are left", n, kind)
			}
		}
		if p.Count("buckets") != 3 {
			t.Error("the data is gone")
		}
	}
	for name, test := range map[string]struct {
		before func(t *testing.T, p *place)
		do     func(t *testing.T, p *place)
	}{
		"nothing was ever made": {func(*testing.T, *place) {}, func(t *testing.T, p *place) {
			has(t, p.must(t, exitOK, down...), "there is nothing of the cluster prod", "leftovers by tag and by name: none")
			if p.Count("buckets") > 0 {
				t.Error("down has made a bucket")
			}
		}},
		"it answers": {nil, func(t *testing.T, p *place) {
			p.must(t, exitOK, down...)
			if len(p.objects) > 0 {
				t.Error("the load balancer was not removed by Kubernetes")
			}
			gone(t, p)
		}},
		"deleted by hand": {func(t *testing.T, p *place) { p.Lose(cluster) }, func(t *testing.T, p *place) {
			has(t, p.must(t, exitOK, down...), "volume europe-west3-a/pvc-0001")
			gone(t, p)
		}},
		"it does not answer": {func(_ *testing.T, p *place) { p.answers = false }, func(t *testing.T, p *place) {
			began := time.Now()
			has(t, p.must(t, exitFailed, down...), "does not answer", "i/o timeout", "nothing was changed", "--without-kubernetes")
			if took := time.Since(began); took > time.Minute {
				t.Errorf("it took %s to say so", took)
			}
			if p.Count("clusters") != 1 {
				t.Error("it was removed nevertheless")
			}
			has(t, p.must(t, exitOK, append(down, "--without-kubernetes")...), "Kubernetes is not asked", "volume europe-west3-a/pvc-0001")
			gone(t, p)
		}},
		"a down that was killed": {func(t *testing.T, p *place) {
			p.answers = false
			p.Remove(cluster)
		}, func(t *testing.T, p *place) {
			has(t, p.must(t, exitOK, down...), "being deleted already")
			gone(t, p)
		}},
		"it failed to come up": {func(_ *testing.T, p *place) {
			p.answers = false
			p.Break(cluster)
		}, func(t *testing.T, p *place) {
			has(t, p.must(t, exitOK, down...), "never came up")
			gone(t, p)
		}},
		"it is coming up": {func(t *testing.T, p *place) {
			p.must(t, exitOK, down...)
			ctx, stop := context.WithTimeout(t.Context(), 4*time.Minute)
			defer stop()
			if code, _, _ := p.run(ctx, "", "up", "prod", "--until", "cluster", "--yes"); code != exitStopped {
				t.Fatalf("exit %d", code)
			}
			p.answers = false
		}, func(t *testing.T, p *place) {
			p.must(t, exitOK, down...)
			gone(t, p)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inPlace(t, func(t *testing.T, p *place) {
				if name != "nothing was ever made" {
					p.must(t, exitOK, "up", "prod", "--until", "cluster", "--yes")
				}
				if test.before != nil {
					test.before(t, p)
				}
				test.do(t, p)
			})
		})
	}
}

// TestSilentKubernetesIsToldBesideTheCloud: what can be known is shown, soon.
func TestSilentKubernetesIsToldBesideTheCloud(t *testing.T) {
	inPlace(t, func(t *testing.T, p *place) {
		p.must(t, exitOK, "up", "prod", "--until", "cluster", "--yes")
		p.answers = false
		has(t, p.must(t, exitFailed, "status", "prod"), "kubernetes", "does not answer", "network")
		has(t, p.must(t, exitFailed, "plan", "prod"), "! Kubernetes", "--until cluster", "as they should be")
		has(t, p.must(t, exitOK, "kubeconfig", "prod"), "server: https://gke-1a2b3c")
		code, out, _ := p.run(t.Context(), "", "status", "prod", "-o", "json")
		var h health
		if err := json.Unmarshal([]byte(out), &h); err != nil || code != exitFailed || h.Ready || !strings.Contains(h.Kubernetes, "i/o timeout") {
			t.Errorf("exit %d, %v, %s", code, err, out)
		}
	})
}
