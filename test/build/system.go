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
}

// Systems lists the programs that real nodes need of the machine.
func Systems() []System {
	return []System{
		{"runc", "runc", "starts containers; building it needs a C compiler and libseccomp's headers"},
		{"iptables", "iptables", "rules of port mappings and network policies"},
		{"nft", "nftables", "rules of kube-proxy"},
		{"ipset", "ipset", "sets of addresses of network policies"},
		{"conntrack", "conntrack", "kube-proxy forgets connections to endpoints that are gone"},
		{"unshare", "util-linux", "namespaces of the nodes"},
		{"ip", "iproute2", "links and routes between the nodes"},
		{"git", "git", "the Git server"},
	}
}

// FindSystem answers the paths of all Systems by command. The error names every missing package and how to install all.
func FindSystem() (map[string]string, error) {
	paths := map[string]string{}
	var packages, missing []string
	for _, s := range Systems() {
		path, err := lookPath(s.Command)
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

// lookPath also looks where Debian keeps what administrators use, which is not in everybody's PATH.
func lookPath(command string) (string, error) {
	for _, name := range []string{command, "/usr/sbin/" + command, "/sbin/" + command} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}
