package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/opsgen/opsgen/test/build"
)

// Stage names the two steps of a node's first process, as arguments of the program that runs Init.
const (
	StageEnter = "node-enter"
	StageInit  = "node-init"
)

// Enter is the first step of a node's first process, which was cloned into its namespaces: it goes into the node's
// cgroups, has a cgroup namespace begin there, so that they look like the roots, and becomes Init by executing this
// program anew with prefix, StageInit and dir.
func Enter(dir string, prefix ...string) error {
	s, err := ReadSpec(dir)
	if err != nil {
		return err
	}
	// The namespace is the thread's; executing a program ends the others.
	runtime.LockOSThread()
	if err := enterCgroups(s.Cgroup); err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("making a cgroup namespace: %w", err)
	}
	arguments := append(append([]string{"bed"}, prefix...), StageInit, dir)
	if err := unix.Exec("/proc/self/exe", arguments, os.Environ()); err != nil {
		return fmt.Errorf("executing the second step: %w", err)
	}
	return nil
}

// Init makes the machine out of its namespaces and keeps the node's processes running. It waits for the end of link,
// which says that the node's end of its cable is there, and returns only with an error.
func Init(ctx context.Context, dir string, link io.Reader) error {
	s, err := ReadSpec(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(makeMounts(s), fakeSysctls(s), unix.Sethostname([]byte(s.Name))); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, link); err != nil {
		return fmt.Errorf("waiting for the link: %w", err)
	}
	if err := configureLink(ctx, s); err != nil {
		return err
	}
	runner, err := NewRunner(ctx, s.Dir+"/log")
	if err != nil {
		return err
	}
	for _, p := range s.Processes {
		go runner.Keep(ctx, p)
	}
	slog.Info("the node runs", "node", s.Name, "processes", len(s.Processes))
	<-ctx.Done()
	return ctx.Err()
}

func configureLink(ctx context.Context, s *Spec) error {
	ip, err := build.FindCommand("ip")
	if err != nil {
		return fmt.Errorf("configuring the link: %w", err)
	}
	for _, arguments := range [][]string{
		{"link", "set", "lo", "up"},
		{"address", "add", s.Address.String(), "dev", "eth0"},
		{"link", "set", "eth0", "up"},
		{"route", "add", "default", "via", s.Gateway.String()},
	} {
		if out, err := exec.CommandContext(ctx, ip, arguments...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %v: %w: %s", arguments, err, out)
		}
	}
	// The namespace's own, not the machine's: packets of pods pass through the node.
	return write("/proc/sys/net/ipv4/ip_forward", "1")
}
