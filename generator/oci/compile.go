package oci

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Program is a program of this repository.
type Program struct {
	// Name is the program's, and the end of its image's reference.
	Name string
	// Package is the Go package, from the repository's top.
	Package string
	// Title says in a few words what it is.
	Title string
}

// Programs are those that have images: what runs in clusters.
func Programs() []Program {
	return []Program{
		{Name: "proxy", Package: "./proxy/cmd/proxy", Title: "The front door of a cluster"},
		{Name: "syncer", Package: "./syncer/cmd/syncer", Title: "Keeps tenants' rules and alerting in Cortex and Loki"},
	}
}

// Platform is what a program is compiled for.
type Platform struct{ OS, Arch string }

// String is the platform as "linux/arm64".
func (p Platform) String() string { return p.OS + "/" + p.Arch }

// Platforms are those of images: what nodes run.
func Platforms() []Platform { return []Platform{{"linux", "amd64"}, {"linux", "arm64"}} }

// Compile builds a program of the repository at root into a file. The same commit and the same version of Go give the same
// bytes, wherever the repository lies: paths, the state of Git and the machine's settings are kept out.
func Compile(ctx context.Context, root string, p Program, to Platform, file string) error {
	// gRPC's tracing of its own keeps the linker from leaving out what is not used: it makes bootstrap 100 MB larger.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags=grpcnotrace", "-buildvcs=false", "-mod=readonly", //nolint:gosec // a fixed program
		"-ldflags=-s -w -buildid=", "-o", file, p.Package)
	cmd.Dir = root
	cmd.Env = []string{
		"CGO_ENABLED=0", "GOOS=" + to.OS, "GOARCH=" + to.Arch, "GOWORK=off", "GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0",
		"GOENV=off",
	}
	// Where Go keeps and fetches things decides nothing about the result.
	for _, setting := range os.Environ() {
		switch name, _, _ := strings.Cut(setting, "="); name {
		case "PATH", "HOME", "GOPATH", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOTOOLCHAIN", "TMPDIR",
			"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE":
			cmd.Env = append(cmd.Env, setting)
		}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("compile %s for %s: %w\n%s", p.Name, to, err, strings.TrimSpace(stderr.String()))
	}
	return nil
}
