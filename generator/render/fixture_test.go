package render_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/render"
	"github.com/opsgen/opsgen/generator/source"
	"github.com/opsgen/opsgen/generator/tree"
)

// inputs are what the shipped examples are rendered from. A fork's own clusters and tenants are not the tests' concern.
var inputs = []string{
	"versions.yaml", "bases", "overlays", "clusters/example-aws", "clusters/example-gcp", "clusters/example-local",
	"tenants/system", "tenants/payments", "tenants/search",
}

// repository copies this repository's inputs to a new folder, without what was rendered.
func repository(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	for _, input := range inputs {
		from := filepath.Join("..", "..", input)
		err := filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() && strings.HasPrefix(strings.TrimPrefix(entry.Name(), "."), "rendered") {
				return fs.SkipDir
			}
			rel, err := filepath.Rel(filepath.Join("..", ".."), name)
			if err != nil {
				return err
			}
			to := filepath.Join(root, rel)
			if entry.IsDir() {
				return os.MkdirAll(to, 0o755)
			}
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			return os.WriteFile(to, data, 0o644)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// options render the repository at root with a cache of its own. Packages come from the user's cache, or the module
// proxy.
func options(root, cache string, clusters ...string) render.Options {
	return render.Options{
		Root: root, Clusters: clusters, Jobs: runtime.NumCPU(), CacheDir: cache, Sources: source.NewStore(source.Options{}),
	}
}

func run(t testing.TB, o render.Options) *render.Report {
	t.Helper()
	report, err := render.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// write writes a file of the repository, with its folder.
func write(t testing.TB, root, name, text string) {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// replace changes the one place of a file that holds old.
func replace(t testing.TB, root, name, old, new string) {
	t.Helper()
	text := read(t, root, name)
	if strings.Count(text, old) != 1 {
		t.Fatalf("%s holds %q %d times", name, old, strings.Count(text, old))
	}
	write(t, root, name, strings.Replace(text, old, new, 1))
}

func read(t testing.TB, root, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// addTenants adds n generated tenants to a cluster.
func addTenants(t testing.TB, root, cluster string, n int) {
	t.Helper()
	for i := range n {
		write(t, root, fmt.Sprintf("tenants/team-%04d/tenant.yaml", i),
			fmt.Sprintf("displayName: Team %d\nclusters: [%s]\nmetrics: {activeSeries: %d}\n", i, cluster, 1000+i))
	}
}

// files are the SHA-256 sums of all files below a folder by name.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		sums[filepath.ToSlash(rel)] = tree.Sum(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// changed are the files of a report's changes, for one cluster.
func changed(r *render.Report) []string {
	var names []string
	for _, c := range r.Clusters {
		for _, change := range c.Changes {
			names = append(names, c.Name+" "+change.Kind+" "+change.File)
		}
	}
	return names
}
