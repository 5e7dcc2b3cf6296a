package build

import (
	"fmt"
	"os/exec"
	"strings"
)

// A System program comes from the machine, because it is no Go program, or because building it needs more of the
// machine than having it.
type System struct {
	// Command is looked up in PATH and in the folders of administrators' programs.
	Command string
	// Package is the Debian and Ubuntu package that holds it.
	Package string
	// Use says what the bed does with it.
	Use string
	// Image says that only an image holds it: nodes do without.
	Image bool
}

// Systems lists the programs that the bed takes from the machine.
func Systems() []System {
	return []System{
		{Command: "runc", Package: "runc", Use: "starts containers; building it needs a C compiler and libseccomp's headers"},
		{Command: "iptables", Package: "iptables", Use: "rules of port mappings and network policies"},
		{Command: "nft", Package: "nftables", Use: "rules of kube-proxy"},
		{Command: "ipset", Package: "ipset", Use: "sets of addresses of network policies"},
		{Command: "conntrack", Package: "conntrack", Use: "kube-proxy forgets connections to endpoints that are gone"},
		{Command: "nsenter", Package: "util-linux", Use: "enters a node's namespaces for people"},
		{Command: "ip", Package: "iproute2", Use: "links and routes between the nodes"},
		{Command: "git", Package: "git", Use: "the Git server"},
		{Command: "busybox", Package: "busybox-static", Use: "the shell of tests' pods", Image: true},
		{Command: "memcached", Package: "memcached", Use: "caches of Cortex and Loki", Image: true},
	}
}

// FindSystem answers the paths of what nodes need of the machine by command. The error names every missing package and how to install all.
func FindSystem() (map[string]string, error) {
	paths := map[string]string{}
	var packages, missing []string
	for _, s := range Systems() {
		if s.Image {
			continue
		}
		path, err := FindCommand(s.Command)
		if err != nil {
			missing = append(missing, fmt.Sprintf("  %s (package %s): %s", s.Command, s.Package, s.Use))
			packages = append(packages, s.Package)
			continue
		}
		paths[s.Command] = path
	}
	if len(missing) > 0 {
		return paths, fmt.Errorf("real nodes need programs that this machine lacks:\n%s\nInstall them with: apt-get install %s",
			strings.Join(missing, "\n"), strings.Join(packages, " "))
	}
	return paths, nil
}

// FindCommand answers the path of a command of the machine. It also looks where Debian keeps what administrators use,
// which is not in everybody's PATH. The error names the package of one of Systems.
func FindCommand(command string) (string, error) {
	for _, name := range []string{command, "/usr/sbin/" + command, "/sbin/" + command} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	for _, s := range Systems() {
		if s.Command == command {
			return "", fmt.Errorf("this machine lacks %s: apt-get install %s", command, s.Package)
		}
	}
	return "", exec.ErrNotFound
}
