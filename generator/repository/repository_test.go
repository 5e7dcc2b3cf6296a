package repository_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/repository"
)

const (
	versions = `version: 1.0.0
kubernetes: {minimum: "1.34", maximum: "1.36"}
sources: {a: {module: example.com/a, version: v1.0.0, sum: "h1:HYtsdaQUtoaZjmq9VGvSPXsWDp6LZq2xNFTWXw/c2f0="}}
images: {a: {repository: example.com/a, tag: "1"}}
`
	clusterText = `domain: obs.example.com
provider: {name: existing}
source: {url: "https://example.com/x", branch: main}
capacity:
  metrics: {activeSeries: 50k, retention: 15d}
  logs: {bytesPerDay: 2GB, retention: 7d}
`
	componentText = "description: d\nlayer: platform\nnamespace: a\n"
)

// files are a small sound repository with changes: an empty text removes a file.
func files(changes map[string]string) map[string]string {
	all := map[string]string{
		"versions.yaml": versions, "bases/a/component.yaml": componentText, "bases/lib/k.libsonnet": "{}",
		"clusters/prod/cluster.yaml": clusterText, "clusters/lab/cluster.yaml": clusterText, "clusters/README.md": "notes",
		"tenants/payments/tenant.yaml":         "clusters: [prod]\n",
		"tenants/payments/dashboards/one.json": "{}", "tenants/payments/dashboards/notes.md": "x",
	}
	for name, text := range changes {
		all[name] = text
	}
	return all
}

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		if text == "" {
			continue
		}
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestLoad(t *testing.T) {
	r, err := repository.Load(write(t, files(nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.ClusterNames, []string{"lab", "prod"}) || len(r.Clusters) != 2 || r.Clusters[0].Name != "lab" {
		t.Errorf("clusters: %v", r.ClusterNames)
	}
	if r.Clusters[0].Kubernetes != "1.36" {
		t.Errorf("a cluster has no defaults: Kubernetes %q", r.Clusters[0].Kubernetes)
	}
	if len(r.Components) != 1 || r.Components["a"].Name != "a" {
		t.Errorf("components: %v; a folder without component.yaml is none", r.Components)
	}
	if len(r.Tenants) != 1 || r.Tenants[0].Name != "payments" || len(r.Tenants[0].Files.Dashboards) != 1 || r.Tenants[0].Files.Dashboards["one.json"] != "{}" {
		t.Errorf("tenants: %+v", r.Tenants)
	}
	r, err = repository.Load(r.Root, []string{"prod", "prod"})
	if err != nil || len(r.Clusters) != 1 || len(r.ClusterNames) != 2 {
		t.Errorf("one chosen cluster: %v, %v", r.Clusters, err)
	}
}

func TestProblems(t *testing.T) {
	for name, test := range map[string]struct {
		changes map[string]string
		chosen  []string
		// want are parts of the text, and count is the number of problems.
		want  []string
		count int
	}{
		"all files at once": {
			changes: map[string]string{
				"versions.yaml": versions + "x: 1\n", "bases/a/component.yaml": componentText + "x: 1\n",
				"clusters/prod/cluster.yaml": clusterText + "x: 1\n", "tenants/payments/tenant.yaml": "clusters: [prod]\nx: 1\n",
			},
			want: []string{
				"bases/a/component.yaml:4:1: unknown field", "clusters/prod/cluster.yaml:7:1: unknown field",
				"tenants/payments/tenant.yaml:2:1: unknown field", "versions.yaml:5:1: unknown field",
			},
			count: 4,
		},
		"no bill of materials": {changes: map[string]string{"versions.yaml": ""}, want: []string{"versions.yaml: the file does not exist"}, count: 1},
		"a misspelt cluster": {
			chosen: []string{"prd", "staging"},
			want:   []string{`there is no cluster "prd"`, `Did you mean "prod"?`, `there is no cluster "staging"`, "Clusters are: lab, prod."}, count: 2,
		},
		"no clusters": {
			changes: map[string]string{"clusters/prod/cluster.yaml": "", "clusters/lab/cluster.yaml": ""},
			want:    []string{"there is no cluster: no folder of clusters/", "opsgen init"}, count: 1,
		},
		"a tenant of a missing cluster": {
			changes: map[string]string{"tenants/payments/tenant.yaml": "clusters:\n- prod\n- prot\n"},
			want:    []string{`tenants/payments/tenant.yaml:3:3: there is no cluster "prot"`, `Did you mean "prod"?`}, count: 1,
		},
		"names of a component that are not there": {
			changes: map[string]string{"bases/a/component.yaml": componentText + "requires: [b, a]\nproviders: [awss]\nsources: [b, a]\nchart: {source: c, path: .}\n"},
			want: []string{
				`bases/a/component.yaml:4:12: there is no component "b"`, "Components are: a.", `5:13: there is no provider "awss"`,
				`Did you mean "aws"?`, `6:11: there is no source "b"`, `7:17: there is no source "c"`,
			},
			count: 4,
		},
		"a tenant that no name is":    {changes: map[string]string{"tenants/A_b/tenant.yaml": "clusters: [prod]\n"}, want: []string{"tenants/A_b: "}, count: 1},
		"a folder in a file's place":  {changes: map[string]string{"tenants/x/tenant.yaml/y": "z"}, want: []string{"tenants/x/tenant.yaml: cannot be read: is a directory"}, count: 1},
		"a folder as a dashboard":     {changes: map[string]string{"tenants/payments/dashboards/two.json/y": "z"}, want: []string{"tenants/payments/dashboards/two.json/y: opsgen does not read this file"}, count: 1},
		"a broken and an absent file": {changes: map[string]string{"tenants/payments/tenant.yaml": "clusters: [", "versions.yaml": ""}, want: []string{"not valid YAML", "does not exist"}, count: 2},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := repository.Load(write(t, files(test.changes)), test.chosen)
			var problems document.Problems
			if !errors.As(err, &problems) || len(problems) != test.count {
				t.Fatalf("got %v, want %d problems", err, test.count)
			}
			last := -1
			for _, want := range test.want {
				at := strings.Index(err.Error(), want)
				if at <= last {
					t.Errorf("%q does not follow in\n%v", want, err)
				}
				last = at
			}
		})
	}
}

func TestFindRoot(t *testing.T) {
	root := write(t, files(nil))
	for _, below := range []string{".", "clusters/prod", "bases/a"} {
		got, err := repository.FindRoot(filepath.Join(root, below))
		if err != nil || got != root {
			t.Errorf("from %s: %s, %v", below, got, err)
		}
	}
	outside := t.TempDir()
	if got, err := repository.FindRoot(outside); err == nil || !strings.Contains(err.Error(), "--root") {
		t.Errorf("outside of a repository: %s, %v", got, err)
	}
}

func TestLoadBundleNeedsNothingElse(t *testing.T) {
	r, err := repository.LoadBundle(write(t, map[string]string{"versions.yaml": versions, "clusters/x/cluster.yaml": "broken: ["}))
	if err != nil || r.Bundle.Version != "1.0.0" {
		t.Errorf("got %v, %v", r, err)
	}
}

// TestLinksOutOfTheRepositoryAreRefused plants a link to a file of the machine that renders: its text must not come into
// a message, nor into what is rendered.
func TestLinksOutOfTheRepositoryAreRefused(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(secret, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"clusters/prod/cluster.yaml", "tenants/payments/tenant.yaml", "tenants/payments/dashboards/one.json"} {
		root := write(t, files(nil))
		if err := os.Remove(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(secret, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
		_, err := repository.Load(root, nil)
		if err == nil || !strings.Contains(err.Error(), name+": ") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
