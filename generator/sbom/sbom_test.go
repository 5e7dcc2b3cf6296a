package sbom_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/sbom"
)

var digest = "sha256:" + strings.Repeat("ab", 32)

func input() sbom.Input {
	return sbom.Input{
		Name: "prod", Registry: "mirror.example.com",
		Bundle: &bundle.Bundle{
			Version: "1.4.2",
			Sources: map[string]bundle.Source{
				"cert-manager": {Module: "github.com/cert-manager/cert-manager", Version: "v1.0.0", Sum: "h1:x"},
				"chart":        {OCI: "oci://registry.example.com/charts/thing", Version: "1.2.3+a", Sum: digest},
				"file":         {URL: "https://example.com/a.tgz?x=1&y=2", Version: "1.0.0", Sum: digest},
			},
			Images: map[string]bundle.Image{
				"loki":  {Repository: "docker.io/grafana/loki", Tag: "3.7.8", Digest: digest},
				"other": {Repository: "registry.example.com/own", Tag: "v1"},
			},
		},
		Modules: []sbom.Module{
			{Path: "example.com/b", Version: "v1.0.0+incompatible", Sum: "h1:y", Indirect: true}, {Path: "example.com/a", Version: "v0.1.0"},
		},
	}
}

func decode(t *testing.T, text []byte) *cdx.BOM {
	t.Helper()
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	return &bom
}

func encode(t *testing.T, in sbom.Input, format string) []byte {
	t.Helper()
	text, err := sbom.Encode(in, format)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestComponents(t *testing.T) {
	bom := decode(t, encode(t, input(), sbom.JSON))
	got := map[string]string{}
	for _, c := range *bom.Components {
		text := c.PackageURL
		if c.Licenses != nil {
			text += " " + (*c.Licenses)[0].License.ID
		}
		if c.Hashes != nil {
			text += " sha256"
		}
		got[c.BOMRef] = text
	}
	escaped := "sha256%3A" + strings.Repeat("ab", 32)
	want := map[string]string{
		"source:cert-manager": "pkg:golang/github.com/cert-manager/cert-manager@v1.0.0 Apache-2.0",
		"source:chart":        "pkg:oci/thing@" + escaped + "?repository_url=registry.example.com%2Fcharts%2Fthing&tag=1.2.3%2Ba sha256",
		"source:file":         "pkg:generic/file@1.0.0?download_url=https%3A%2F%2Fexample.com%2Fa.tgz%3Fx%3D1%26y%3D2 sha256",
		"image:loki":          "pkg:oci/loki@" + escaped + "?repository_url=mirror.example.com%2Fdocker.io%2Fgrafana%2Floki&tag=3.7.8 AGPL-3.0-only sha256",
		"image:other":         "pkg:oci/own?repository_url=mirror.example.com%2Fregistry.example.com%2Fown&tag=v1",
		"pkg:golang/example.com/b@v1.0.0%2Bincompatible": "pkg:golang/example.com/b@v1.0.0%2Bincompatible",
		"pkg:golang/example.com/a@v0.1.0":                "pkg:golang/example.com/a@v0.1.0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	if refs := (*bom.Dependencies)[0].Dependencies; len(*refs) != len(want) {
		t.Errorf("the bundle depends on %d components, want %d", len(*refs), len(want))
	}
}

func TestSameInputSameBytes(t *testing.T) {
	for _, format := range []string{sbom.JSON, sbom.XML} {
		first := encode(t, input(), format)
		in := input()
		slices.Reverse(in.Modules)
		if !bytes.Equal(first, encode(t, in, format)) {
			t.Errorf("%s: two bills of one bundle differ", format)
		}
		if bytes.Contains(first, []byte("timestamp")) {
			t.Errorf("%s: it holds a time", format)
		}
		in.Time = time.Unix(1700000000, 0)
		dated := encode(t, in, format)
		if !bytes.Contains(dated, []byte("2023-11-14T22:13:20Z")) {
			t.Errorf("%s: the time that was given is not in it", format)
		}
		in.Bundle.Version = "1.4.3"
		if a, b := serialOf(first), serialOf(encode(t, in, format)); a == b {
			t.Errorf("%s: two bundles share the serial number %s", format, a)
		}
	}
}

func serialOf(text []byte) string {
	i := bytes.Index(text, []byte("urn:uuid:"))
	return string(text[i : i+len("urn:uuid:00000000-0000-0000-0000-000000000000")])
}

// The format's own schema accepts the bill of this very repository.
func TestOwnBillIsValid(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	for _, name := range []string{"bom-1.6.schema.json", "spdx.schema.json", "jsf-0.82.schemax.json"} {
		file, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "schema", name))
		if err != nil {
			t.Fatal(err)
		}
		text, err := jsonschema.UnmarshalJSON(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		// The two others are referred to by name, beside the first.
		address := "http://cyclonedx.org/schema/" + strings.Replace(name, "schemax", "schema", 1)
		if err := compiler.AddResource(address, text); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join("..", "..")
	repo, err := repository.LoadBundle(root)
	if err != nil {
		t.Fatal(err)
	}
	modules, err := sbom.ReadModules(root)
	if err != nil {
		t.Fatal(err)
	}
	text := encode(t, sbom.Input{Name: "opsgen-bundle", Bundle: repo.Bundle, Modules: modules}, sbom.JSON)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("the bill is not valid:\n%v", err)
	}
	for _, c := range *decode(t, text).Components {
		if c.Type == cdx.ComponentTypeContainer && c.Licenses == nil {
			t.Errorf("the licence of %s is not known; add it to licences", c.Name)
		}
		if c.Type == cdx.ComponentTypeLibrary && c.Properties == nil {
			t.Errorf("%s %s has no checksum", c.Name, c.Version)
		}
	}
}

