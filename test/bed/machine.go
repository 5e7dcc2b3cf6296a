package bed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opsgen/opsgen/test/build"
)

// Capabilities that a real node needs, by their numbers in the kernel (capabilities(7)).
var capabilities = map[string]uint{"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_MKNOD": 27}

// checkMachine says everything that the machine lacks for real nodes.
func checkMachine() error {
	if os.Geteuid() != 0 {
		return errors.New("real nodes need root, for namespaces, mounts and links of their own: run this as root")
	}
	var problems []error
	if _, err := build.FindSystem(); err != nil {
		problems = append(problems, err)
	}
	filesystems, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return fmt.Errorf("looking at the kernel: %w", err)
	}
	if !strings.Contains(string(filesystems), "\toverlay\n") {
		problems = append(problems, errors.New("the kernel lacks overlay file systems: modprobe overlay"))
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("looking at this process: %w", err)
	}
	for _, line := range strings.Split(string(status), "\n") {
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

// ensurePrograms answers the paths of what nodes run, by the names under which it is called.
func ensurePrograms(ctx context.Context, progress io.Writer) (map[string]string, error) {
	programs, err := build.Ensure(ctx, []string{
		"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl",
		"containerd", "containerd-shim-runc-v2", "ctr", "ptp", "loopback", "portmap", "host-local", "coredns",
		"netpol", "pause", "gitserver",
	}, build.Options{Progress: progress})
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
