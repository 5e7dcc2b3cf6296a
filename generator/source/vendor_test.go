package source_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/source"
)

// Somebody with network vendors; somebody without renders from that folder alone.
func TestVendorForAnAirGap(t *testing.T) {
	data, sum := moduleZip(t, "x: module")
	archive := goodChart(t, "x: archive")
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive) }))
	defer server.Close()
	host := chartRegistry(t, nil)
	sources := map[string]bundle.Source{
		"module":   moduleSource(sum),
		"archive":  {URL: server.URL + "/thing.tgz", Version: "1.2.3", Sum: digest(archive)},
		"registry": push(t, host, "1.2.3", goodChart(t, "x: registry"), helmLayer),
	}
	outside := newWorld(t, newProxy(t, serve(data)).URL)
	o := outside.options()
	o.Client = server.Client()
	dir := filepath.Join(t.TempDir(), "vendor")
	for range 2 {
		if err := source.NewStore(o).Vendor(t.Context(), dir, sources); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 4 || leftovers(t, dir) != nil {
		t.Errorf("the vendor folder holds %v, %v", files, err)
	}
	for _, part := range []string{"example.com_Acme_charts@v1.2.3-", "_charts_thing@1.2.3-"} {
		if !strings.Contains(strings.Join(files, " "), part) {
			t.Errorf("no file's name tells %q: %v", part, files)
		}
	}

	inside := newWorld(t, "off")
	o = inside.options()
	o.Offline, o.VendorDir = true, dir
	for name, s := range sources {
		if text, err := fetchWith(t, o, s, "deploy/values.yaml"); err != nil || text != "x: "+name {
			t.Errorf("%s: got %q, %v", name, text, err)
		}
	}
}

func TestVendoredFilesAreVerified(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	evil, _ := moduleZip(t, "x: evil")
	w := newWorld(t, newProxy(t, serve(data)).URL)
	dir := t.TempDir()
	vendor := func() error {
		o := w.options()
		o.VendorDir = dir
		return source.NewStore(o).Vendor(t.Context(), dir, map[string]bundle.Source{"acme": moduleSource(sum)})
	}
	if err := vendor(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cachedZip(t, dir), evil, 0o600); err != nil {
		t.Fatal(err)
	}
	inside := newWorld(t, "off").options()
	inside.Offline, inside.VendorDir = true, dir
	if _, err := fetchWith(t, inside, moduleSource(sum), "go.mod"); err == nil || !strings.Contains(err.Error(), "run opsgen vendor again") {
		t.Errorf("got %v", err)
	}
	if err := vendor(); err != nil {
		t.Fatalf("vendoring again does not repair the folder: %v", err)
	}
	if _, err := fetchWith(t, inside, moduleSource(sum), "go.mod"); err != nil {
		t.Error(err)
	}
}

func TestVendorTellsAllFailures(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	_, other := moduleZip(t, "x: 2")
	store := source.NewStore(newWorld(t, newProxy(t, serve(data)).URL).options())
	dir := t.TempDir()
	err := store.Vendor(t.Context(), dir, map[string]bundle.Source{
		"good": moduleSource(sum), "bad": moduleSource(other), "unpinned": moduleSource(""),
	})
	if err == nil || !strings.Contains(err.Error(), "source bad") || !strings.Contains(err.Error(), "source unpinned") {
		t.Errorf("got %v", err)
	}
	cachedZip(t, dir)
}

func TestOffline(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	p := newProxy(t, serve(data))
	w := newWorld(t, p.URL)
	o := w.options()
	o.Offline = true
	_, err := fetchWith(t, o, moduleSource(sum), "go.mod")
	if err == nil || !strings.Contains(err.Error(), "run opsgen vendor where there is network") || p.count() != 0 {
		t.Errorf("asked %d times: %v", p.count(), err)
	}
	if _, err := w.fetch(t, moduleSource(sum)); err != nil {
		t.Fatal(err)
	}
	if _, err := fetchWith(t, o, moduleSource(sum), "go.mod"); err != nil {
		t.Errorf("what is in the cache serves offline too: %v", err)
	}
	if err := os.Truncate(cachedZip(t, w.cache), 10); err != nil {
		t.Fatal(err)
	}
	if _, err := fetchWith(t, o, moduleSource(sum), "go.mod"); err == nil || !strings.Contains(err.Error(), "is damaged in the cache") {
		t.Errorf("got %v", err)
	}
}
