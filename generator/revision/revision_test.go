package revision_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/revision"
)

// repository is a Git repository with two commits: a.txt, then more and a branch at the first.
func repository(t *testing.T) (string, *revision.History) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "a.txt", "one")
	write(t, dir, "folder/b c.txt", "same")
	git(t, dir, "init", "-q", "-b", "main")
	commit(t, dir)
	git(t, dir, "branch", "old")
	write(t, dir, "a.txt", "two")
	write(t, dir, "folder/d.txt", "same")
	commit(t, dir)
	history, err := revision.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, history
}

func git(t *testing.T, dir string, arguments ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"}, arguments...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1") // a person's may sign each commit
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %s", arguments, out)
	}
}

func commit(t *testing.T, dir string) {
	t.Helper()
	git(t, dir, "add", ".")
	git(t, dir, "commit", "-q", "-m", "a change")
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestChangedNamesFilesOnDiskAndBetweenCommits(t *testing.T) {
	dir, history := repository(t)
	write(t, dir, "new file.txt", "not known to Git")
	for text, want := range map[string][]string{
		"old..main": {"a.txt", "folder/d.txt"},
		"old":       {"a.txt", "folder/d.txt", "new file.txt"},
		"main...":   nil,
	} {
		r, err := history.ParseRange(context.Background(), text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := history.Changed(context.Background(), r)
		if d := cmp.Diff(want, got); err != nil || len(want)+len(got) > 0 && d != "" {
			t.Errorf("%s: %v\n%s", text, err, d)
		}
	}
}

func TestExportWritesWhatACommitHolds(t *testing.T) {
	_, history := repository(t)
	at, err := history.Resolve(context.Background(), "old")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := history.Export(context.Background(), at, dir, func(file string) bool { return file != "skipped" }); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.txt": "one", "folder/b c.txt": "same"} {
		if got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name))); err != nil || string(got) != want {
			t.Errorf("%s is %q: %v", name, got, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "folder", "d.txt")); err == nil {
		t.Error("a file of a later commit was written")
	}
}

// The threat: a commit brings a link to a file of the machine that renders it.
func TestExportRefusesLinksThatLeadOut(t *testing.T) {
	for _, target := range []string{"../outside", "/etc/hostname", "folder/../../outside"} {
		dir, history := repository(t)
		if err := os.Symlink(target, filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		commit(t, dir)
		at, err := history.Resolve(context.Background(), "HEAD")
		if err != nil {
			t.Fatal(err)
		}
		if err := history.Export(context.Background(), at, t.TempDir(), func(string) bool { return true }); err == nil {
			t.Errorf("a link to %s was written", target)
		}
	}
}
