package overlay_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/opsgen/opsgen/generator/object"
	"github.com/opsgen/opsgen/generator/overlay"
)

func statefulSet(name string) object.Object {
	return object.New(map[string]any{
		"apiVersion": "apps/v1", "kind": "StatefulSet",
		"metadata": map[string]any{"name": name, "namespace": "cortex"},
		"spec":     map[string]any{"replicas": int64(3)},
	}, "bases/cortex/zone.jsonnet")
}

const header = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"

func folder(text string) overlay.Folder {
	return overlay.Folder{Path: "overlays/aws/cortex", Files: map[string][]byte{"kustomization.yaml": []byte(text)}}
}

func TestApplyPatchesAndReadsFacts(t *testing.T) {
	patch := folder(header + `
patches:
- target: {kind: StatefulSet}
  patch: |
    - {op: replace, path: /spec/replicas, value: 5}
replacements:
- source: {kind: ConfigMap, name: cluster-facts, fieldPath: data.region}
  targets:
  - select: {kind: StatefulSet}
    fieldPaths: [metadata.annotations.region]
    options: {create: true}
`)
	got, found, err := overlay.Apply(overlay.Unit{Objects: []object.Object{statefulSet("ingester")}, Facts: map[string]string{"region": "eu-central-1"}}, patch)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 {
		t.Fatalf("got %d objects, want 1: the facts must not be written", len(got))
	}
	if diff := cmp.Diff([]string{"patches[0]"}, found); diff != "" {
		t.Errorf("patches that found an object:\n%s", diff)
	}
	if got[0].GetAnnotations()["region"] != "eu-central-1" || got[0].Origin != "bases/cortex/zone.jsonnet" {
		t.Errorf("annotations %v, origin %s", got[0].GetAnnotations(), got[0].Origin)
	}
	spec, _ := got[0].Object["spec"].(map[string]any)
	if spec["replicas"] != int64(5) {
		t.Errorf("replicas are %v (%T), want 5", spec["replicas"], spec["replicas"])
	}
}

func TestApplyRefusesWhatLeavesTheFolder(t *testing.T) {
	for text, want := range map[string]string{
		header + "resources: [https://example.com/x.yaml]":               "is not a file of this folder",
		header + "resources: [github.com/acme/x]":                        "is not a file of this folder",
		header + "components: [../../../../x]":                           "is not a file of this folder",
		header + "helmCharts: [{name: x}]":                               "a chart is a component of its own",
		header + "resuorces: [x]":                                        `unknown field "resuorces"`,
		"kind: Kustomization\nresources: []":                             "write kind: Component",
		header + "patches: [{path: nothing.yaml}]":                       "nothing.yaml",
		header + "patches: [{patch: '- {op: add, path: /a, value: b}'}]": "must specify a target",
	} {
		_, _, err := overlay.Apply(overlay.Unit{Objects: []object.Object{statefulSet("ingester")}, Adds: true}, folder(text))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "overlays/aws/cortex/kustomization.yaml") {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	if _, _, err := overlay.Apply(overlay.Unit{}, overlay.Folder{Path: "patches/x", Files: map[string][]byte{}}); err == nil {
		t.Error("a folder without kustomization.yaml is accepted")
	}
}

// TestFolderFitsEachUnit applies one folder to the unit that it adds to, and to another one, where the objects that it names
// are not: nothing is added twice, and no patch fails for want of its object.
func TestFolderFitsEachUnit(t *testing.T) {
	patches := folder(header + `
resources: [extra.yaml]
configMapGenerator: [{name: made, literals: [a=b]}]
generatorOptions: {disableNameSuffixHash: true}
patches:
- path: both.yaml
- target: {kind: StatefulSet, name: stor.*}
  patch: '- {op: replace, path: /spec/replicas, value: 7}'
- target: {kind: StatefulSet, labelSelector: team=none}
  patch: '- {op: replace, path: /spec/replicas, value: 9}'
`)
	patches.Files["extra.yaml"] = []byte("{apiVersion: v1, kind: ConfigMap, metadata: {name: extra, namespace: cortex}}")
	patches.Files["both.yaml"] = []byte("{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: ingester}, spec: {replicas: 5}}\n---\n" +
		"{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: store-gateway, namespace: cortex}, spec: {serviceName: x}}\n---\n" +
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: extra}, data: {c: d}}\n")
	for name, test := range map[string]struct {
		adds    bool
		objects []string
		found   []string
	}{
		"ingester":      {true, []string{"StatefulSet cortex/ingester 5", "ConfigMap cortex/extra 0", "ConfigMap made 0"}, []string{"patches[0]"}},
		"store-gateway": {false, []string{"StatefulSet cortex/store-gateway 7"}, []string{"patches[0]", "patches[1]"}},
		"compactor":     {false, []string{"StatefulSet cortex/compactor 3"}, nil},
	} {
		objects, found, err := overlay.Apply(overlay.Unit{Objects: []object.Object{statefulSet(name)}, Adds: test.adds}, patches)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, o := range objects {
			replicas, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
			got = append(got, fmt.Sprintf("%s %d", o.ID(), replicas))
		}
		if diff := cmp.Diff(test.objects, got); diff != "" {
			t.Errorf("%s has\n%s", name, diff)
		}
		if diff := cmp.Diff(test.found, found); diff != "" {
			t.Errorf("%s: patches that found an object\n%s", name, diff)
		}
	}
}

// TestReadStaysInTheRepository plants links to a file and a folder of the machine that renders.
func TestReadStaysInTheRepository(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		filepath.Join(outside, "kustomization.yaml"):              "secret",
		filepath.Join(root, "overlays/plain/kustomization.yaml"):  header,
		filepath.Join(root, "overlays/linked/kustomization.yaml"): header,
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{
		"overlays/away":          outside,
		"overlays/linked/p.yaml": filepath.Join(outside, "kustomization.yaml"),
	} {
		if err := os.Symlink(to, filepath.Join(root, from)); err != nil {
			t.Fatal(err)
		}
	}
	if _, found, err := overlay.Read(root, "overlays/plain"); !found || err != nil {
		t.Errorf("a plain folder: %t, %v", found, err)
	}
	if _, found, err := overlay.Read(root, "overlays/none"); found || err != nil {
		t.Errorf("no folder: %t, %v", found, err)
	}
	for _, folder := range []string{"overlays/away", "overlays/linked"} {
		if content, found, err := overlay.Read(root, folder); found || err == nil {
			t.Errorf("%s is read: %v", folder, content)
		}
	}
}
