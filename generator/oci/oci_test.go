package oci_test

import (
	"archive/tar"
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/opsgen/opsgen/generator/oci"
)

var program = oci.Program{Name: "program", Package: "./generator/oci/testdata/program", Title: "A program"}

// shared is one assembled index, for the tests that do not ask how it was made.
var shared struct {
	once  sync.Once
	index v1.ImageIndex
}

func build(t *testing.T) v1.ImageIndex {
	t.Helper()
	shared.once.Do(func() { shared.index = compiled(t) })
	return shared.index
}

// compiled compiles and assembles everything anew.
func compiled(t *testing.T) v1.ImageIndex {
	t.Helper()
	s := oci.Spec{
		Program: program, Version: "1.4.2", Revision: strings.Repeat("a", 40), Source: "https://example.com/repo",
		Created: time.Unix(1700000000, 0), Binaries: map[oci.Platform]string{},
	}
	for _, platform := range oci.Platforms() {
		s.Binaries[platform] = filepath.Join(t.TempDir(), "program")
		if err := oci.Compile(t.Context(), filepath.Join("..", ".."), program, platform, s.Binaries[platform]); err != nil {
			t.Fatal(err)
		}
	}
	index, err := oci.Index(s)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func digestOf(t *testing.T, index v1.ImageIndex) string {
	t.Helper()
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

// Two builds, also with other settings of the machine, give the same digest.
func TestReproducible(t *testing.T) {
	first := digestOf(t, compiled(t))
	t.Setenv("GOFLAGS", "-tags=other")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("SOURCE_DATE_EPOCH", "5")
	if second := digestOf(t, compiled(t)); second != first {
		t.Errorf("the digests are %s and %s", first, second)
	}
}

func TestContent(t *testing.T) {
	index := build(t)
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if manifest.MediaType != types.OCIImageIndex || manifest.Annotations["org.opencontainers.image.version"] != "1.4.2" {
		t.Errorf("the index is %s with %v", manifest.MediaType, manifest.Annotations)
	}
	var platforms []string
	for _, m := range manifest.Manifests {
		platforms = append(platforms, m.Platform.String())
		image, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		checkImage(t, image, m.Platform)
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Errorf("platforms: %s", diff)
	}
}

func checkImage(t *testing.T, image v1.Image, platform *v1.Platform) {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65532:65532" || config.Architecture != platform.Architecture || config.Created.Unix() != 1700000000 {
		t.Errorf("the configuration is %+v", config)
	}
	if got := config.Config.Labels["org.opencontainers.image.revision"]; got != strings.Repeat("a", 40) {
		t.Errorf("the revision is %q", got)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = content.Close() }) // it was read
		for archive := tar.NewReader(content); ; {
			header, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if header.Mode&0o222 != 0 && header.Typeflag == tar.TypeReg || header.Uid != 0 || header.ModTime.Unix() != 0 {
				t.Errorf("%s: mode %o, owner %d, time %v", header.Name, header.Mode, header.Uid, header.ModTime)
			}
			if header.Typeflag == tar.TypeReg {
				if files[header.Name], err = io.ReadAll(archive); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if len(files) != 2 || len(files["program"]) == 0 {
		t.Errorf("it holds %d files", len(files))
	}
	if !x509.NewCertPool().AppendCertsFromPEM(files["etc/ssl/certs/ca-certificates.crt"]) {
		t.Error("it has no root certificates")
	}
}

func reference(server *httptest.Server) string {
	return strings.TrimPrefix(server.URL, "http://") + "/team/program:1.4.2"
}

func start(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func quiet() http.Handler { return registry.New(registry.Logger(log.New(io.Discard, "", 0))) }

func TestPush(t *testing.T) {
	index := build(t)
	server := start(t, quiet())
	for range 2 { // the second time it is there already
		got, err := oci.Push(t.Context(), reference(server), index, oci.PushOptions{})
		if err != nil || got != digestOf(t, index) {
			t.Fatalf("pushed %s, %v", got, err)
		}
	}
	tag, err := name.NewTag(reference(server))
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Index(tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(pulled); err != nil {
		t.Errorf("what was pulled is broken: %v", err)
	}
}

// A released tag does not move.
func TestPushOverAnother(t *testing.T) {
	server := start(t, quiet())
	index := build(t)
	other, err := oci.Index(oci.Spec{Program: program, Version: "9", Binaries: map[oci.Platform]string{
		{OS: "linux", Arch: "amd64"}: "oci_test.go", {OS: "linux", Arch: "arm64"}: "oci_test.go",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := oci.Push(t.Context(), reference(server), other, oci.PushOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := oci.Push(t.Context(), reference(server), index, oci.PushOptions{}); err == nil || !strings.Contains(err.Error(), "does not move") {
		t.Errorf("the tag was moved: %v", err)
	}
	if _, err := oci.Push(t.Context(), reference(server), index, oci.PushOptions{Move: true}); err != nil {
		t.Error(err)
	}
}

// Registries have bad moments: each fault is given to the first requests of its kind.
func TestPushFaults(t *testing.T) {
	index := build(t)
	for name, test := range map[string]struct {
		status int
		method string
		// times is how many requests fail; -1 all of them.
		times int64
		want  string
	}{
		"busy when asked":           {http.StatusServiceUnavailable, http.MethodHead, 2, ""},
		"busy when written to":      {http.StatusServiceUnavailable, http.MethodPost, 2, ""},
		"too many requests":         {http.StatusTooManyRequests, http.MethodPut, 2, ""},
		"an error inside":           {http.StatusInternalServerError, http.MethodPatch, 2, ""},
		"never well again":          {http.StatusBadGateway, http.MethodPut, -1, "502"},
		"not allowed to write":      {http.StatusForbidden, http.MethodPost, -1, "403"},
		"not allowed, credentials":  {http.StatusUnauthorized, http.MethodPost, -1, "401"},
		"no room for the manifests": {http.StatusInsufficientStorage, http.MethodPut, -1, "507"},
	} {
		t.Run(name, func(t *testing.T) {
			inner := quiet()
			var failed atomic.Int64
			server := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == test.method && (test.times < 0 || failed.Add(1) <= test.times) {
					http.Error(w, "fault", test.status)
					return
				}
				inner.ServeHTTP(w, r)
			}))
			_, err := oci.Push(t.Context(), reference(server), index, oci.PushOptions{Backoff: time.Millisecond})
			switch {
			case test.want == "" && err != nil:
				t.Errorf("it was not tried again: %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "team/program:1.4.2")):
				t.Errorf("the error is %v, want one with %s", err, test.want)
			}
			if test.want == "" {
				return
			}
			tag := httptest.NewRequest(http.MethodGet, "/v2/team/program/manifests/1.4.2", nil)
			answer := httptest.NewRecorder()
			inner.ServeHTTP(answer, tag)
			if answer.Code != http.StatusNotFound {
				t.Errorf("a push that failed left a tag: %d", answer.Code)
			}
		})
	}
}

// keychain knows one password.
type keychain struct{ user, password string }

func (k keychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: k.user, Password: k.password}, nil
}

func TestPushCredentials(t *testing.T) {
	index := build(t)
	inner := quiet()
	server := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("robot:right")) {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	if _, err := oci.Push(t.Context(), reference(server), index, oci.PushOptions{Keychain: keychain{"robot", "right"}}); err != nil {
		t.Error(err)
	}
	_, err := oci.Push(t.Context(), reference(server), index, oci.PushOptions{Keychain: keychain{"robot", "wrong"}})
	if err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestCancelledPush(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() }))
	if _, err := oci.Push(ctx, reference(server), build(t), oci.PushOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func TestMistakes(t *testing.T) {
	if _, err := oci.Push(t.Context(), "program", nil, oci.PushOptions{}); err == nil || !strings.Contains(err.Error(), `"program" is not registry/repository:tag`) {
		t.Errorf("a reference without registry: %v", err)
	}
	if _, err := oci.Index(oci.Spec{Program: program}); err == nil || !strings.Contains(err.Error(), "no program for linux/amd64") {
		t.Errorf("a platform without program: %v", err)
	}
	file := filepath.Join(t.TempDir(), "program")
	err := oci.Compile(t.Context(), filepath.Join("..", ".."), oci.Program{Name: "x", Package: "./generator/oci/testdata/none"}, oci.Platforms()[0], file)
	if _, there := os.Stat(file); err == nil || there == nil || !strings.Contains(err.Error(), "compile x for linux/amd64") {
		t.Errorf("a package that is not there: %v", err)
	}
}
