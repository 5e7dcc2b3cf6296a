package source_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/opsgen/opsgen/generator/source"
)

// cachedZip is the one module in a cache.
func cachedZip(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.zip"))
	if err != nil || len(found) != 1 {
		t.Fatalf("zips in the cache: %v, %v", found, err)
	}
	return found[0]
}

func TestDamagedCacheIsFetchedAgain(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	for name, damage := range map[string]func(t *testing.T, file string){
		"cut off": func(t *testing.T, file string) {
			if err := os.Truncate(file, 100); err != nil {
				t.Fatal(err)
			}
		},
		"other bytes": func(t *testing.T, file string) {
			other, _ := moduleZip(t, "x: 2")
			if err := os.WriteFile(file, other, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(file, time.Time{}, time.Now().Add(time.Second)); err != nil {
				t.Fatal(err)
			}
		},
		"gone": func(t *testing.T, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProxy(t, serve(data))
			w := newWorld(t, p.URL)
			if _, err := w.fetch(t, moduleSource(sum)); err != nil {
				t.Fatal(err)
			}
			damage(t, cachedZip(t, w.cache))
			if text, err := w.fetch(t, moduleSource(sum)); err != nil || text != "x: 1" || p.count() != 2 {
				t.Errorf("got %q after %d requests: %v", text, p.count(), err)
			}
		})
	}
}

// A disk that lost bits without changing size or time is noticed while reading, and healed by the next run.
func TestRottenBits(t *testing.T) {
	text := strings.Repeat("x: 1\n", 2000)
	data, sum := moduleZip(t, text)
	p := newProxy(t, serve(data))
	w := newWorld(t, p.URL)
	if _, err := w.fetch(t, moduleSource(sum)); err != nil {
		t.Fatal(err)
	}
	file := cachedZip(t, w.cache)
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	rotten := append([]byte(nil), data...)
	at := strings.Index(string(rotten), "deploy/values.yaml") + len("deploy/values.yaml") + 8
	rotten[at] ^= 0xff
	if err := os.WriteFile(file, rotten, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.fetch(t, moduleSource(sum)); err == nil || !strings.Contains(err.Error(), "damaged; run again") {
		t.Fatalf("got %v", err)
	}
	if got, err := w.fetch(t, moduleSource(sum)); err != nil || got != text {
		t.Errorf("the next run did not heal it: %v", err)
	}
}

func TestAnotherSumIsAnotherPackage(t *testing.T) {
	first, sum1 := moduleZip(t, "x: 1")
	second, sum2 := moduleZip(t, "x: 2")
	p := newProxy(t, serve(first), serve(second))
	w := newWorld(t, p.URL)
	if got, err := w.fetch(t, moduleSource(sum1)); err != nil || got != "x: 1" {
		t.Fatalf("got %q, %v", got, err)
	}
	if got, err := w.fetch(t, moduleSource(sum2)); err != nil || got != "x: 2" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := w.fetch(t, moduleSource(sum1)); err != nil || got != "x: 1" || p.count() != 2 {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	p := newProxy(t, serve(data))
	w := newWorld(t, p.URL)
	// Two stores stand for two processes that share a cache.
	stores := []*source.Store{source.NewStore(w.options()), source.NewStore(w.options())}
	var group sync.WaitGroup
	failures := make(chan error, 40)
	for i := range 40 {
		group.Go(func() {
			tree, err := stores[i%2].Fetch(t.Context(), "acme", moduleSource(sum))
			if err != nil {
				failures <- err
				return
			}
			text, err := fs.ReadFile(tree.FS(), "deploy/values.yaml")
			if err == nil && string(text) != "x: 1" {
				err = errors.New("wrong text " + string(text))
			}
			failures <- errors.Join(err, tree.Close())
		})
	}
	group.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			t.Error(err)
		}
	}
	if p.count() > 2 {
		t.Errorf("two processes asked %d times", p.count())
	}
	if left := leftovers(t, w.cache); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestKilledRunsAreSweptUp(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	w := newWorld(t, newProxy(t, serve(data)).URL)
	old, fresh := filepath.Join(w.cache, ".unfinished-old"), filepath.Join(w.cache, ".unfinished-fresh")
	for _, dir := range []string{old, fresh} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.fetch(t, moduleSource(sum)); err != nil {
		t.Fatal(err)
	}
	if left := leftovers(t, w.cache); len(left) != 1 || left[0] != fresh {
		t.Errorf("left: %v, want only the one that may still be in use", left)
	}
}

func TestTreeIsACompleteFileSystem(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	store := source.NewStore(newWorld(t, newProxy(t, serve(data)).URL).options())
	tree, err := store.Fetch(t.Context(), "acme", moduleSource(sum))
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if tree.Sum() != sum {
		t.Errorf("the tree says it has sum %s", tree.Sum())
	}
	if err := fstest.TestFS(tree.FS(), "go.mod", "deploy/values.yaml"); err != nil {
		t.Error(err)
	}
}

func TestSourcesWithoutAPinAreRefused(t *testing.T) {
	_, sum := moduleZip(t, "x: 1")
	w := newWorld(t, "off")
	unpinned, twice := moduleSource(""), moduleSource(sum)
	twice.URL = "https://example.com/x.tgz"
	if _, err := w.fetch(t, unpinned); err == nil || !strings.Contains(err.Error(), "no sum") {
		t.Errorf("got %v", err)
	}
	if _, err := w.fetch(t, twice); err == nil || !strings.Contains(err.Error(), "exactly one") {
		t.Errorf("got %v", err)
	}
}
