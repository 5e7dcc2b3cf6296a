package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const cgroupRoot = "/sys/fs/cgroup"

// Unified says whether the machine has only the second version of cgroups. That branch is written but untested: no
// machine of the project's has it.
func Unified() bool {
	var s unix.Statfs_t
	return unix.Statfs(cgroupRoot, &s) == nil && s.Type == unix.CGROUP2_SUPER_MAGIC
}

// Controllers that kubelet insists on.
var controllers = []string{"cpu", "cpuset", "memory", "pids"}

// MissingControllers lists the cgroup controllers that kubelet needs and that the machine does not offer here.
func MissingControllers() []string {
	var missing []string
	offered := ""
	if Unified() {
		// What cannot be read is missing.
		data, _ := os.ReadFile(filepath.Join(cgroupRoot, "cgroup.controllers")) //nolint:errcheck // See above.
		offered = string(data)
	}
	for _, c := range controllers {
		_, err := os.Stat(filepath.Join(cgroupRoot, c, "cgroup.procs"))
		if err != nil && !slices.Contains(strings.Fields(offered), c) {
			missing = append(missing, c)
		}
	}
	return missing
}

// handOn lets the cgroups below dir have the controllers. Only the second version asks for it: without, a node's cgroup
// has no memory.max, and kubelet finds no controller. The root's cgroup may do so though it holds processes; in a
// container, where the root is not the machine's, the kernel refuses (EBUSY).
func handOn(dir string, names []string) error {
	for _, c := range names {
		if err := write(filepath.Join(dir, "cgroup.subtree_control"), "+"+c); err != nil {
			return fmt.Errorf("handing on the cgroup controller %s: %w", c, err)
		}
	}
	return nil
}

// hierarchies are the folders that have a cgroup of a node's each.
func hierarchies() ([]string, error) {
	if Unified() {
		return []string{cgroupRoot}, nil
	}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil, fmt.Errorf("listing cgroup hierarchies: %w", err)
	}
	var dirs []string
	for _, e := range entries {
		dir := filepath.Join(cgroupRoot, e.Name())
		// Links, as cpu,cpuacct has them, lead to a hierarchy that is listed under its own name.
		if e.IsDir() {
			if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs, nil
}

// makeCgroups makes the node's cgroup in every hierarchy.
func makeCgroups(name string, memoryBytes int64) error {
	dirs, err := hierarchies()
	if err != nil {
		return err
	}
	if Unified() {
		if err := handOn(cgroupRoot, controllers); err != nil {
			return err
		}
	}
	for _, parent := range dirs {
		dir := filepath.Join(parent, name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("making a cgroup: %w", err)
		}
		if err := seedCPUs(parent, dir); err != nil {
			return err
		}
		for _, limit := range []string{"memory.limit_in_bytes", "memory.max"} {
			file := filepath.Join(dir, limit)
			if _, err := os.Stat(file); err != nil || memoryBytes == 0 {
				continue
			}
			if err := write(file, strconv.FormatInt(memoryBytes, 10)); err != nil {
				return err
			}
		}
	}
	return nil
}

// seedCPUs lets processes into a new cgroup of the cpuset hierarchy: its sets begin empty, which admits nobody.
func seedCPUs(parent, dir string) error {
	if filepath.Base(parent) != "cpuset" {
		return nil
	}
	for _, set := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(parent, set))
		if err != nil {
			return fmt.Errorf("reading a cgroup: %w", err)
		}
		if err := write(filepath.Join(dir, set), strings.TrimSpace(string(value))); err != nil {
			return err
		}
	}
	// What kubelet makes below takes the sets over by itself.
	return write(filepath.Join(dir, "cgroup.clone_children"), "1")
}

// enterCgroups moves the caller into the named cgroup of every hierarchy.
func enterCgroups(name string) error {
	dirs, err := hierarchies()
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		// 0 is the writer, whatever its number is in this namespace.
		if err := write(filepath.Join(dir, name, "cgroup.procs"), "0"); err != nil {
			return err
		}
	}
	return nil
}

// removeCgroups removes the node's cgroups and all below them. They must be empty of processes.
func removeCgroups(name string) error {
	dirs, err := hierarchies()
	if err != nil {
		return err
	}
	var problems []error
	for _, dir := range dirs {
		problems = append(problems, removeTree(filepath.Join(dir, name)))
	}
	return errors.Join(problems...)
}

// removeTree removes folders only, deepest first: the files of a cgroup go with it.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("reading a cgroup: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing cgroup %s: %w", dir, err)
	}
	return nil
}

func write(file, text string) error {
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing %q to %s: %w", text, file, err)
	}
	return nil
}
