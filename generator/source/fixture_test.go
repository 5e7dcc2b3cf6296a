package source_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/source"
)

const (
	modulePath    = "example.com/Acme/charts"
	moduleVersion = "v1.2.3"
	zipPath       = "/example.com/!acme/charts/@v/v1.2.3.zip"
)

// memoryFile is a file of a module zip.
type memoryFile struct{ name, text string }

func (f memoryFile) Path() string                { return f.name }
func (f memoryFile) Lstat() (fs.FileInfo, error) { return f, nil }
func (f memoryFile) Open() (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(f.text)), nil
}
func (f memoryFile) Name() string       { return filepath.Base(f.name) }
func (f memoryFile) Size() int64        { return int64(len(f.text)) }
func (f memoryFile) Mode() fs.FileMode  { return 0o644 }
func (f memoryFile) ModTime() time.Time { return time.Time{} }
func (f memoryFile) IsDir() bool        { return false }
func (f memoryFile) Sys() any           { return nil }

// moduleZip makes a module's zip and its sum.
func moduleZip(t *testing.T, text string) ([]byte, string) {
	t.Helper()
	return moduleZipAt(t, moduleVersion, text)
}

func moduleZipAt(t *testing.T, version string, texts ...string) ([]byte, string) {
	t.Helper()
	text := strings.Join(texts, "")
	var buffer bytes.Buffer
	files := []modzip.File{memoryFile{"go.mod", "module " + modulePath}, memoryFile{"deploy/values.yaml", text}}
	if err := modzip.Create(&buffer, module.Version{Path: modulePath, Version: version}, files); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes(), sumOf(t, buffer.Bytes())
}

func sumOf(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.zip")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	sum, err := dirhash.HashZip(path, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func moduleSource(sum string) bundle.Source {
	return bundle.Source{Module: modulePath, Version: moduleVersion, Sum: sum}
}

// chartArchive packs files as `helm package` does; names are taken as they are.
func chartArchive(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var buffer bytes.Buffer
	zipped := gzip.NewWriter(&buffer)
	writer := tar.NewWriter(zipped)
	for _, header := range entries {
		text := header.Linkname
		if header.Typeflag == 0 {
			header.Typeflag, header.Linkname = tar.TypeReg, ""
		}
		if header.Typeflag == tar.TypeReg && header.Size == 0 {
			header.Size = int64(len(text))
		}
		header.Mode = 0o644
		if err := writer.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		content := io.Reader(strings.NewReader(text))
		if text == "" {
			content = io.LimitReader(zeros{}, header.Size)
		}
		if _, err := io.Copy(writer, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// entry is a regular file of a chart archive; its text travels in Linkname.
func entry(name, text string) tar.Header { return tar.Header{Name: name, Linkname: text} }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// proxy is a module proxy whose answers a test chooses.
type proxy struct {
	*httptest.Server
	mu sync.Mutex
	// answers are taken one by one for the zip; the last one stays.
	answers []http.HandlerFunc
	asked   int
	// database answers below /sumdb/.
	database http.Handler
}

func newProxy(t *testing.T, answers ...http.HandlerFunc) *proxy {
	t.Helper()
	p := &proxy{answers: answers, database: http.NotFoundHandler()}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/sumdb/") {
		p.database.ServeHTTP(w, r)
		return
	}
	p.mu.Lock()
	answer := p.answers[min(p.asked, len(p.answers)-1)]
	p.asked++
	p.mu.Unlock()
	answer(w, r)
}

func (p *proxy) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func serve(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != zipPath {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// truncate promises everything and breaks off half way.
func truncate(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		_, _ = w.Write(data[:len(data)/2])
	}
}

// hang sends a byte and then nothing until the client gives up.
func hang(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write([]byte("P"))
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// journal collects events.
type journal struct {
	mu     sync.Mutex
	events []source.Event
}

func (j *journal) add(e source.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
}

func (j *journal) states() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var list []string
	for _, e := range j.events {
		if state := string(e.State); len(list) == 0 || list[len(list)-1] != state {
			list = append(list, state)
		}
	}
	return strings.Join(list, " ")
}

func (j *journal) last() source.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.events[len(j.events)-1]
}

// world is what a store sees: a cache, an environment and no real waiting.
type world struct {
	cache string
	env   map[string]string
	pause []time.Duration
	journal
}

func newWorld(t *testing.T, proxies string) *world {
	t.Helper()
	return &world{cache: t.TempDir(), env: map[string]string{"GOPROXY": proxies, "GOSUMDB": "off"}}
}

func (w *world) options() source.Options {
	return source.Options{
		CacheDir: w.cache, Progress: w.add,
		Environment: func(key string) string { return w.env[key] },
		Wait: func(_ context.Context, d time.Duration) error {
			w.pause = append(w.pause, d)
			return nil
		},
	}
}

// fetch returns the file deploy/values.yaml of the module.
func (w *world) fetch(t *testing.T, s bundle.Source) (string, error) {
	t.Helper()
	return fetchWith(t, w.options(), s, "deploy/values.yaml")
}

func fetchWith(t *testing.T, o source.Options, s bundle.Source, file string) (string, error) {
	t.Helper()
	tree, err := source.NewStore(o).Fetch(t.Context(), "acme", s)
	if err != nil {
		return "", err
	}
	defer tree.Close()
	text, err := fs.ReadFile(tree.FS(), file)
	return string(text), err
}

// leftovers are unfinished files, which no run may leave.
func leftovers(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, ".unfinished-*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}
