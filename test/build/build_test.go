package build

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// bed makes a module with one program that says what text says, and answers the program as the catalogue would.
func bed(t *testing.T, text string) (Binary, Options) {
	t.Helper()
	folder := t.TempDir()
	write(t, filepath.Join(folder, "go.mod"), "module example.test/bed\n\ngo 1.26\n")
	write(t, filepath.Join(folder, "app", "main.go"), "package main\n\nfunc main() { println(\""+text+"\") }\n")
	b := Binary{Name: "app", Folder: ".", Package: "./app", Sources: []string{"app"}, Links: []string{"other"}}
	return b, Options{Folder: folder, Cache: filepath.Join(t.TempDir(), "bin"), Progress: &bytes.Buffer{}}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// makeOne builds as Ensure does and answers the program's folder.
func makeOne(t *testing.T, b Binary, o Options) (string, error) {
	t.Helper()
	key, err := newKeys(o.Folder).of(b)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(o.Cache, b.Name+"-"+key)
	return folder, ensure(context.Background(), b, folder, o)
}

func TestAProgramIsBuiltOnceAndAnewWhenItChanges(t *testing.T) {
	b, o := bed(t, "one")
	folder, err := makeOne(t, b, o)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(filepath.Join(folder, "other")).CombinedOutput()
	if err != nil || string(out) != "one\n" {
		t.Fatalf("the program's link says %q, %v", out, err)
	}
	o.Progress = &bytes.Buffer{}
	again, err := makeOne(t, b, o)
	if err != nil || again != folder || o.Progress.(*bytes.Buffer).Len() > 0 {
		t.Errorf("the second call built again: %s, %v", o.Progress, err)
	}
	changed, flagged := b, b
	flagged.Tags = []string{"x"}
	write(t, filepath.Join(o.Folder, "app", "main.go"), "package main\n\nfunc main() { println(\"two\") }\n")
	if other, err := makeOne(t, changed, o); err != nil || other == folder {
		t.Errorf("a changed source kept the program: %v", err)
	}
	if other, err := makeOne(t, flagged, o); err != nil || other == folder {
		t.Errorf("another tag kept the program: %v", err)
	}
}

func TestAFailedBuildLeavesNothingAndSaysWhy(t *testing.T) {
	b, o := bed(t, "one")
	write(t, filepath.Join(o.Folder, "app", "main.go"), "package main\n\nfunc main() { undefinedName() }\n")
	_, err := makeOne(t, b, o)
	if err == nil || !strings.Contains(err.Error(), "undefinedName") {
		t.Errorf("the error does not say what the compiler said: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(o.Cache, "*app*")); len(left) > 0 {
		t.Errorf("a failed build left %q", left)
	}
}

func TestWhatAKilledBuildLeftIsRemoved(t *testing.T) {
	b, o := bed(t, "one")
	stale := filepath.Join(o.Cache, ".new-app-1")
	write(t, filepath.Join(stale, "app"), "half")
	if _, err := makeOne(t, b, o); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("the folder of a killed build is still there: %v", err)
	}
}

func TestTwoBuildersMakeOneProgram(t *testing.T) {
	b, o := bed(t, "one")
	var both sync.WaitGroup
	outputs := make([]bytes.Buffer, 2)
	for i := range outputs {
		mine := o
		mine.Progress = &outputs[i]
		both.Go(func() {
			if _, err := makeOne(t, b, mine); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if n := strings.Count(outputs[0].String()+outputs[1].String(), "built app"); n != 1 {
		t.Errorf("the program was built %d times", n)
	}
}

func TestACancelledWaitForTheLockEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var progress bytes.Buffer
	unlock, err := lock(context.Background(), path, &progress)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := lock(ctx, path, &progress); err == nil {
		t.Error("the lock was taken twice")
	}
	if !strings.Contains(progress.String(), "waiting") {
		t.Errorf("nothing says that this waits: %q", progress.String())
	}
}

func TestAnUnknownProgramIsNamed(t *testing.T) {
	_, err := Ensure(context.Background(), []string{"no-such"}, Options{Cache: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), `"no-such"`) {
		t.Errorf("got %v", err)
	}
}

func TestAProgramOfKubernetesKnowsItsVersion(t *testing.T) {
	flags := strings.Join(kubernetesVersion("v1.36.4"), " ")
	for _, want := range []string{
		"k8s.io/component-base/version.gitVersion=v1.36.4", "k8s.io/component-base/version.gitMajor=1",
		"k8s.io/client-go/pkg/version.gitMinor=36",
	} {
		if !strings.Contains(flags, want) {
			t.Errorf("%q lacks %s", flags, want)
		}
	}
}
