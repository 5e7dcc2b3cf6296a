package jsonnet_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/jsonnet"
)

// repository writes files below a new root.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func sources(string) (fs.FS, error) {
	return fstest.MapFS{
		"crds/b.yaml": {Data: []byte("kind: B\n")},
		"crds/a.yaml": {Data: []byte("kind: A\n---\n# nothing\n---\nkind: A2\n")},
	}, nil
}

func TestEvaluate(t *testing.T) {
	root := repository(t, map[string]string{
		"bases/lib/k.libsonnet": `{ name(x): { name: x } }`,
		"bases/a/main.jsonnet":  `local k = import '../lib/k.libsonnet'; function(cluster) k.name(cluster.domain)`,
		"bases/a/crds.jsonnet":  `function(cluster) [x.kind for x in std.native('source')('upstream', 'crds')]`,
	})
	e := jsonnet.New(root, sources)
	arguments := map[string]string{"cluster": `{"domain": "example.com"}`}
	for file, want := range map[string]string{
		"bases/a/main.jsonnet": `{"name":"example.com"}`,
		"bases/a/crds.jsonnet": `["A","A2","B"]`,
	} {
		got, err := e.Evaluate(file, arguments, []string{"upstream"})
		if err != nil {
			t.Fatal(err)
		}
		if compact := strings.NewReplacer("\n", "", " ", "").Replace(string(got)); compact != want {
			t.Errorf("%s: got %s, want %s", file, compact, want)
		}
	}
}

func TestDependenciesFollowImports(t *testing.T) {
	root := repository(t, map[string]string{
		"bases/lib/k.libsonnet": `{}`,
		"bases/a/b.libsonnet":   `import '../lib/k.libsonnet'`,
		"bases/a/note.txt":      `hello`,
		"bases/a/main.jsonnet":  `local b = import 'b.libsonnet'; function() [b, importstr 'note.txt']`,
	})
	got, err := jsonnet.New(root, sources).Dependencies("bases/a/main.jsonnet")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"bases/a/b.libsonnet", "bases/a/main.jsonnet", "bases/a/note.txt", "bases/lib/k.libsonnet"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	outside := repository(t, map[string]string{"secret": `"s"`})
	root := repository(t, map[string]string{
		"syntax.jsonnet":     "function()\n  {a: }",
		"runtime.jsonnet":    "function()\n  error 'no such zone'",
		"field.jsonnet":      "local l = import 'lib.libsonnet';\nfunction()\n  l.f({})",
		"lines.jsonnet":      "error 'no such zone\\nwrite a, b or c'",
		"parameter.jsonnet":  "function(zone) zone",
		"lib.libsonnet":      "{ f(x): x.missing }",
		"missing.jsonnet":    "import 'nothing.libsonnet'",
		"escape.jsonnet":     "importstr '../../../../etc/hostname'",
		"absolute.jsonnet":   "importstr '/etc/hostname'",
		"link.jsonnet":       "importstr 'link'",
		"undeclared.jsonnet": "function() std.native('source')('other', 'x')",
		"endless.jsonnet":    "local f(x) = 1 + f(x); function() f(1)",
	})
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"syntax.jsonnet":     "syntax.jsonnet:2:7: Unexpected",
		"runtime.jsonnet":    "runtime.jsonnet:2:3: no such zone",
		"field.jsonnet":      "lib.libsonnet:1:9: Field does not exist: missing\n  >   1 | { f(x): x.missing }\n  called from field.jsonnet:3:3",
		"lines.jsonnet":      "lines.jsonnet:1:1: no such zone\n  write a, b or c\n",
		"parameter.jsonnet":  "parameter.jsonnet: Missing argument: zone",
		"missing.jsonnet":    "there is no file nothing.libsonnet to import",
		"escape.jsonnet":     "leaves the repository",
		"absolute.jsonnet":   "leaves the repository",
		"link.jsonnet":       "path escapes from parent",
		"undeclared.jsonnet": `source "other" is not declared`,
		"endless.jsonnet":    "max stack frames exceeded",
	} {
		_, err := jsonnet.New(root, sources).Evaluate(file, nil, []string{"upstream"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", file, err, want)
		}
	}
}

// A source that is not what was pinned says both sums and what to do, on lines of their own.
func TestErrorsOfSourcesStayWhole(t *testing.T) {
	root := repository(t, map[string]string{"main.jsonnet": "function() std.native('source')('upstream', 'x')"})
	broken := errors.New("not what was pinned\n  expected a\n  got b")
	_, err := jsonnet.New(root, func(string) (fs.FS, error) { return nil, broken }).Evaluate("main.jsonnet", nil, []string{"upstream"})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
