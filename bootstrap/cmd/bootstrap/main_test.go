package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// fixture is a repository with two clusters: lab is existing, prod is on Google Cloud. lab's kubeconfig leads nowhere.
func fixture(t *testing.T) (root, kubeconfig string) {
	t.Helper()
	root = t.TempDir()
	capacity := "capacity:\n  metrics: {activeSeries: 50k, retention: 15d}\n  logs: {bytesPerDay: 2GB, retention: 7d}\n"
	existing := "domain: obs.localhost\nprovider: {name: existing}\nsource: {url: 'ssh://git@git.example.com/a/b', branch: main, secret: git}\n" +
		capacity + "options: {topology: single-binary}\n"
	layer := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n"
	files := map[string]string{
		"clusters/prod/cluster.yaml":                                 cloudCluster + capacity,
		"clusters/prod/rendered/cluster/kustomization.yaml":          layer,
		"clusters/prod/rendered/crds/namespaces/kustomization.yaml":  layer,
		"clusters/prod/rendered/crds/flux/kustomization.yaml":        layer,
		"clusters/prod/rendered/controllers/flux/kustomization.yaml": layer,
		"versions.yaml":                                             "version: 1.0.0\nkubernetes: {minimum: '1.34', maximum: '1.36'}\nsources: {}\nimages: {}\n",
		"bases/README":                                              "",
		"clusters/lab/cluster.yaml":                                 existing,
		"clusters/unrendered/cluster.yaml":                          existing,
		"clusters/lab/rendered/cluster/kustomization.yaml":          layer,
		"clusters/lab/rendered/crds/namespaces/kustomization.yaml":  layer,
		"clusters/lab/rendered/crds/flux/kustomization.yaml":        layer,
		"clusters/lab/rendered/controllers/flux/kustomization.yaml": layer,
		"kubeconfig": "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: c}}]\n" +
			"clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: c, user: {}}]\n",
	}
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root, filepath.Join(root, "kubeconfig")
}

// cloudCluster is a cluster on Google Cloud.
const cloudCluster = "domain: obs.example.com\nkubernetes: '1.35'\nprovider:\n  name: gcp\n  account: acme-observability\n  region: europe-west3\n" +
	"  zones: [europe-west3-a, europe-west3-b, europe-west3-c]\n  storage: {metrics: acme-metrics, logs: acme-logs, rules: acme-rules}\n" +
	"dns: {zone: obs.example.com}\nsource: {url: 'https://git.example.com/a/b', branch: main}\n"

// try runs one command line.
func try(t *testing.T, input string, arguments ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(arguments, strings.NewReader(input), &out, &errs)
	return code, out.String(), errs.String()
}

