package check_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/check"
	"github.com/opsgen/opsgen/generator/object"
)

// A world is a small platform with one tenant, in testdata/world/<layer>/<unit>.yaml, without a fault. Tests break it in
// one place. Keys are "<layer>/<unit>".
type world map[string]string

func readWorld(t testing.TB) world {
	t.Helper()
	files, err := filepath.Glob("testdata/world/*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no world: %v", err)
	}
	w := world{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel("testdata/world", file)
		w[strings.TrimSuffix(filepath.ToSlash(name), ".yaml")] = string(text)
	}
	return w
}

// units are the platform's, and those of tenants.
func (w world) units(t testing.TB) (platform, tenants []check.Unit) {
	t.Helper()
	for _, key := range keys(w) {
		layer, name, _ := strings.Cut(key, "/")
		u := check.Unit{Layer: layer, Name: name, Component: name, Objects: parse(t, w[key])}
		switch {
		case layer == "tenants":
			u.Tenant, u.Component = name, ""
			tenants = append(tenants, u)
			continue
		case strings.Contains(name, "-zone-"):
			u.Component, _, _ = strings.Cut(name, "-zone-")
		case key == "cluster/root":
			u.Name = ""
		}
		platform = append(platform, u)
	}
	return platform, tenants
}

func keys(w world) []string {
	var all []string
	for _, layer := range []string{"crds", "controllers", "config", "platform", "cluster", "tenants"} {
		for _, key := range sortedKeys(w) {
			if strings.HasPrefix(key, layer+"/") {
				all = append(all, key)
			}
		}
	}
	return all
}

func parse(t testing.TB, text string) []object.Object {
	t.Helper()
	var objects []object.Object
	for _, document := range strings.Split(text, "\n---\n") {
		content := map[string]any{}
		if err := yaml.Unmarshal([]byte(document), &content); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if len(content) > 0 {
			objects = append(objects, object.New(content, ""))
		}
	}
	return objects
}

func definitions(units []check.Unit) []object.Object {
	var crds []object.Object
	for _, u := range units {
		for _, o := range u.Objects {
			if o.GetKind() == "CustomResourceDefinition" {
				crds = append(crds, o)
			}
		}
	}
	return crds
}

// promised is what the world's operator makes by hand.
var promised = []string{"Secret/flux-system/git", "Secret/loki/object-store"}

// findings are all findings in a world, one a line, sorted as they come.
func (w world) findings(t testing.TB, kubernetes string) []string {
	t.Helper()
	platform, tenants := w.units(t)
	checker, err := check.New(definitions(platform))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	add := func(findings []check.Finding) {
		for _, f := range findings {
			lines = append(lines, f.String())
		}
	}
	for _, u := range append(platform, tenants...) {
		add(checker.Unit(u, kubernetes))
	}
	index, findings := checker.Platform(platform, promised...)
	add(findings)
	for _, u := range tenants {
		add(index.Tenant(u))
	}
	return lines
}

func TestTheWorldIsWithoutFault(t *testing.T) {
	for _, version := range []string{"1.34", "1.35", "1.36", "newest"} {
		for _, line := range readWorld(t).findings(t, version) {
			t.Errorf("%s: %s", version, line)
		}
	}
}
