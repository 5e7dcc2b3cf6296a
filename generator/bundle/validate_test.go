package bundle_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/document"
)

const goodSum = "h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68="

var goodDigest = "sha256:" + strings.Repeat("0a", 32)

func valid() *bundle.Bundle {
	return &bundle.Bundle{
		Version:    "1.4.2",
		Kubernetes: bundle.KubernetesRange{Minimum: "1.34", Maximum: "1.36"},
		Sources: map[string]bundle.Source{
			"mod":   {Module: "example.com/mod", Version: "v1.2.3", Sum: goodSum},
			"chart": {OCI: "oci://registry.example.com/charts/thing", Version: "1.2.3+build", Sum: goodDigest},
			"file":  {URL: "https://example.com/thing-1.2.3.tgz", Version: "1.2.3", Sum: goodDigest},
		},
		Images: map[string]bundle.Image{
			"loki":  {Repository: "docker.io/grafana/loki", Tag: "3.7.8"},
			"local": {Repository: "localhost:5000/a__b/c-d", Tag: "v1", Digest: goodDigest, DigestFrom: "somebody"},
		},
	}
}

func TestProblems(t *testing.T) {
	source := func(s bundle.Source) func(*bundle.Bundle) {
		return func(b *bundle.Bundle) { b.Sources["x"] = s }
	}
	image := func(i bundle.Image) func(*bundle.Bundle) {
		return func(b *bundle.Bundle) { b.Images["x"] = i }
	}
	for name, test := range map[string]struct {
		change func(*bundle.Bundle)
		// want is a part of the only problem's message; empty for none.
		want string
	}{
		"a good bundle":       {func(*bundle.Bundle) {}, ""},
		"a pre-release":       {func(b *bundle.Bundle) { b.Version = "1.5.0-rc.1" }, ""},
		"a leading v":         {func(b *bundle.Bundle) { b.Version = "v1.0.0" }, `version "v1.0.0" is not a semantic version`},
		"a short version":     {func(b *bundle.Bundle) { b.Version = "1.0" }, "is not a semantic version"},
		"build metadata":      {func(b *bundle.Bundle) { b.Version = "1.0.0+7" }, "build metadata"},
		"range upside down":   {func(b *bundle.Bundle) { b.Kubernetes.Minimum = "1.37" }, "minimum 1.37 is newer than maximum 1.36"},
		"minors as numbers":   {func(b *bundle.Bundle) { b.Kubernetes.Minimum = "1.9" }, ""},
		"a full version":      {func(b *bundle.Bundle) { b.Kubernetes.Maximum = "1.36.1" }, "is not a Kubernetes minor"},
		"an odd source name":  {func(b *bundle.Bundle) { b.Sources["X.y"] = b.Sources["mod"] }, `"X.y" is not a usable name`},
		"no place":            {source(bundle.Source{Version: "v1.0.0", Sum: goodSum}), "does not say where it comes from"},
		"two places":          {source(bundle.Source{Module: "a.b/c", URL: "https://a.b/c", Version: "v1.0.0", Sum: goodSum}), "module and url"},
		"a bad module path":   {source(bundle.Source{Module: "/x", Version: "v1.0.0", Sum: goodSum}), "malformed module path"},
		"a module branch":     {source(bundle.Source{Module: "a.b/c", Version: "main", Sum: goodSum}), "is not a module version"},
		"a short module tag":  {source(bundle.Source{Module: "a.b/c", Version: "v1.2", Sum: goodSum}), "is not a module version"},
		"a wrong major":       {source(bundle.Source{Module: "a.b/c", Version: "v2.0.0", Sum: goodSum}), "should be v0 or v1"},
		"a digest for module": {source(bundle.Source{Module: "a.b/c", Version: "v1.0.0", Sum: goodDigest}), "is not the sum of a module"},
		"a cut sum":           {source(bundle.Source{Module: "a.b/c", Version: "v1.0.0", Sum: "h1:UWgo"}), "is not the sum of a module"},
		"oci with tag":        {source(bundle.Source{OCI: "oci://a.b/c:1", Version: "1", Sum: goodDigest}), "is not a chart's place"},
		"oci without scheme":  {source(bundle.Source{OCI: "a.b/c", Version: "1", Sum: goodDigest}), "is not a chart's place"},
		"oci with h1":         {source(bundle.Source{OCI: "oci://a.b/c", Version: "1", Sum: goodSum}), "is not a SHA-256 digest"},
		"plain http":          {source(bundle.Source{URL: "http://a.b/c.tgz", Version: "1", Sum: goodDigest}), "is not an https address"},
		"a password":          {source(bundle.Source{URL: "https://u:secret@a.b/c.tgz", Version: "1", Sum: goodDigest}), "does not belong in Git"},
		"upper-case digest":   {image(bundle.Image{Repository: "a.b/c", Tag: "1", Digest: strings.ToUpper(goodDigest)}), "is not a SHA-256 digest"},
		"latest":              {image(bundle.Image{Repository: "a.b/c", Tag: "latest"}), "the tag latest is refused"},
		"a bad tag":           {image(bundle.Image{Repository: "a.b/c", Tag: "a b"}), `"a b" is not a tag`},
		"no registry":         {image(bundle.Image{Repository: "grafana/loki", Tag: "1"}), "is not a repository with its registry"},
		"a tag twice":         {image(bundle.Image{Repository: "a.b/c:1", Tag: "1"}), "is not a repository with its registry"},
		"digestFrom alone":    {image(bundle.Image{Repository: "a.b/c", Tag: "1", DigestFrom: "x"}), "but there is none"},
		"the same repository": {image(bundle.Image{Repository: "docker.io/grafana/loki", Tag: "1"}), "images loki and x have the same repository"},
	} {
		t.Run(name, func(t *testing.T) {
			b := valid()
			test.change(b)
			problems := b.Problems(&document.Document{File: "versions.yaml"})
			if test.want == "" {
				if len(problems) != 0 {
					t.Fatalf("unexpected problems:\n%v", problems)
				}
				return
			}
			if len(problems) != 1 || !strings.Contains(problems[0].Error(), test.want) {
				t.Fatalf("got %d problems:\n%v\nwant one with %q", len(problems), problems, test.want)
			}
			if strings.Contains(problems.Error(), "secret") {
				t.Errorf("a password is shown: %v", problems)
			}
		})
	}
}

// The distribution's own versions.yaml must be without a problem, and every problem must name its line.
func TestOwnVersionsFile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "versions.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var b bundle.Bundle
	d, err := document.Decode("versions.yaml", text, &b)
	if err != nil {
		t.Fatal(err)
	}
	if problems := b.Problems(d); len(problems) != 0 {
		t.Errorf("versions.yaml:\n%v", problems)
	}
	if len(b.Images) < 14 || len(b.Sources) < 4 {
		t.Errorf("versions.yaml lists %d images and %d sources", len(b.Images), len(b.Sources))
	}
	b.Images["loki"] = bundle.Image{Repository: "docker.io/grafana/loki", Tag: "latest"}
	problems := b.Problems(d)
	if len(problems) != 1 || problems[0].Line == 0 || !strings.Contains(problems[0].Excerpt, "tag: 3.7.8") {
		t.Errorf("the problem does not show its place: %v", problems)
	}
}
