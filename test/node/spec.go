package node

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
)

// A Spec says how a node is made. It is kept as node.json in the node's folder.
type Spec struct {
	// Name is the node's name in the cluster and its host name.
	Name string
	// Zone is the value of the label topology.kubernetes.io/zone.
	Zone string
	// Dir is the node's folder on the host, an absolute path that is neither below /etc, /opt nor /var: these are
	// private copies inside.
	Dir string
	// Cgroup is the name of the node's cgroup in each hierarchy of the host.
	Cgroup string
	// MemoryBytes limits the node's memory.
	MemoryBytes int64
	// Address is the node's address with the bits of the network that the bed's nodes share.
	Address netip.Prefix
	// Gateway is the switch's address on that network.
	Gateway netip.Addr
	// Processes are what the node runs, all started at once and restarted when they end.
	Processes []Process
}

// A Process is a program that is kept running.
type Process struct {
	// Name is unique on its node, and the name of its log: <Dir>/log/<Name>.log.
	Name string
	// Path is the program; Args are its arguments without its name.
	Path string
	Args []string
	// Env is added to the environment of whoever runs it.
	Env []string
	// Before is a command that must succeed once before the process starts at all; empty: none. Its output is in the same
	// log.
	Before []string
}

// File is the path of the node's specification.
func (s *Spec) File() string { return filepath.Join(s.Dir, "node.json") }

// Write stores the specification where ReadSpec finds it, and makes the node's folder. A program that is not there is an
// error now: the node would else try to start it until somebody looks.
func (s *Spec) Write() error {
	for _, p := range s.Processes {
		if _, err := os.Stat(p.Path); err != nil {
			return fmt.Errorf("node %s has no program for %s: %w", s.Name, p.Name, err)
		}
	}
	if err := os.MkdirAll(filepath.Join(s.Dir, "log"), 0o755); err != nil {
		return fmt.Errorf("making the folder of node %s: %w", s.Name, err)
	}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding node %s: %w", s.Name, err)
	}
	if err := os.WriteFile(s.File(), data, 0o600); err != nil {
		return fmt.Errorf("writing node %s: %w", s.Name, err)
	}
	return nil
}

// ReadSpec reads the specification of the node in dir.
func ReadSpec(dir string) (*Spec, error) {
	data, err := os.ReadFile(filepath.Join(dir, "node.json"))
	if err != nil {
		return nil, fmt.Errorf("reading a node's specification: %w", err)
	}
	var s Spec
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("reading a node's specification: %w", err)
	}
	return &s, nil
}
