package watch_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opsgen/opsgen/proxy/watch"
)

// watching tells of changes until the test ends. told is called from the watcher's goroutine before each is passed on.
func watching(t *testing.T, poll time.Duration, told func(*watch.Watcher), paths ...string) <-chan struct{} {
	t.Helper()
	w, err := watch.New(poll)
	if err != nil {
		t.Fatal(err)
	}
	w.Set(paths)
	ctx, stop := context.WithCancel(t.Context())
	changes, done := make(chan struct{}, 100), make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx, func() {
			if told != nil {
				told(w)
			}
			select {
			case changes <- struct{}{}:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		stop()
		<-done
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return changes
}

func wait(t *testing.T, what string, changes <-chan struct{}) {
	t.Helper()
	select {
	case <-changes:
	case <-time.After(time.Minute):
		t.Fatalf("%s was not told", what)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestChangesAreTold(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, folder string){
		"a file is written":  func(t *testing.T, folder string) { write(t, filepath.Join(folder, "file"), "new") },
		"a file is made":     func(t *testing.T, folder string) { write(t, filepath.Join(folder, "another"), "new") },
		"a file is replaced": func(t *testing.T, folder string) { replace(t, folder) },
		"a file is removed": func(t *testing.T, folder string) {
			if err := os.Remove(filepath.Join(folder, "file")); err != nil {
				t.Fatal(err)
			}
		},
		// As the kubelet does it: neither the file nor its link is touched.
		"the link beside a file is exchanged": func(t *testing.T, folder string) {
			if err := os.Symlink("..2", filepath.Join(folder, "..data_tmp")); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			write(t, filepath.Join(folder, "file"), "old")
			if err := os.Symlink("..1", filepath.Join(folder, "..data")); err != nil {
				t.Fatal(err)
			}
			changes := watching(t, time.Hour, nil, filepath.Join(folder, "file"))
			test(t, folder)
			wait(t, name, changes)
		})
	}
}

func replace(t *testing.T, folder string) {
	t.Helper()
	write(t, filepath.Join(folder, "new"), "new")
	if err := os.Rename(filepath.Join(folder, "new"), filepath.Join(folder, "file")); err != nil {
		t.Fatal(err)
	}
}

func TestManyChangesAtOnceAreToldTogether(t *testing.T) {
	folder := t.TempDir()
	changes := watching(t, time.Hour, nil, filepath.Join(folder, "file"))
	began := time.Now()
	for range 200 {
		write(t, filepath.Join(folder, "file"), "new")
	}
	wait(t, "a change", changes)
	told := 1 + len(changes)
	if took := time.Since(began); told > 10+int(took/(50*time.Millisecond)) {
		t.Errorf("200 changes within %s were told %d times", took, told)
	}
}

// A mounted Secret is a folder whose files are what matters.
func TestAFolderIsWatchedForWhatIsInIt(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "secret")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	changes := watching(t, time.Hour, nil, folder)
	write(t, filepath.Join(folder, "tls.crt"), "new")
	wait(t, "a change in the folder", changes)
}

// What the system does not report is found by the poll.
func TestAFolderThatAppearsLaterIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "later", "file")
	changes := watching(t, 10*time.Millisecond, func(w *watch.Watcher) { w.Set([]string{path}) }, path)
	wait(t, "the poll", changes)
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	wait(t, "the poll", changes)
	write(t, path, "new")
	wait(t, "the poll", changes)
}

func TestWhatIsNotWatchedAnyMoreIsNotTold(t *testing.T) {
	before, after, aside := t.TempDir(), t.TempDir(), t.TempDir()
	// One event each, which is told once; writing a file makes several, and a busy machine may do it slowly.
	appear := func(folder, name string) {
		t.Helper()
		write(t, filepath.Join(aside, name), "1")
		if err := os.Rename(filepath.Join(aside, name), filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	changes := watching(t, time.Hour, func(w *watch.Watcher) { w.Set([]string{filepath.Join(after, "file")}) }, filepath.Join(before, "file"))
	appear(before, "file")
	wait(t, "the first change", changes)
	appear(before, "another")
	appear(after, "file")
	wait(t, "the change of the folder that is watched now", changes)
	if more := len(changes); more > 0 {
		t.Errorf("%d more changes were told", more)
	}
}
