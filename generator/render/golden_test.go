package render_test

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/object"
	"github.com/opsgen/opsgen/generator/tree"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden shows in a review what a change of the generator or of a base does to the examples. There is one golden
// file a unit: our own objects in full; objects that other projects' packages hold, which are not ours to commit, as a
// line with a hash.
func TestGolden(t *testing.T) {
	root := repository(t)
	report := run(t, options(root, t.TempDir()))
	for _, cluster := range report.Clusters {
		golden := filepath.Join("testdata", "golden", cluster.Name)
		got := goldenFiles(t, filepath.Join(root, filepath.FromSlash(cluster.Path)))
		if *update {
			writeGolden(t, golden, got)
		}
		want := readGolden(t, golden)
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if diff := cmp.Diff(strings.Split(want[name], "\n"), strings.Split(got[name], "\n")); diff != "" {
				t.Errorf("%s/%s differs from its golden file; if the change is wanted, run go test ./generator/render -update\n%s", cluster.Name, name, diff)
			}
			delete(got, name)
		}
		for _, name := range slices.Sorted(maps.Keys(got)) {
			t.Errorf("%s/%s has no golden file; run go test ./generator/render -update", cluster.Name, name)
		}
	}
}

var digest = regexp.MustCompile(`@sha256:[0-9a-f]{64}`)

// goldenFiles are the golden texts by file name, made from the rendered files.
func goldenFiles(t *testing.T, rendered string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(files(t, rendered))) {
		if base := path.Base(name); base == tree.IndexName || base == "kustomization.yaml" {
			continue
		}
		// A fork locks its images; that is no other manifest.
		text := digest.ReplaceAllString(read(t, rendered, name), "")
		content := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &content); err != nil {
			t.Fatal(err)
		}
		o := object.New(content, origin(text))
		unit := path.Dir(name)
		if theirs(unit, o) {
			texts[unit+".yaml"] += fmt.Sprintf("--- # %s %s\n", o.ID(), tree.Sum([]byte(text)))
		} else {
			texts[unit+".yaml"] += "---\n" + text
		}
	}
	return texts
}

// origin reads the file that made an object from the head of its text.
func origin(text string) string {
	_, rest, _ := strings.Cut(text, "Rendered by opsgen from ")
	name, _, _ := strings.Cut(rest, ". ")
	return name
}

// theirs says that an object's content is another project's: a chart's, a definition, or what the base of Flux makes of
// Flux's own manifests.
func theirs(unit string, o object.Object) bool {
	if !strings.HasPrefix(o.Origin, "bases/") || o.GetKind() == "CustomResourceDefinition" {
		return true
	}
	return unit == "controllers/flux" && slices.Contains([]string{"Deployment", "Service", "Role", "ClusterRole"}, o.GetKind())
}

func writeGolden(t *testing.T, dir string, texts map[string]string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for name, text := range texts {
		write(t, dir, name, text)
	}
}

func readGolden(t *testing.T, dir string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		texts[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// TestRenderIsAFunctionOfTheInputs renders twice, in two folders, with different parallelism and with and without a
// cache.
func TestRenderIsAFunctionOfTheInputs(t *testing.T) {
	first, second := repository(t), repository(t)
	run(t, options(first, t.TempDir()))
	alone := options(second, "")
	alone.Jobs = 1
	run(t, alone)
	if diff := cmp.Diff(files(t, filepath.Join(first, "clusters")), files(t, filepath.Join(second, "clusters"))); diff != "" {
		t.Errorf("two renders of the same inputs differ:\n%s", diff)
	}
}
