package install

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// api is as much of Kubernetes as keeps Secrets and ConfigMaps.
func api(t *testing.T, made map[string]string) *httptest.Server {
	t.Helper()
	resources := `{"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"secrets","kind":"Secret","namespaced":true,"verbs":["get","create"]},
		{"name":"configmaps","kind":"ConfigMap","namespaced":true,"verbs":["get","create"]}]}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		switch text, there := made[r.URL.Path]; {
		case r.URL.Path == "/api":
			fmt.Fprint(w, `{"kind":"APIVersions","versions":["v1"]}`)
		case r.URL.Path == "/apis":
			fmt.Fprint(w, `{"kind":"APIGroupList","apiVersion":"v1","groups":[]}`)
		case r.URL.Path == "/api/v1":
			fmt.Fprint(w, resources)
		case r.Method == http.MethodPost:
			_, name, _ := strings.Cut(string(body), `"name":"`)
			name, _, _ = strings.Cut(name, `"`)
			made[r.URL.Path+"/"+name] = string(body)
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, string(body))
		case there:
			fmt.Fprint(w, text)
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// TestNamedObjectsAreMadeOnceAndNeverReplaced: what is there may have been rotated since.
func TestNamedObjectsAreMadeOnceAndNeverReplaced(t *testing.T) {
	made := map[string]string{"/api/v1/namespaces/proxy/secrets/client": `{"kind":"Secret","apiVersion":"v1","metadata":{"name":"client","namespace":"proxy"}}`}
	server := api(t, made)
	g := engine.NewGraph("lab", "1")
	i := &installer{graph: g, Options: Options{Kubernetes: provider.Kubernetes{
		Config: func(context.Context) (*rest.Config, error) {
			return &rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}, nil
		},
	}}}
	start := engine.Add(g, engine.Resource[none]{Name: "flux/namespaces", Find: func(context.Context) (engine.State[none], error) {
		return engine.State[none]{Condition: engine.Ready, Tags: g.Tags("flux/namespaces")}, nil
	}})
	i.addNamed(Named{Option: "source.verifySecret", Namespace: "flux-system", Name: "signers", Data: map[string][]byte{"ada.sshpub": []byte("key")}}, start)
	i.addNamed(Named{Option: "login.clientSecret", Namespace: "proxy", Name: "client", Data: map[string][]byte{"client-secret": []byte("new")}}, start)
	i.addNamed(Named{Option: "login.ca", ConfigMap: true, Namespace: "proxy", Name: "authority", Data: map[string][]byte{"ca.crt": []byte("ca")}}, start)
	i.addNamed(Named{Option: "login.other", Namespace: "proxy", Name: "nobody"}, start)
	classify := func(err error) engine.Verdict { verdict, _ := Classify(err); return verdict }
	report, err := g.Up(t.Context(), engine.Options{Classify: classify, Window: time.Second})
	if err != nil || report.Count(engine.Created) != 2 || report.Count(engine.Found) != 3 {
		t.Fatalf("%+v, %v", report, err)
	}
	if text := made["/api/v1/namespaces/flux-system/secrets/signers"]; !strings.Contains(text, `"ada.sshpub":"a2V5"`) || !strings.Contains(text, labelPartOf) {
		t.Errorf("the Secret is %s", text)
	}
	if text := made["/api/v1/namespaces/proxy/configmaps/authority"]; !strings.Contains(text, `"ca.crt":"ca"`) {
		t.Errorf("the ConfigMap is %s", text)
	}
	if strings.Contains(made["/api/v1/namespaces/proxy/secrets/client"], "bmV3") {
		t.Error("a Secret that was there was replaced")
	}
}
