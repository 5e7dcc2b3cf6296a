package image

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

func program(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func assemble(t *testing.T, s Spec) v1.Image {
	t.Helper()
	image, err := Assemble(s, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func digest(t *testing.T, image v1.Image) string {
	t.Helper()
	hash, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return hash.String()
}

func TestTheSameInputsGiveTheSameDigest(t *testing.T) {
	first := Spec{Reference: "a/b:1", Entrypoint: []string{"/app"}, Folders: []string{"/tmp", "/data"}, Files: []File{
		{Path: "/app", Source: program(t, "x")}, {Path: "/etc/passwd", Data: []byte("nobody"), Mode: 0o644},
	}}
	second := first
	// Another place, another time of change, another order: none of them is part of an image.
	second.Files = []File{first.Files[1], {Path: "/app", Source: program(t, "x")}}
	second.Folders = []string{"/data", "/tmp"}
	if a, b := digest(t, assemble(t, first)), digest(t, assemble(t, second)); a != b {
		t.Errorf("two assemblies of the same inputs differ: %s and %s", a, b)
	}
	second.Files[1].Source = program(t, "y")
	if a, b := digest(t, assemble(t, first)), digest(t, assemble(t, second)); a == b {
		t.Error("another program gave the same image")
	}
}

func TestALayerIsWrittenOnce(t *testing.T) {
	cache := t.TempDir()
	spec := Spec{Reference: "a/b:1", Files: []File{{Path: "/app", Source: program(t, "x")}}}
	var digests []string
	for range 2 {
		image, err := Assemble(spec, cache)
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest(t, image))
	}
	if digests[0] != digests[1] {
		t.Errorf("the cached layer gave another image: %q", digests)
	}
	if layers, _ := filepath.Glob(filepath.Join(cache, "*.tar")); len(layers) != 1 {
		t.Errorf("the cache holds %q, want one layer", layers)
	}
	// A layer that was cut short is written anew.
	layers, _ := filepath.Glob(filepath.Join(cache, "*.tar"))
	if err := os.Truncate(layers[0], 10); err != nil {
		t.Fatal(err)
	}
	if image, err := Assemble(spec, cache); err != nil || digest(t, image) != digests[0] {
		t.Errorf("a damaged layer was not replaced: %v", err)
	}
	if info, err := os.Stat(layers[0]); err != nil || info.Size() == 10 {
		t.Errorf("the damaged layer is still there: %v", err)
	}
}

func TestAnImageIsNotRootsAndHoldsItsFiles(t *testing.T) {
	image := assemble(t, Spec{Reference: "a/b:1", Folders: []string{"/tmp"}, Files: []File{
		{Path: "/usr/bin/app", Source: program(t, "x")}, {Path: "/app", Link: "/usr/bin/app"},
	}})
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65532:65532" {
		t.Errorf("the image runs as %q", config.Config.User)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("layers: %v, %v", layers, err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	var entries []string
	for archive := tar.NewReader(content); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, header.Name+" "+header.FileInfo().Mode().String())
	}
	want := []string{"tmp/ dtrwxrwxrwx", "app Lrwxrwxrwx", "usr/ drwxr-xr-x", "usr/bin/ drwxr-xr-x", "usr/bin/app -rwxr-xr-x"}
	if !slices.Equal(entries, want) {
		t.Errorf("the layer holds\n%q, want\n%q", entries, want)
	}
}

// serve starts a registry with one image under the reference and answers its address.
func serve(t *testing.T, reference string, image v1.Image) (string, *Store) {
	t.Helper()
	store := NewStore()
	if err := store.Add(reference, image); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, listener, store) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String(), store
}

