package bed

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// expectNothing fails when anything of a bed is on the machine: processes, mounts, links, cgroups, files.
func expectNothing(t *testing.T, s *state) {
	t.Helper()
	// Another bed may have taken the network, and with it the link's name, already.
	reused := false
	others, err := filepath.Glob(filepath.Join(filepath.Dir(s.Dir), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range others {
		if other, err := readState(dir); err == nil {
			reused = reused || other.Index == s.Index
		}
	}
	for file, text := range map[string]string{"/proc/self/mountinfo": s.Dir + "/", "/proc/net/dev": s.link() + ":"} {
		if data, err := os.ReadFile(file); err != nil || strings.Contains(string(data), text) && !reused {
			t.Errorf("%s still has %s (%v)", file, text, err)
		}
	}
	cgroup := "opsgen-" + s.Name + "-*"
	for _, pattern := range []string{"/sys/fs/cgroup/" + cgroup, "/sys/fs/cgroup/*/" + cgroup, s.Dir} {
		if left, err := filepath.Glob(pattern); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range commands {
		// A process may have ended meanwhile.
		if data, err := os.ReadFile(file); err == nil && bytes.Contains(data, []byte(s.Dir)) {
			t.Errorf("a process is left: %s", bytes.ReplaceAll(data, []byte{0}, []byte(" ")))
		}
	}
}

func TestAKilledBedLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	b, err := Up(ctx, Options{Name: "killed", Progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	warden, err := wardenOf(b.state.Dir)
	if err != nil || warden == 0 {
		t.Fatalf("no warden: %d, %v", warden, err)
	}
	if err := syscall.Kill(warden, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := Down(ctx, "killed"); err != nil {
		t.Fatal(err)
	}
	expectNothing(t, b.state)
}

func TestTwoBedsLiveSideBySide(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	first, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	second, err := Up(ctx, Options{Name: "second", Progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if first.state.network().Overlaps(second.state.network()) {
		t.Errorf("both have the network %s", first.state.network())
	}
	if _, err := Up(ctx, Options{Name: "second"}); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("a third bed of the second's name: %v", err)
	}
	// A name of one means nothing to the other.
	if _, err := second.client.CoreV1().Nodes().Get(ctx, "node-2", meta.GetOptions{}); err == nil {
		t.Error("the second bed has a node of the first")
	}
	if err := second.Close(ctx); err != nil {
		t.Fatal(err)
	}
	expectNothing(t, second.state)
	if list, err := first.Status(ctx); err != nil || !list[0].Ready || !list[0].Runs {
		t.Errorf("the first bed: %+v, %v", list, err)
	}
}

func TestAnInterruptedStartLeavesNothing(t *testing.T) {
	t.Parallel()
	const name = "interrupted"
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), upInstead+"="+name)
	command.Stderr = t.Output()
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var s *state
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		t.Log(lines.Text())
		if !strings.HasPrefix(lines.Text(), "namespaces") {
			continue
		}
		// Now there is something to leave behind.
		dir, err := bedDir(name)
		if err != nil {
			t.Fatal(err)
		}
		if s, err = readState(dir); err != nil {
			t.Fatal(err)
		}
		if err := command.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
	}
	var exit *exec.ExitError
	if err := command.Wait(); !errors.As(err, &exit) {
		t.Errorf("an interrupted start ended with %v", err)
	}
	if s == nil {
		t.Fatal("the bed never had namespaces")
	}
	expectNothing(t, s)
}

func TestANodeThatLosesItsPowerIsSeen(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	// A bed of its own: pods of other tests must not be placed on the node that goes.
	b, err := Up(ctx, Options{Name: "powerless", Progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}()
	name, err := b.AddNode(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.KillNode(ctx, name); err != nil {
		t.Fatal(err)
	}
	if err := await(ctx, "the loss", func(ctx context.Context) error {
		list, err := b.Status(ctx)
		if err != nil {
			return err
		}
		for _, n := range list {
			if n.Name == name && !n.Ready && !n.Runs {
				return nil
			}
		}
		return errors.New("nobody noticed")
	}); err != nil {
		t.Error(err)
	}
	logs, err := b.LogFiles()
	if err != nil || logs[name+"/kubelet"] == "" {
		t.Errorf("the logs of a lost node are gone: %v, %v", logs, err)
	}
	if err := b.StartNode(ctx, name); err != nil {
		t.Fatal(err)
	}
}