func TestWhatTheRendererRefusesIsRefusedHereToo(t *testing.T) {
	root, kubeconfig := fixture(t)
	file := filepath.Join(root, "clusters", "lab", "cluster.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("{name: existing}"), []byte("{name: existing, endpoint: {private: true}}"), 1)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, problem := try(t, "", "plan", "lab", "--root", root, "--kubeconfig", kubeconfig)
	if code != exitUsage || !strings.Contains(problem, "clusters/lab/cluster.yaml:2:") || !strings.Contains(problem, "and the cluster's is existing") || out != "" {
		t.Errorf("exit %d, %q, %q", code, problem, out)
	}
}

func TestUnreachableClusterIsOneCheckAndChangesNothing(t *testing.T) {
	root, kubeconfig := fixture(t)
	common := []string{"--root", root, "--kubeconfig", kubeconfig}
	for _, command := range []string{"plan", "up"} {
		code, out, text := try(t, "", append([]string{command, "clusters/lab"}, common...)...)
		if code != exitFailed || !strings.Contains(out, "cannot be reached") || !strings.Contains(text, "nothing was changed") {
			t.Errorf("%s: exit %d\n%s%s", command, code, out, text)
		}
	}
	code, out, _ := try(t, "", append([]string{"plan", "lab", "-o", "json"}, common...)...)
	var r report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitFailed || r.Checks[0].Hint == "" {
		t.Errorf("exit %d, %v, %s", code, err, out)
	}
}

func TestKubeconfigOfAnotherContextIsRefused(t *testing.T) {
	root, kubeconfig := fixture(t)
	code, _, text := try(t, "", "plan", "lab", "--root", root, "--kubeconfig", kubeconfig, "--context", "other")
	if code != exitUsage || !strings.Contains(text, "--context") {
		t.Errorf("exit %d: %s", code, text)
	}
}

func TestHelpHasExamples(t *testing.T) {
	a := &app{}
	for _, command := range newRootCommand(a).Commands() {
		if command.Name() != "completion" && command.Example == "" {
			t.Errorf("%s has no examples", command.Name())
		}
	}
}

func TestPlanShowsSignsPricesAndProblems(t *testing.T) {
	var out bytes.Buffer
	root, kubeconfig := fixture(t)
	a := &app{stdout: &out, stderr: &bytes.Buffer{}}
	cmd := newRootCommand(a)
	plan, _, err := cmd.Find([]string{"plan"})
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.ParseFlags([]string{"--root", root, "--kubeconfig", kubeconfig}); err != nil {
		t.Fatal(err)
	}
	if err := a.load(plan); err != nil {
		t.Fatal(err)
	}
	s, err := a.open(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	s.printReport(&report{
		Place: "aws 1 · EKS", Currency: "USD", Prices: "2026-11", Sum: 2960.4,
		Monthly: []cost{{"flux/namespaces", 2212}},
		Steps: engine.Plan{
			{Resource: "flux/namespaces", Phase: "flux", Kind: "subnet", Action: engine.ActionCreate},
			{Resource: "flux/crds", Phase: "flux", Kind: "subnet", Action: engine.ActionChange, Changes: []engine.Change{{Field: "version", Have: "1.35", Want: "1.36"}}},
			{Resource: "layers/crds", Phase: "layers", Kind: "policy", Action: engine.ActionNone, Passive: true, Condition: "absent"},
		},
		Checks: []provider.Check{{Name: "quotas"}, {Name: "DNS", Problem: "no", Hint: "do", Warning: true}, {Name: "names", Problem: "taken", Hint: "choose"}},
	})
	for _, part := range []string{
		"~ flux         2 subnets", "2,212\n", "about 2,960 USD/month", "    ~ crds\n        version: 1.35 → 1.36\n", "preflight      quotas ok\n",
		"! names        taken\n               choose\n? DNS          no\n", "1 to create, 1 to change, 1 as they should be.",
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
}

func TestKindsAreCountedAsPeopleDo(t *testing.T) {
	for one, many := range map[string]string{
		"subnet": "subnets", "NAT gateway": "NAT gateways", "address": "addresses", "policy": "policies", "key": "keys", "pod identity": "pod identities",
	} {
		if got := plural(one); got != many {
			t.Errorf("two of %s are %s, want %s", one, got, many)
		}
	}
}

func TestDownWantsTheNameOfTheCluster(t *testing.T) {
	root, kubeconfig := fixture(t)
	var errs bytes.Buffer
	for answer, want := range map[string]bool{"lab\n": true, "lab": true, "yes\n": false, "": false, "other\n": false} {
		a := &app{stdin: strings.NewReader(answer), stdout: &bytes.Buffer{}, stderr: &errs}
		cmd := newRootCommand(a)
		down, _, err := cmd.Find([]string{"down"})
		if err != nil {
			t.Fatal(err)
		}
		if err := down.ParseFlags([]string{"--root", root, "--kubeconfig", kubeconfig}); err != nil {
			t.Fatal(err)
		}
		if err := a.load(down); err != nil {
			t.Fatal(err)
		}
		s, err := a.open(t.Context(), "clusters/lab/")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.agreeToRemove(nil); (err == nil) != want {
			t.Errorf("%q: %v", answer, err)
		}
	}
}