func TestAServedImageIsPulledWhole(t *testing.T) {
	image := assemble(t, Spec{Reference: "quay.io/acme/app:v1", Files: []File{{Path: "/app", Source: program(t, "x")}}})
	address, _ := serve(t, "quay.io/acme/app:v1", image)
	for _, reference := range []string{"/quay.io/acme/app:v1", "/quay.io/acme/app@" + digest(t, image)} {
		ref, err := name.ParseReference(address + reference)
		if err != nil {
			t.Fatal(err)
		}
		pulled, err := remote.Image(ref)
		if err != nil {
			t.Fatalf("pulling %s: %v", reference, err)
		}
		if digest(t, pulled) != digest(t, image) {
			t.Errorf("%s: another image was pulled", reference)
		}
		layers, err := pulled.Layers()
		if err != nil {
			t.Fatal(err)
		}
		content, err := layers[0].Compressed()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(content)
		content.Close()
		if size, _ := layers[0].Size(); err != nil || int64(len(data)) != size {
			t.Errorf("%s: a layer of %d bytes was read as %d, %v", reference, size, len(data), err)
		}
	}
}

func TestTheRegistryAnswersForEveryRegistry(t *testing.T) {
	image := assemble(t, Spec{Reference: "docker.io/library/memcached:1", Files: []File{{Path: "/m", Data: []byte("x")}}})
	address, _ := serve(t, "docker.io/library/memcached:1", image)
	for path, want := range map[string]int{
		"/v2/": http.StatusOK,
		"/v2/library/memcached/manifests/1?ns=docker.io":  http.StatusOK,
		"/v2/docker.io/library/memcached/manifests/1":     http.StatusOK,
		"/v2/library/memcached/manifests/2?ns=docker.io":  http.StatusNotFound,
		"/v2/library/memcached/manifests/1?ns=quay.io":    http.StatusNotFound,
		"/v2/library/memcached/blobs/sha256:0?ns=quay.io": http.StatusNotFound,
		"/v2/library/memcached/tags/list?ns=docker.io":    http.StatusNotFound,
		"/v2/UPPER/case/manifests/1?ns=docker.io":         http.StatusBadRequest,
		"/": http.StatusNotFound,
	} {
		response, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("GET %s answers %d, want %d", path, response.StatusCode, want)
		}
	}
}

func TestAMissingImageSaysSo(t *testing.T) {
	image := assemble(t, Spec{Reference: "quay.io/acme/app:v1", Files: []File{{Path: "/app", Data: []byte("x")}}})
	address, _ := serve(t, "quay.io/acme/app:v1", image)
	ref, err := name.ParseReference(address + "/quay.io/acme/app:v2")
	if err != nil {
		t.Fatal(err)
	}
	_, err = remote.Image(ref)
	var answer *transport.Error
	if !errors.As(err, &answer) || answer.StatusCode != http.StatusNotFound || !strings.Contains(err.Error(), "the cluster bed has no image") {
		t.Errorf("a missing image gives %v", err)
	}
}

func TestAPinnedReferenceIsAnAlias(t *testing.T) {
	const foreign = "sha256:8a8ed0a57b8b86f561d5a4309a69f65e62f0cebe4de8801593c5ff35a3bc3c23"
	image := assemble(t, Spec{Reference: "x", Files: []File{{Path: "/app", Data: []byte("x")}}})
	store := NewStore()
	for _, reference := range []string{
		"docker.io/acme/app:v1@" + foreign, "quay.io/acme/free:v1", "quay.io/acme/ours:v1@" + digest(t, image),
	} {
		if err := store.Add(reference, image); err != nil {
			t.Fatal(err)
		}
	}
	want := []Alias{{Served: "docker.io/acme/app:v1", Pinned: "docker.io/acme/app@" + foreign}}
	if got := store.Aliases(); !slices.Equal(got, want) {
		t.Errorf("aliases are %v, want %v", got, want)
	}
	for _, reference := range []string{"", "no tag", "a/b:1@sha256:short"} {
		if err := store.Add(reference, image); err == nil {
			t.Errorf("reference %q was accepted", reference)
		}
	}
}
