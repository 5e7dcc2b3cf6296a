package bed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opsgen/opsgen/test/build"
	"github.com/opsgen/opsgen/test/node"
)

// Capabilities that a real node needs, by their numbers in the kernel (capabilities(7)).
var capabilities = map[string]uint{"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_MKNOD": 27}

// checkMachine says everything that the machine lacks for real nodes, and what can be had without.
func checkMachine() error {
	problems := []error{checkPrivileges(), checkKernel()}
	if _, err := build.FindSystem(); err != nil {
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("this machine cannot have real nodes:\n%w\nFake nodes need none of this: bed up --nodes fake", err)
	}
	return nil
}

func checkPrivileges() error {
	if os.Geteuid() != 0 {
		return errors.New("real nodes need root, for namespaces, mounts and links of their own: run this as root")
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("looking at this process: %w", err)
	}
	return missingCapabilities(string(status))
}

// missingCapabilities reads a process' status (proc_pid_status(5)).
func missingCapabilities(status string) error {
	var problems []error
	for _, line := range strings.Split(status, "\n") {
		text, found := strings.CutPrefix(line, "CapEff:\t")
		if !found {
			continue
		}
		have, err := strconv.ParseUint(text, 16, 64)
		if err != nil {
			return fmt.Errorf("reading this process' capabilities: %w", err)
		}
		for name, bit := range capabilities {
			if have&(1<<bit) == 0 {
				problems = append(problems, fmt.Errorf("this process lacks the capability %s", name))
			}
		}
	}
	return errors.Join(problems...)
}

// Namespaces that a node has of its own, by their files in /proc/self/ns.
var namespaces = []string{"cgroup", "ipc", "mnt", "net", "pid", "uts"}

func checkKernel() error {
	filesystems, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return fmt.Errorf("looking at the kernel: %w", err)
	}
	var problems []error
	if !strings.Contains(string(filesystems), "\toverlay\n") {
		problems = append(problems, errors.New("the kernel lacks overlay file systems: modprobe overlay"))
	}
	for _, name := range namespaces {
		if _, err := os.Stat("/proc/self/ns/" + name); err != nil {
			problems = append(problems, fmt.Errorf("the kernel lacks namespaces of the kind %s", name))
		}
	}
	for _, name := range node.MissingControllers() {
		problems = append(problems, fmt.Errorf("the cgroup controller %s is not there: kubelet cannot limit pods", name))
	}
	return errors.Join(problems...)
}

// ensurePrograms answers the paths of what a bed runs, by the names under which it is called.
func ensurePrograms(ctx context.Context, o Options) (map[string]string, error) {
	names := []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"}
	if o.Fake > 0 {
		names = append(names, "kwok")
	}
	if o.Nodes > 0 {
		names = append(names, "kubelet", "kube-proxy", "containerd", "containerd-shim-runc-v2", "ctr",
			"ptp", "loopback", "portmap", "host-local", "coredns", "netpol", "pause", "gitserver")
	} else if len(o.Repositories) > 0 {
		names = append(names, "gitserver")
	}
	programs, err := build.Ensure(ctx, names, build.Options{Progress: o.Progress})
	if err != nil {
		return nil, fmt.Errorf("building the cluster's programs: %w", err)
	}
	return programs, nil
}

// lastWords are the ends of the logs, for the error of a bed that did not come up: they are removed with it.
func (s *state) lastWords() string {
	var text strings.Builder
	for _, pattern := range []string{"log/*.log", "nodes/*/log/*.log"} {
		files, err := filepath.Glob(filepath.Join(s.Dir, pattern))
		if err != nil {
			continue // The patterns are constants.
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil || len(data) == 0 {
				continue
			}
			lines := strings.Split(strings.TrimSpace(string(data)), "\n")
			fmt.Fprintf(&text, "--- %s\n%s\n", strings.TrimPrefix(file, s.Dir+"/"),
				strings.Join(lines[max(0, len(lines)-5):], "\n"))
		}
	}
	return text.String()
}
