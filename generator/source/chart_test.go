package source_test

import (
	"archive/tar"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/source"
)

const helmLayer = types.MediaType("application/vnd.cncf.helm.chart.content.v1.tar+gzip")

func goodChart(t *testing.T, text string) []byte {
	t.Helper()
	return chartArchive(t, entry("thing/Chart.yaml", "name: thing\nversion: 1.2.3\n"), entry("thing/deploy/values.yaml", text))
}

// chartRegistry is a registry in this process; fault may answer instead of it, and then returns true.
func chartRegistry(t *testing.T, fault func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault == nil || r.Method != http.MethodGet || !fault(w, r) {
			real.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// push stores an archive as a chart and returns its source.
func push(t *testing.T, host, tag string, archive []byte, layer types.MediaType, options ...remote.Option) bundle.Source {
	t.Helper()
	image, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), static.NewLayer(archive, layer))
	if err != nil {
		t.Fatal(err)
	}
	reference, err := name.ParseReference(host + "/charts/thing:" + strings.ReplaceAll(tag, "+", "_"))
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(reference, image, options...); err != nil {
		t.Fatal(err)
	}
	sum, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return bundle.Source{OCI: "oci://" + host + "/charts/thing", Version: tag, Sum: sum.String()}
}

func TestChartFromRegistry(t *testing.T) {
	host := chartRegistry(t, nil)
	s := push(t, host, "1.2.3+build.7", goodChart(t, "x: 1"), helmLayer)
	w := newWorld(t, "off")
	for range 2 {
		if text, err := w.fetch(t, s); err != nil || text != "x: 1" {
			t.Fatalf("got %q, %v", text, err)
		}
	}
	if got := w.states(); got != "fetching verified cached" {
		t.Errorf("progress: %s", got)
	}
	tree, err := source.NewStore(w.options()).Fetch(t.Context(), "acme", s)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if err := fstest.TestFS(tree.FS(), "Chart.yaml", "deploy/values.yaml"); err != nil {
		t.Error(err)
	}
}

func TestMovedTag(t *testing.T) {
	host := chartRegistry(t, nil)
	pinned := push(t, host, "1.2.3", goodChart(t, "x: 1"), helmLayer)
	moved := push(t, host, "1.2.3", goodChart(t, "x: 2"), helmLayer)
	// As long as the pinned digest is there, the tag does not matter.
	if text, err := newWorld(t, "off").fetch(t, pinned); err != nil || text != "x: 1" {
		t.Errorf("got %q, %v", text, err)
	}
	pinned.Sum = digest([]byte("gone"))
	_, err := newWorld(t, "off").fetch(t, pinned)
	var mismatch *source.MismatchError
	if !errors.As(err, &mismatch) || mismatch.Got != moved.Sum || mismatch.Expected != pinned.Sum {
		t.Errorf("got %v", err)
	}
}

func TestRegistryFaults(t *testing.T) {
	archive := goodChart(t, "x: 1")
	other := goodChart(t, "x: evil")
	for name, test := range map[string]struct {
		// fault answers the n-th GET below the repository, counted from 1.
		fault func(n int64, w http.ResponseWriter, r *http.Request) bool
		want  string
	}{
		"one bad gateway each": {func(n int64, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusBadGateway)
			return n == 1 || n == 3
		}, ""},
		"busy": {func(n int64, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusTooManyRequests)
			return n == 1
		}, ""},
		"always broken": {func(_ int64, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}, "500"},
		"forbidden": {func(_ int64, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			return true
		}, "403"},
		"another layer": {func(_ int64, w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/blobs/") {
				_, _ = w.Write(other[:min(len(other), len(archive))])
				return true
			}
			return false
		}, "error verifying"},
		"another manifest": {func(_ int64, w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/manifests/") {
				w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
				_, _ = w.Write([]byte(`{"schemaVersion":2,"layers":[]}`))
				return true
			}
			return false
		}, "sha256:"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			var armed atomic.Bool
			host := chartRegistry(t, func(w http.ResponseWriter, r *http.Request) bool {
				if !armed.Load() || r.URL.Path == "/v2/" {
					return false
				}
				recorder := httptest.NewRecorder()
				if !test.fault(asked.Add(1), recorder, r) {
					return false
				}
				for key, values := range recorder.Header() {
					w.Header()[key] = values
				}
				w.WriteHeader(recorder.Code)
				_, _ = w.Write(recorder.Body.Bytes())
				return true
			})
			s := push(t, host, "1.2.3", archive, helmLayer)
			armed.Store(true)
			w := newWorld(t, "off")
			text, err := w.fetch(t, s)
			if test.want == "" {
				if err != nil || text != "x: 1" || len(w.pause) == 0 {
					t.Errorf("got %q after pauses %v: %v", text, w.pause, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if kept, _ := filepath.Glob(filepath.Join(w.cache, "*.tgz")); kept != nil {
				t.Errorf("kept: %v", kept)
			}
		})
	}
}

