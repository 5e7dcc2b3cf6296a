package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Machine is a node whose namespaces exist.
type Machine struct {
	Spec *Spec
	// PID is the node's first process, in the numbers of the caller's namespace.
	PID int
	// Done delivers the end of the first process, and so of everything on the node.
	Done <-chan syscall.WaitStatus

	runner *Runner
}

// Start makes the node's cgroups and namespaces, and runs this program in them with prefix and StageEnter. The node
// waits until connect has made its link, named eth0 in the network namespace of the given process. The caller must
// be root.
func Start(r *Runner, s *Spec, connect func(pid int) error, prefix ...string) (*Machine, error) {
	if err := makeCgroups(s.Cgroup, s.MemoryBytes); err != nil {
		return nil, err
	}
	link, linked, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	defer link.Close()
	defer linked.Close()
	out, err := os.OpenFile(filepath.Join(s.Dir, "log", "init.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening a log: %w", err)
	}
	defer out.Close()
	a := r.attributes(out, nil)
	a.Files = append(a.Files, link.Fd())
	a.Sys.Cloneflags = unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC
	p := Process{Name: s.Name, Path: "/proc/self/exe", Args: append(append([]string{}, prefix...), StageEnter, s.Dir)}
	pid, done, err := r.Start(p, a)
	if err != nil {
		return nil, err
	}
	m := &Machine{Spec: s, PID: pid, Done: done, runner: r}
	if err := connect(pid); err != nil {
		return nil, errors.Join(err, m.Kill())
	}
	return m, nil
}

// Kill ends everything on the node at once, as a power cut does, and waits until the kernel has freed it.
func (m *Machine) Kill() error {
	if err := syscall.Kill(m.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("killing node %s: %w", m.Spec.Name, err)
	}
	<-m.Done
	return nil
}

// RemoveCgroups removes a dead node's cgroups. The kernel may need a moment to empty them.
func RemoveCgroups(ctx context.Context, s *Spec) error {
	for {
		err := removeCgroups(s.Cgroup)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("removing the cgroups of node %s: %w", s.Name, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Remove removes what a dead node leaves on the host: its cgroups and its folder.
func Remove(ctx context.Context, s *Spec) error {
	if err := RemoveCgroups(ctx, s); err != nil {
		return err
	}
	// Everything mounted below was private to the node and is gone with it. Were it not, removing would delete what
	// is mounted there.
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("listing mounts: %w", err)
	}
	if bytes.Contains(mounts, []byte(" "+s.Dir+"/")) {
		return fmt.Errorf("removing node %s: something is mounted below %s", s.Name, s.Dir)
	}
	if err := os.RemoveAll(s.Dir); err != nil {
		return fmt.Errorf("removing node %s: %w", s.Name, err)
	}
	return nil
}
