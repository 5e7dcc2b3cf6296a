package tree_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/tree"
)

// folder makes a folder of the tree from texts by file name.
func folder(path string, texts map[string]string) tree.Folder {
	f := tree.Folder{Path: path, Files: map[string]string{}}
	content := map[string][]byte{}
	for name, text := range texts {
		f.Files[name] = tree.Sum([]byte(text))
		content[name] = []byte(text)
	}
	f.Content = func() (map[string][]byte, error) { return content, nil }
	return f
}

// write makes the tree equal to folders, as a render does.
func write(t *testing.T, dir string, folders ...tree.Folder) *tree.State {
	t.Helper()
	unlock, err := tree.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	state := read(t, dir)
	if err := state.Write(folders); err != nil {
		t.Fatal(err)
	}
	return read(t, dir)
}

func read(t *testing.T, dir string) *tree.State {
	t.Helper()
	state, err := tree.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestWriteAddsChangesAndPrunes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rendered")
	before := []tree.Folder{
		folder("platform/cortex", map[string]string{"a.yaml": "1", "b.yaml": "1"}),
		folder("platform/loki", map[string]string{"a.yaml": "1"}),
	}
	after := []tree.Folder{
		folder("platform/cortex", map[string]string{"a.yaml": "2", "c.yaml": "1"}),
		folder("tenants/x", map[string]string{"a.yaml": "1"}),
	}
	state := write(t, dir, before...)
	if !state.UpToDate(before) || state.UpToDate(after) {
		t.Error("a tree that was just written is not what was written")
	}
	want := []tree.Change{
		{File: "platform/cortex/a.yaml", Kind: "changed"},
		{File: "platform/cortex/b.yaml", Kind: "removed"},
		{File: "platform/cortex/c.yaml", Kind: "new"},
		{File: "platform/loki/a.yaml", Kind: "removed"},
		{File: "tenants/x/a.yaml", Kind: "new"},
	}
	if diff := cmp.Diff(want, state.Changes(after)); diff != "" {
		t.Error(diff)
	}
	state = write(t, dir, after...)
	if !state.UpToDate(after) || len(state.Foreign)+len(state.Edited) > 0 {
		t.Errorf("after the second write: %+v", state)
	}
	if _, err := os.Stat(filepath.Join(dir, "platform", "loki")); !os.IsNotExist(err) {
		t.Error("the folder of a removed unit is still there")
	}
}

func TestOthersFilesAreToldFromOurs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rendered")
	ours := folder("platform/cortex", map[string]string{"a.yaml": "1", "b.yaml": "1"})
	write(t, dir, ours)
	put(t, filepath.Join(dir, "platform/cortex/a.yaml"), "edited")
	put(t, filepath.Join(dir, "platform/cortex/note.md"), "mine")
	put(t, filepath.Join(dir, "theirs/x.yaml"), "mine")
	state := read(t, dir)
	if diff := cmp.Diff([]string{"platform/cortex/a.yaml"}, state.Edited); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"platform/cortex/note.md", "theirs/x.yaml"}, state.Foreign); diff != "" {
		t.Error(diff)
	}
	wanted := folder("theirs", map[string]string{"x.yaml": "ours"})
	if diff := cmp.Diff([]string{"theirs/x.yaml"}, state.Occupied([]tree.Folder{ours, wanted})); diff != "" {
		t.Error(diff)
	}
	write(t, dir, ours)
	for file, want := range map[string]string{"platform/cortex/a.yaml": "1", "platform/cortex/note.md": "mine", "theirs/x.yaml": "mine"} {
		if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(got) != want {
			t.Errorf("%s holds %q (%v), want %q", file, got, err, want)
		}
	}
}

func TestDamagedIndexIsNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rendered")
	ours := folder("platform/cortex", map[string]string{"a.yaml": "1"})
	write(t, dir, ours)
	put(t, filepath.Join(dir, "platform/cortex/index.json"), "<<<<<<< HEAD\n{}")
	state := read(t, dir)
	if diff := cmp.Diff([]string{"platform/cortex/index.json"}, state.Damaged); diff != "" || state.UpToDate([]tree.Folder{ours}) {
		t.Error("a damaged index passes", diff)
	}
}

func TestFileInPlaceOfTheTreeIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rendered")
	put(t, dir, "x")
	if _, err := tree.Read(dir); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("got %v", err)
	}
}

func TestSecondRunIsKeptOut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rendered")
	unlock, err := tree.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Lock(dir); err == nil || !strings.Contains(err.Error(), "another opsgen") {
		t.Errorf("a second run gets in: %v", err)
	}
	unlock()
	again, err := tree.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestInterruptedRenamesAreMended(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "rendered")
	ours := folder("a", map[string]string{"a.yaml": "1"})
	write(t, dir, ours)
	if err := os.Rename(dir, filepath.Join(parent, ".rendered-old")); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(parent, ".rendered-123", "a", "a.yaml"), "half")
	unlock, err := tree.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if !read(t, dir).UpToDate([]tree.Folder{ours}) {
		t.Error("the old tree did not come back")
	}
	entries, err := os.ReadDir(parent)
	if err != nil || len(entries) != 1 {
		t.Errorf("left beside the tree: %v (%v)", entries, err)
	}
}

// many is a tree big enough that writing it takes a while.
func many(text string) []tree.Folder {
	var folders []tree.Folder
	for i := range 40 {
		texts := map[string]string{}
		for j := range 25 {
			texts[fmt.Sprintf("%d.yaml", j)] = text
		}
		folders = append(folders, folder(fmt.Sprintf("unit-%d", i), texts))
	}
	return folders
}

// TestKilledRunLeavesTheOldTreeOrTheNew kills writers at many different moments.
func TestKilledRunLeavesTheOldTreeOrTheNew(t *testing.T) {
	if dir := os.Getenv("TREE_TEST_WRITER"); dir != "" {
		for i := 0; ; i++ {
			write(t, dir, many([]string{"old", "new"}[i%2])...)
			fmt.Println("round")
		}
	}
	dir := filepath.Join(t.TempDir(), "rendered")
	write(t, dir, many("old")...)
	for round := range 15 {
		kill(t, dir, round)
		if _, err := os.Stat(dir); err != nil {
			t.Fatalf("after a kill: %v", err)
		}
		state := read(t, dir)
		if !state.UpToDate(many("old")) && !state.UpToDate(many("new")) {
			t.Fatalf("after a kill the tree is neither the old one nor the new: %d edited, %d foreign", len(state.Edited), len(state.Foreign))
		}
	}
	unlock, err := tree.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".rendered-*")); err != nil || len(left) > 0 {
		t.Errorf("killed runs left %v (%v)", left, err)
	}
}

// kill starts a writer and kills it after it has reported one finished write and gone on by itself for a while that
// differs from round to round: it counts how often it sees a temporary tree.
func kill(t *testing.T, dir string, looks int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=TestKilledRunLeavesTheOldTreeOrTheNew")
	cmd.Env = append(os.Environ(), "TREE_TEST_WRITER="+dir)
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait() //nolint:errcheck // it was killed
	if _, err := output.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	for seen := 0; seen <= looks; {
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".rendered-*")); len(left) > 0 {
			seen++
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
}
