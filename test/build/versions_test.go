package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// What the bed runs in another version than versions.yaml pins, and why. Nothing at present: an entry is
// "name of the image or source": {version that is built, reason}.
var declared = map[string]struct{ version, reason string }{}

// Programs by the image or source of versions.yaml that they are.
var pinned = map[string]string{
	"cortex":                  "cortex",
	"loki":                    "loki",
	"object-store":            "versitygw",
	"external-dns":            "external-dns",
	"source-controller":       "source-controller",
	"kustomize-controller":    "kustomize-controller",
	"cert-manager":            "certmanager",
	"cert-manager-controller": "certmanager",
	"cert-manager-webhook":    "certmanager",
	"cert-manager-cainjector": "certmanager",
}

func TestProgramsHaveTheVersionsThatAreShipped(t *testing.T) {
	folder, err := Folder("")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(folder, "..", "versions.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var versions struct {
		Kubernetes struct{ Maximum string }
		Sources    map[string]struct{ Version string }
		Images     map[string]struct{ Tag string }
	}
	if err := yaml.Unmarshal(data, &versions); err != nil {
		t.Fatal(err)
	}
	catalogue, err := Catalogue(folder)
	if err != nil {
		t.Fatal(err)
	}
	built := map[string]string{}
	for _, b := range catalogue {
		built[b.Name] = b.Version
	}
	if !strings.HasPrefix(built["hyper"], "v"+versions.Kubernetes.Maximum+".") {
		t.Errorf("the bed runs Kubernetes %s, versions.yaml ends with %s", built["hyper"], versions.Kubernetes.Maximum)
	}
	for name, program := range pinned {
		for kind, want := range map[string]string{"source": versions.Sources[name].Version, "image": versions.Images[name].Tag} {
			if want == "" {
				continue
			}
			got := strings.TrimPrefix(built[program], "v")
			difference, ok := declared[name]
			switch {
			case got == strings.TrimPrefix(want, "v") && ok:
				t.Errorf("%s %s: versions.yaml's %s is built; remove the declared difference", kind, name, want)
			case got != strings.TrimPrefix(want, "v") && !ok:
				t.Errorf("%s %s: versions.yaml pins %s, the bed builds %s: change the module's pin, or declare why not", kind, name, want, got)
			case ok && difference.version != got:
				t.Errorf("%s %s: %s is declared (%s), %s is built", kind, name, difference.version, difference.reason, got)
			}
		}
		if versions.Sources[name].Version == "" && versions.Images[name].Tag == "" {
			t.Errorf("%s is in versions.yaml neither as a source nor as an image", name)
		}
	}
}