// keychain knows one registry's password, as Docker's configuration does.
type keychain struct{ host string }

func (k keychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	if r.RegistryStr() == k.host {
		return &authn.Basic{Username: "u", Password: "hunter2"}, nil
	}
	return authn.Anonymous, nil
}

func TestPrivateRegistry(t *testing.T) {
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "hunter2" {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		real.ServeHTTP(w, r)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	s := push(t, host, "1.2.3", goodChart(t, "x: 1"), helmLayer, remote.WithAuthFromKeychain(keychain{host}))
	o := newWorld(t, "off").options()
	o.Keychain = keychain{host}
	if _, err := fetchWith(t, o, s, "Chart.yaml"); err != nil {
		t.Error(err)
	}
	o = newWorld(t, "off").options()
	o.Keychain = keychain{"elsewhere"}
	if _, err := fetchWith(t, o, s, "Chart.yaml"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestImageIsNotAChart(t *testing.T) {
	s := push(t, chartRegistry(t, nil), "1.2.3", goodChart(t, "x: 1"), types.OCILayer)
	if _, err := newWorld(t, "off").fetch(t, s); err == nil || !strings.Contains(err.Error(), "is not a Helm chart") {
		t.Errorf("got %v", err)
	}
}

func TestChartArchive(t *testing.T) {
	archive := goodChart(t, "x: 1")
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive) }))
	defer server.Close()
	s := bundle.Source{URL: server.URL + "/thing-1.2.3.tgz?signature=hunter2", Version: "1.2.3", Sum: digest(archive)}
	w := newWorld(t, "off")
	o := w.options()
	o.Client = server.Client()
	for range 2 {
		if text, err := fetchWith(t, o, s, "deploy/values.yaml"); err != nil || text != "x: 1" {
			t.Fatalf("got %q, %v", text, err)
		}
	}
	if got := w.states(); got != "fetching verified cached" {
		t.Errorf("progress: %s", got)
	}
	s.Sum = digest([]byte("something else"))
	_, err := fetchWith(t, o, s, "Chart.yaml")
	var mismatch *source.MismatchError
	if !errors.As(err, &mismatch) || mismatch.Got != digest(archive) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
	s.URL = strings.Replace(s.URL, "https:", "http:", 1)
	if _, err := fetchWith(t, o, s, "Chart.yaml"); err == nil || !strings.Contains(err.Error(), "https address") {
		t.Errorf("got %v", err)
	}
}

func TestDangerousArchivesAreRefused(t *testing.T) {
	chart := entry("thing/Chart.yaml", "name: thing")
	for name, test := range map[string]struct {
		archive []byte
		want    string
	}{
		"leaves the folder":       {chartArchive(t, chart, entry("thing/../../etc/passwd", "x")), "not a path inside"},
		"absolute":                {chartArchive(t, chart, entry("/etc/passwd", "x")), "not a path inside"},
		"Windows' separators":     {chartArchive(t, chart, entry(`thing\..\..\x`, "x")), "not a path inside"},
		"Windows' drive":          {chartArchive(t, chart, entry(`thing/c:x`, "x")), "not a path inside"},
		"a symbolic link":         {chartArchive(t, chart, tar.Header{Name: "thing/x", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), "links are refused"},
		"a hard link":             {chartArchive(t, chart, tar.Header{Name: "thing/x", Typeflag: tar.TypeLink, Linkname: "thing/Chart.yaml"}), "links are refused"},
		"twice":                   {chartArchive(t, chart, chart), "there twice"},
		"a file beside the chart": {chartArchive(t, chart, entry("x", "x")), "not inside the chart's folder"},
		"a bomb":                  {chartArchive(t, chart, tar.Header{Name: "thing/zeros", Size: 65 << 20}), "inflates to more than"},
		"not gzip":                {[]byte("hello"), "not gzip"},
		"empty":                   {chartArchive(t), "no files"},
		"cut off":                 {goodChart(t, "x: 1")[:60], "read"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(test.archive) }))
			defer server.Close()
			w := newWorld(t, "off")
			o := w.options()
			o.Client = server.Client()
			_, err := fetchWith(t, o, bundle.Source{URL: server.URL + "/x.tgz", Version: "1", Sum: digest(test.archive)}, "Chart.yaml")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if kept, _ := filepath.Glob(filepath.Join(w.cache, "*.tgz")); kept != nil {
				t.Errorf("kept: %v", kept)
			}
		})
	}
}
