package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// until polls until the file has the text.
func until(t *testing.T, file, text string) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		data, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(data), text) {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s never has %q: %q, %v", file, text, data, err)
		case <-tick.C:
		}
	}
}

// TestProcessesAreKeptRunning has one runner for all it looks at: a program has at most one, which collects every child.
func TestProcessesAreKeptRunning(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := NewRunner(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "began")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Keep(ctx, Process{
			Name: "short", Path: "/bin/sh", Args: []string{"-c", "echo ready $SETTING"}, Env: []string{"SETTING=own"},
			// The first attempt fails, and is repeated before the process itself begins.
			Before: []string{"/bin/sh", "-c", "echo attempt; test -e " + file + " || { touch " + file + "; exit 1; }"},
		})
	}()
	until(t, filepath.Join(dir, "short.log"), "attempt\nattempt\nready own\nready own\n")
	if err := r.Run("/bin/sh", "-c", "echo what is wrong; exit 3"); err == nil || !strings.Contains(err.Error(), "what is wrong") {
		t.Errorf("a program that fails: %v", err)
	}
	if err := r.Run("/bin/true"); err != nil {
		t.Error(err)
	}
	if _, _, err := r.Start(Process{Name: "absent", Path: "/no/such/program"}, r.attributes(os.Stderr, nil)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a program that is not there: %v", err)
	}
	cancel()
	<-ended
}

func TestASpecificationIsReadAsItWasWritten(t *testing.T) {
	s := &Spec{Name: "node-1", Dir: filepath.Join(t.TempDir(), "node-1"), Processes: []Process{{Name: "true", Path: "/bin/true"}}}
	if err := s.Write(); err != nil {
		t.Fatal(err)
	}
	got, err := ReadSpec(s.Dir)
	if err != nil || got.Name != s.Name || got.Processes[0].Path != "/bin/true" {
		t.Errorf("%+v, %v", got, err)
	}
	s.Processes[0].Path = "/no/such/program"
	if err := s.Write(); err == nil || !strings.Contains(err.Error(), "node-1 has no program for true") {
		t.Errorf("a program that is not there: %v", err)
	}
}

func TestTheControllerThatCannotBeHandedOnIsNamed(t *testing.T) {
	dir := t.TempDir()
	if err := handOn(dir, []string{"cpu", "memory"}); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control")); err != nil || string(data) != "+memory" {
		t.Errorf("the last controller is %q, %v", data, err)
	}
	if err := handOn(filepath.Join(dir, "absent"), []string{"cpu"}); err == nil || !strings.Contains(err.Error(), "controller cpu") {
		t.Errorf("a cgroup that is not there: %v", err)
	}
}
