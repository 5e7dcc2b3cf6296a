package chart_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/chart"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/source"
)

// pinned opens a source of the distribution's own versions.yaml.
func pinned(t testing.TB, name string) (*source.Tree, bundle.Source) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "versions.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var b bundle.Bundle
	if _, err := document.Decode("versions.yaml", text, &b); err != nil {
		t.Fatal(err)
	}
	tree, err := source.NewStore(source.Options{}).Fetch(t.Context(), name, b.Sources[name])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	return tree, b.Sources[name]
}

func pinnedRequest(t testing.TB, name, path string) chart.Request {
	t.Helper()
	tree, s := pinned(t, name)
	return chart.Request{
		FS: tree.FS(), Path: path, Sum: tree.Sum(), Version: s.Version, Release: name, Namespace: name,
		KubernetesVersion: "1.36", Origin: name,
	}
}

// The charts that the distribution pins render offline, without random functions, twice the same.
func TestPinnedCharts(t *testing.T) {
	for name, test := range map[string]struct {
		path  string
		kinds string
	}{
		"cert-manager": {"deploy/charts/cert-manager", "Deployment/cert-manager Deployment/cert-manager-webhook Deployment/cert-manager-cainjector"},
		"external-dns": {"charts/external-dns", "Deployment/external-dns ServiceAccount/external-dns"},
	} {
		t.Run(name, func(t *testing.T) {
			request := pinnedRequest(t, name, test.path)
			if name == "external-dns" {
				// The chart has no default for this one.
				request.Values = map[string]any{"policy": "upsert-only"}
			}
			result, err := chart.Render(request)
			if err != nil {
				t.Fatal(err)
			}
			names := map[string]bool{}
			for _, o := range result.Objects {
				names[o.GetKind()+"/"+o.GetName()] = true
				if o.GetKind() == "CustomResourceDefinition" {
					t.Errorf("%s is among the objects", o.ID())
				}
				if !strings.HasPrefix(o.Origin, name+"/"+test.path+"/templates/") {
					t.Errorf("%s has origin %s", o.ID(), o.Origin)
				}
			}
			for _, want := range strings.Fields(test.kinds) {
				if !names[want] {
					t.Errorf("%s is missing", want)
				}
			}
			second, err := chart.Render(request)
			if err != nil || yamlOf(t, second.Objects) != yamlOf(t, result.Objects) {
				t.Errorf("a second render differs: %v", err)
			}
			t.Log(len(result.Objects), "objects; dropped:", strings.Join(result.Dropped, "\n"))
		})
	}
}

func TestPinnedChartRefusesUnknownValues(t *testing.T) {
	request := pinnedRequest(t, "cert-manager", "deploy/charts/cert-manager")
	request.Values = map[string]any{"replicaCount": "two", "webhook": map[string]any{"replicas": 1}}
	_, err := chart.Render(request)
	if err == nil {
		t.Fatal("wrong values were accepted")
	}
	for _, part := range []string{"cert-manager/deploy/charts/cert-manager", "replicaCount: got string, want number", "webhook: additional properties 'replicas' not allowed"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message lacks %q:\n%v", part, err)
		}
	}
}

func BenchmarkPinnedChart(b *testing.B) {
	request := pinnedRequest(b, "cert-manager", "deploy/charts/cert-manager")
	var renderer chart.Renderer
	for b.Loop() {
		if _, err := renderer.Render(request); err != nil {
			b.Fatal(err)
		}
	}
}
