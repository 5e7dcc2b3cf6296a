package image

import (
	"context"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/test/build"
)

func TestEveryShippedImageHasAProgramOrAReason(t *testing.T) {
	folder, err := build.Folder("")
	if err != nil {
		t.Fatal(err)
	}
	table, err := Table(folder)
	if err != nil {
		t.Fatal(err)
	}
	catalogue, err := build.Catalogue(folder)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, b := range catalogue {
		known[b.Name] = true
		for _, link := range b.Links {
			known[link] = true
		}
	}
	for _, row := range table {
		if _, _, err := split(row.Reference); err != nil {
			t.Errorf("%s: reference %q: %v", row.Name, row.Reference, err)
		}
		if row.Missing == "" && !known[row.Program] && row.System == "" {
			t.Errorf("%s: program %q cannot be built, and nothing says why", row.Name, row.Program)
		}
		if row.Missing == "" && !strings.HasPrefix(row.Path, "/") {
			t.Errorf("%s: path %q", row.Name, row.Path)
		}
		if strings.HasPrefix(row.User, "0:") || row.User == "root" {
			t.Errorf("%s runs as root", row.Name)
		}
	}
}

func TestAnImageThatIsMissingIsNamed(t *testing.T) {
	for name, want := range map[string]string{
		"cert-manager-acmesolver": "the cluster bed has no image cert-manager-acmesolver: ",
		"no-such":                 "the cluster bed knows no image",
	} {
		_, _, err := Specs(context.Background(), []string{name}, build.Options{Cache: t.TempDir()})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADynamicProgramBringsItsLibraries(t *testing.T) {
	program, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	files, err := Libraries(program, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, filepath.Base(f.Path))
	}
	all := strings.Join(names, " ")
	for _, want := range []string{"libc.so.6", "ld-linux"} {
		if !strings.Contains(all, want) {
			t.Errorf("git's libraries %q lack %s", all, want)
		}
	}
}
