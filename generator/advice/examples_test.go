package advice_test

import (
	"io/fs"
	"os"
	"slices"
	"testing"

	"github.com/opsgen/opsgen/generator/advice"
	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/sizing"
	"github.com/opsgen/opsgen/generator/tenant"
)

// TestExamples reads the repository's own clusters and tenants: a newcomer's first render must refuse nothing and warn of
// nothing but what is true of the examples.
func TestExamples(t *testing.T) {
	root := os.DirFS("../..")
	b := &bundle.Bundle{}
	decode(t, root, "versions.yaml", b)
	allowed := map[string][]string{
		"example-aws":   nil,
		"example-gcp":   {"limits-sum"},
		"example-local": {"limits-sum", "storage-bundled", "tenant-retention", "topology-production"},
	}
	for name, rules := range allowed {
		t.Run(name, func(t *testing.T) {
			c := &cluster.Cluster{Name: name}
			in := advice.Input{Bundle: b, Cluster: c, File: decode(t, root, "clusters/"+name+"/cluster.yaml", c)}
			c.SetDefaults(b.Kubernetes.Maximum)
			for _, folder := range folders(t, root, "tenants") {
				written := &tenant.Tenant{Name: folder}
				file := decode(t, root, "tenants/"+folder+"/tenant.yaml", written)
				if written.On(name) {
					in.Tenants = append(in.Tenants, advice.Tenant{Resolved: written.For(c), Written: written, File: file})
				}
			}
			in.Components = folders(t, root, "bases")
			var err error
			if in.Sizing, err = sizing.Compute(c, len(in.Tenants)); err != nil {
				t.Fatal(sizing.Locate(err, in.File))
			}
			for _, a := range advice.Check(in) {
				expected := a.Rule == "images-locked" || slices.Contains(rules, a.Rule)
				if a.Refuse || !expected {
					t.Errorf("%s (refuse %v): %v", a.Rule, a.Refuse, a)
				}
			}
		})
	}
}

func decode(t *testing.T, root fs.FS, file string, into any) *document.Document {
	t.Helper()
	data, err := fs.ReadFile(root, file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := document.Decode(file, data, into)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func folders(t *testing.T, root fs.FS, dir string) []string {
	t.Helper()
	entries, err := fs.ReadDir(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
}
