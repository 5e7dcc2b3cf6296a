package cache_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opsgen/opsgen/generator/cache"
)

func TestEntriesSurviveAndDamageIsAMiss(t *testing.T) {
	dir := t.TempDir()
	store := cache.New(dir)
	key := cache.NewKey("unit").Add("a", "b").String()
	var got []string
	if store.Get(key, &got) {
		t.Error("an empty store has an entry")
	}
	if err := store.Put(key, []string{"x"}); err != nil {
		t.Fatal(err)
	}
	if !store.Get(key, &got) || len(got) != 1 || got[0] != "x" {
		t.Errorf("got %v, want [x]", got)
	}
	file := filepath.Join(dir, key[:2], key)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string][]byte{"cut": text[:len(text)-1], "changed": append(text[:len(text)-3:len(text)-3], `y"]`...), "empty": nil} {
		if err := os.WriteFile(file, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		if store.Get(key, &got) {
			t.Errorf("a %s entry is taken for a good one", name)
		}
	}
}

func TestKeysOfDifferentPartsDiffer(t *testing.T) {
	if cache.NewKey("unit").Add("ab", "c").String() == cache.NewKey("unit").Add("a", "bc").String() {
		t.Error("moving a letter from one part to the next gives the same key")
	}
}

func TestPruneRemovesOldEntriesOnly(t *testing.T) {
	store := cache.New(t.TempDir())
	const count = 300
	for i := range count {
		if err := store.Put(cache.NewKey("x").Add(time.Duration(i).String()).String(), i); err != nil {
			t.Fatal(err)
		}
	}
	removedAfter := func(later time.Duration) (removed int) {
		for i := range 256 {
			removed += store.Prune(time.Now().Truncate(256*time.Microsecond).Add(later+time.Duration(i)*time.Microsecond), 24*time.Hour)
		}
		return removed
	}
	if removed := removedAfter(0); removed != 0 {
		t.Errorf("%d new entries were removed", removed)
	}
	if removed := removedAfter(48 * time.Hour); removed != count {
		t.Errorf("%d of %d old entries were removed", removed, count)
	}
}

func TestNoStoreKeepsNothing(t *testing.T) {
	var none *cache.Store
	var got int
	if err := none.Put("key", 1); err != nil || none.Get("key", &got) || none.Prune(time.Now(), 0) != 0 {
		t.Error("a nil store must do nothing")
	}
}
