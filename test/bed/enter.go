package bed

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opsgen/opsgen/test/build"
	"github.com/opsgen/opsgen/test/node"
)

// Command answers a command that runs in a real node's namespaces, as its root, with the bed's programs in its PATH. The
// caller connects and runs it.
func (b *Bed) Command(ctx context.Context, name, program string, arguments ...string) (*exec.Cmd, error) {
	pid, err := b.state.findNode(name)
	if err != nil {
		return nil, err
	}
	enter, err := build.FindCommand("nsenter")
	if err != nil {
		return nil, fmt.Errorf("entering node %s: %w", name, err)
	}
	command := exec.CommandContext(ctx, enter, append([]string{
		"--target=" + strconv.Itoa(pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--wd=/", "--", program,
	}, arguments...)...)
	command.Env = append(os.Environ(), "PATH="+b.state.Programs+":/usr/sbin:/usr/bin:/sbin:/bin",
		"CONTAINERD_NAMESPACE=k8s.io", "KUBECONFIG="+b.Kubeconfig())
	return command, nil
}

// findNode answers a node's first process, in the numbers of this process' namespace: the switch knows its own only.
func (s *state) findNode(name string) (int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, fmt.Errorf("listing processes: %w", err)
	}
	want := strings.Join([]string{internal, node.StageInit, s.nodeDir(name), ""}, "\x00")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil || !strings.HasSuffix(string(data), "\x00"+want) {
			continue // Of a process that has ended, or of another.
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return 0, fmt.Errorf("reading %s: %w", file, err)
		}
		return pid, nil
	}
	return 0, fmt.Errorf("no real node %q runs: `bed status` lists them", name)
}
