package release

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/opsgen/opsgen/test/build"
)

// clone copies the last commit into a folder of its own: what is published never comes from a changed working folder.
func clone(t *testing.T) string {
	t.Helper()
	here, err := build.Folder("")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "clone")
	if out, err := exec.CommandContext(t.Context(), "git", "clone", "--quiet", filepath.Dir(here), dir).CombinedOutput(); err != nil {
		t.Fatalf("cloning: %v: %s", err, out)
	}
	return dir
}

// run runs a program in a clone and answers what it printed.
func run(t *testing.T, dir string, env []string, program string, arguments ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, arguments...)
	command.Dir, command.Env = dir, append(append(os.Environ(), "GOWORK=off"), env...)
	out, err := command.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("%s %v: %v: %s", program, arguments, err, failed.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// compile compiles a program of a clone.
func compile(t *testing.T, dir, from string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	run(t, dir, []string{"CGO_ENABLED=0"}, "go", "build", "-o", file, from)
	return file
}

// pushed is a line of what the tool prints.
type pushed struct{ Name, Reference, Digest string }

func images(t *testing.T, program, dir string, env []string, arguments ...string) []pushed {
	t.Helper()
	out := run(t, dir, env, program, append([]string{"images"}, arguments...)...)
	var all []pushed
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return all
}

// TestImages makes the images twice and pushes them once. The second time is in another folder and with an empty cache of
// the compiler, without which it would only find the results of the first.
func TestImages(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	there := strings.TrimPrefix(server.URL, "http://") + "/opsgen"
	here := clone(t)
	program := compile(t, here, "./tools/release")
	first := images(t, program, here, nil, "-push", there)
	folder := filepath.Join(t.TempDir(), "layout")
	second := images(t, program, clone(t), []string{"GOCACHE=" + t.TempDir()}, "-layout", folder)
	if len(first) != 2 || len(first) != len(second) {
		t.Fatalf("%v, and again %v", first, second)
	}
	written, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	list, err := written.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for i, image := range first {
		if image.Digest != second[i].Digest || !strings.HasPrefix(image.Reference, there+"/"+image.Name+":") {
			t.Errorf("%+v, and again %+v", image, second[i])
		}
		if list.Manifests[i].Digest.String() != image.Digest {
			t.Errorf("the layout has %s for %s", list.Manifests[i].Digest, image.Name)
		}
		checkPulled(t, image)
	}
}

// checkPulled reads everything of an image back from the registry, and runs its program where this machine can.
func checkPulled(t *testing.T, image pushed) {
	t.Helper()
	reference, err := name.ParseReference(image.Reference + "@" + image.Digest)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(reference)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range manifest.Manifests {
		platforms = append(platforms, m.Platform.String())
		file := extract(t, index, m.Digest, image.Name)
		if m.Platform.String() != runtime.GOOS+"/"+runtime.GOARCH {
			continue
		}
		// An image has no environment, and neither may the program need one.
		command := exec.CommandContext(t.Context(), file, "--help")
		command.Env = []string{}
		if out, err := command.CombinedOutput(); err != nil || !bytes.Contains(out, []byte(image.Name)) {
			t.Errorf("%s does not run: %v: %s", image.Name, err, out)
		}
	}
	if !slices.Equal(platforms, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("%s is there for %v", image.Name, platforms)
	}
}

// extract reads all layers of an image, whose digests are compared on the way, and answers where its program is.
func extract(t *testing.T, index v1.ImageIndex, digest v1.Hash, program string) string {
	t.Helper()
	image, err := index.Image(digest)
	if err != nil {
		t.Fatal(err)
	}
	content := mutate.Extract(image)
	defer content.Close()
	place := ""
	for files := tar.NewReader(content); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) && place != "" {
			return place
		}
		if err != nil {
			t.Fatalf("looking for %s in its image: %v", program, err)
		}
		data, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimPrefix(header.Name, "/") == program {
			place = filepath.Join(t.TempDir(), program)
			if err := os.WriteFile(place, data, 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestBillOfMaterials makes it as the release workflow does: from the programs themselves.
func TestBillOfMaterials(t *testing.T) {
	dir := clone(t)
	arguments := []string{"sbom", "--binary", compile(t, dir, "./proxy/cmd/proxy"), "--binary", compile(t, dir, "./syncer/cmd/syncer")}
	opsgen := compile(t, dir, "./generator/cmd/opsgen")
	var before []byte
	for range 2 {
		out := run(t, dir, []string{"SOURCE_DATE_EPOCH=1790000000"}, opsgen, arguments...)
		if before != nil && !bytes.Equal(out, before) {
			t.Error("the same commit gave two bills")
		}
		before = out
	}
	var bill struct {
		BomFormat  string
		Components []struct{ Type, Name, Purl string }
	}
	if err := json.Unmarshal(before, &bill); err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, c := range bill.Components {
		found[c.Type]++
	}
	if bill.BomFormat != "CycloneDX" || found["container"] < 10 || found["library"] < 50 {
		t.Errorf("the bill is of %s and has %v", bill.BomFormat, found)
	}
}
