package node

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// VolumesDir is where a node keeps the volumes that the bed makes, in the node's eyes; on the host it is below the
// node's folder (Spec.HostPath).
const VolumesDir = "/var/lib/bed-volumes"

// Folders of a node that are neither the machine's nor on an overlay: containerd's snapshots cannot lie on one, and
// what the bed writes into them from outside must be seen.
var owned = []string{
	"var/lib/kubelet", "var/lib/containerd", "var/lib/cni", "var/log/pods", "var/log/containers", VolumesDir[1:],
	"etc/cni", "etc/containerd", "opt/cni/bin",
}

// HostPath is where a folder that the node owns (an absolute path inside, as VolumesDir) lies on the host.
func (s *Spec) HostPath(inside string) string { return filepath.Join(s.Dir, "fs", inside) }

// makeMounts gives the node a view of the file system in which it may write anywhere and the host sees nothing of it.
func makeMounts(s *Spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := mountKernel(); err != nil {
		return err
	}
	for _, dir := range []string{"etc", "opt", "var"} {
		if err := mountOverlay(s, dir); err != nil {
			return err
		}
	}
	for _, dir := range owned {
		if err := mountOwned(s, dir); err != nil {
			return err
		}
	}
	// Hermetic: names outside fail at once, instead of after ten seconds of waiting for a name server.
	if err := bindFile(filepath.Join(s.Dir, "resolv.conf"), "nameserver 127.0.0.1\n", "/etc/resolv.conf"); err != nil {
		return err
	}
	// Kubelet wants to hand mounts on to pods. This is within the namespace only.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("making mounts shared: %w", err)
	}
	return nil
}

// mountKernel shows the namespaces' own processes, devices and cgroups.
func mountKernel() error {
	const safe = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	var mounted []string
	unified := Unified()
	if !unified {
		var err error
		if mounted, err = version1(); err != nil {
			return err
		}
	}
	for _, m := range []struct{ kind, dir, options string }{
		{"proc", "/proc", ""}, {"sysfs", "/sys", ""}, {"tmpfs", "/run", "mode=755"},
	} {
		if err := unix.Mount(m.kind, m.dir, m.kind, safe, m.options); err != nil {
			return fmt.Errorf("mounting %s: %w", m.dir, err)
		}
	}
	if err := os.MkdirAll("/run/netns", 0o755); err != nil {
		return fmt.Errorf("making /run/netns: %w", err)
	}
	if unified {
		return mountUnified()
	}
	return mountVersion1(mounted)
}

// version1 lists the mounted hierarchies of the first version by their options, such as cpu or name=systemd.
func version1() ([]string, error) {
	file, err := os.Open("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("listing cgroups: %w", err)
	}
	defer file.Close()
	var options []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if parts := strings.SplitN(lines.Text(), ":", 3); len(parts) == 3 && parts[1] != "" {
			options = append(options, parts[1])
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("listing cgroups: %w", err)
	}
	return options, nil
}

func mountVersion1(hierarchies []string) error {
	if err := unix.Mount("tmpfs", cgroupRoot, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mounting %s: %w", cgroupRoot, err)
	}
	for _, options := range hierarchies {
		dir := filepath.Join(cgroupRoot, strings.TrimPrefix(options, "name="))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("making %s: %w", dir, err)
		}
		if strings.HasPrefix(options, "name=") {
			options = "none," + options
		}
		// Mounted in the cgroup namespace, the node's cgroup is the root.
		if err := unix.Mount("cgroup", dir, "cgroup", 0, options); err != nil {
			return fmt.Errorf("mounting cgroups of %s: %w", options, err)
		}
		if err := enterSystem(dir); err != nil {
			return err
		}
	}
	return nil
}

// enterSystem moves the node's first process, and so all that it starts, beside the pods.
func enterSystem(dir string) error {
	system := filepath.Join(dir, "system")
	if err := os.Mkdir(system, 0o755); err != nil {
		return fmt.Errorf("making a cgroup: %w", err)
	}
	if err := seedCPUs(dir, system); err != nil {
		return err
	}
	return write(filepath.Join(system, "cgroup.procs"), "0")
}

// mountUnified is untested, see Unified.
func mountUnified() error {
	if err := unix.Mount("cgroup2", cgroupRoot, "cgroup2", 0, ""); err != nil {
		return fmt.Errorf("mounting cgroups: %w", err)
	}
	// A cgroup that hands controllers on may hold no process itself.
	if err := enterSystem(cgroupRoot); err != nil {
		return err
	}
	available, err := os.ReadFile(filepath.Join(cgroupRoot, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("listing cgroup controllers: %w", err)
	}
	return handOn(cgroupRoot, strings.Fields(string(available)))
}

func mountOverlay(s *Spec, dir string) error {
	upper, work := filepath.Join(s.Dir, "overlay", dir), filepath.Join(s.Dir, "overlay", dir+".work")
	if err := errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o755)); err != nil {
		return fmt.Errorf("making an overlay: %w", err)
	}
	options := fmt.Sprintf("lowerdir=/%s,upperdir=%s,workdir=%s", dir, upper, work)
	if err := unix.Mount("overlay", "/"+dir, "overlay", 0, options); err != nil {
		return fmt.Errorf("mounting an overlay on /%s: %w", dir, err)
	}
	return nil
}

func mountOwned(s *Spec, dir string) error {
	outside, inside := s.HostPath(dir), "/"+dir
	if err := errors.Join(os.MkdirAll(outside, 0o755), os.MkdirAll(inside, 0o755)); err != nil {
		return fmt.Errorf("making %s: %w", inside, err)
	}
	if err := unix.Mount(outside, inside, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting %s: %w", inside, err)
	}
	return nil
}

// fakeSysctls shows kubelet the values of the whole machine that it insists on, and would else set.
func fakeSysctls(s *Spec) error {
	for name, value := range map[string]string{
		"vm/overcommit_memory": "1", "kernel/panic": "10", "kernel/panic_on_oops": "1",
	} {
		file := filepath.Join(s.Dir, "sysctl", strings.ReplaceAll(name, "/", "."))
		if err := bindFile(file, value+"\n", "/proc/sys/"+name); err != nil {
			return err
		}
	}
	return nil
}

func bindFile(file, text, over string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("making %s: %w", file, err)
	}
	if err := write(file, text); err != nil {
		return err
	}
	if err := unix.Mount(file, over, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting %s: %w", over, err)
	}
	return nil
}
