package bed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opsgen/opsgen/test/build"
	"github.com/opsgen/opsgen/test/node"
)

// The warden is the one process of a bed outside its namespaces. It ends with its owner unless that detached it, and
// removes what the kernel does not: cgroups and files. If it is killed itself, the switch and all nodes die with it,
// and what it would have removed waits for `bed down` or the next `bed up` of the name.
const detachMessage = "d"

func runWarden(ctx context.Context, dir string) error {
	s, err := readState(dir)
	if err != nil {
		return err
	}
	lock, err := lockBed(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		// The pipe ends with the owner, however that ends.
		message, _ := io.ReadAll(os.NewFile(inherited, "owner")) //nolint:errcheck // An error is the end, too.
		if string(message) != detachMessage {
			cancel()
		}
	}()
	slog.Info("the bed begins", "name", s.Name)
	err = wardSwitch(ctx, s)
	cleanup, cancelCleanup := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancelCleanup()
	return errors.Join(err, sweep(cleanup, dir))
}

// wardSwitch runs the switch in namespaces of its own until ctx ends or it does.
func wardSwitch(ctx context.Context, s *state) error {
	// The switch is to die with the warden; the signal is bound to this thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ready, linked, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	defer linked.Close()
	command := exec.CommandContext(ctx, "/proc/self/exe", internal, stageSwitch, s.Dir)
	command.Stdout, command.Stderr, command.ExtraFiles = os.Stdout, os.Stderr, []*os.File{ready}
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if !s.fakeOnly() {
		command.SysProcAttr.Cloneflags = unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWIPC
	}
	if err := errors.Join(command.Start(), ready.Close()); err != nil {
		return fmt.Errorf("starting the switch: %w", err)
	}
	if !s.fakeOnly() {
		err = linkHost(ctx, s, command.Process.Pid)
	}
	if err != nil {
		return errors.Join(err, command.Process.Kill(), ignore(command.Wait()))
	}
	if err := linked.Close(); err != nil {
		return fmt.Errorf("telling the switch: %w", err)
	}
	err = command.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("the switch ended: %w", err)
}

// ignore drops the error of a process that was killed on purpose.
func ignore(error) error { return nil }

// linkHost connects the host to the bed. The route leads into the bed only: the host forwards nothing for it.
func linkHost(ctx context.Context, s *state, pid int) error {
	ip, err := build.FindCommand("ip")
	if err != nil {
		return fmt.Errorf("linking the bed: %w", err)
	}
	for _, arguments := range [][]string{
		{"link", "add", s.link(), "type", "veth", "peer", "name", "host", "netns", fmt.Sprint(pid)},
		{"address", "add", s.host().String() + "/24", "dev", s.link()},
		{"link", "set", s.link(), "up"},
		{"route", "add", s.network().String(), "via", s.gateway().String(), "dev", s.link()},
	} {
		if out, err := exec.CommandContext(ctx, ip, arguments...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %v: %w: %s", arguments, err, out)
		}
	}
	return nil
}

// lockBed says that the caller is the bed's warden. A lock, unlike a number in a file, ends with its process.
func lockBed(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "warden.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the bed: %w", err)
	}
	if err := unix.FcntlFlock(file.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		return nil, errors.Join(fmt.Errorf("locking the bed: %w", err), file.Close())
	}
	return file, nil
}

// wardenOf answers the process that wards the bed in dir, or 0.
func wardenOf(dir string) (int, error) {
	file, err := os.OpenFile(filepath.Join(dir, "warden.lock"), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, fmt.Errorf("looking for the warden: %w", err)
	}
	defer file.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(file.Fd(), unix.F_GETLK, &lock); err != nil {
		return 0, fmt.Errorf("looking for the warden: %w", err)
	}
	if lock.Type == unix.F_UNLCK {
		return 0, nil
	}
	return int(lock.Pid), nil
}

// sweep removes what a bed without processes leaves.
func sweep(ctx context.Context, dir string) error {
	entries, err := os.ReadDir(filepath.Join(dir, "nodes"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("listing the bed's nodes: %w", err)
	}
	for _, e := range entries {
		s, err := node.ReadSpec(filepath.Join(dir, "nodes", e.Name()))
		if err != nil {
			continue // It never had a cgroup.
		}
		if err := node.Remove(ctx, s); err != nil {
			return err
		}
	}
	if s, err := readState(dir); err == nil && !s.fakeOnly() {
		unlinkHost(ctx, s)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing the bed's folder: %w", err)
	}
	return nil
}

// unlinkHost removes the host's end of the link. The kernel does so, too, some time after the bed's last process; but the
// folder's end frees the name for another bed. That there is no link any more is no error.
func unlinkHost(ctx context.Context, s *state) {
	if ip, err := build.FindCommand("ip"); err == nil {
		_ = exec.CommandContext(ctx, ip, "link", "delete", s.link()).Run()
	}
}