// The modules of a program are those that are linked into it, each once.
func TestBinaryModules(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	if output, err := exec.Command("go", "build", "-o", program, "./testdata/program").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	modules, err := sbom.ReadBinaries([]string{program, program})
	if err != nil {
		t.Fatal(err)
	}
	if len(modules) != 1 || modules[0].Path != "golang.org/x/mod" || !strings.HasPrefix(modules[0].Sum, "h1:") {
		t.Errorf("modules are %+v", modules)
	}
	if _, err := sbom.ReadBinaries([]string{"sbom_test.go"}); err == nil || !strings.Contains(err.Error(), "sbom_test.go") {
		t.Errorf("a file that is no program: %v", err)
	}
}

func TestReadModules(t *testing.T) {
	dir := t.TempDir()
	if modules, err := sbom.ReadModules(dir); modules != nil || err != nil {
		t.Errorf("without go.mod: %v %v", modules, err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module x\n\nrequire (\n\ta.b/c v1.0.0\n\ta.b/d v1.1.0 // indirect\n)\n")
	write("go.sum", "a.b/c v1.0.0 h1:c=\na.b/c v1.0.0/go.mod h1:m=\n")
	want := []sbom.Module{{Path: "a.b/c", Version: "v1.0.0", Sum: "h1:c="}, {Path: "a.b/d", Version: "v1.1.0", Indirect: true}}
	got, err := sbom.ReadModules(dir)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	write("go.mod", "module x\n\nreplace a.b/c => ../c\n")
	if _, err := sbom.ReadModules(dir); err == nil || !strings.Contains(err.Error(), "a.b/c") {
		t.Errorf("a replaced module: %v", err)
	}
}

func TestUsedImages(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.yaml": "image: r.example.com/a:1.0.0\n", "b/b.yaml": `args: ["--solver=r.example.com/b:1"]`,
		"c.yaml": "image: r.example.com/c:1.0.0-rc.1\n", "index.json": "r.example.com/d:1",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := sbom.UsedImages(dir, map[string]string{
		"a": "r.example.com/a:1.0.0", "b": "r.example.com/b:1", "c": "r.example.com/c:1.0.0", "d": "r.example.com/d:1",
	})
	if diff := cmp.Diff([]string{"a", "b"}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}
