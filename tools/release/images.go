package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/opsgen/opsgen/generator/git"
	"github.com/opsgen/opsgen/generator/oci"
	"github.com/opsgen/opsgen/generator/repository"
)

// pushed is one image for a machine.
type pushed struct {
	Name string `json:"name"`
	// Reference is registry/repository:tag, empty when nothing was pushed.
	Reference string `json:"reference,omitempty"`
	Digest    string `json:"digest"`
}

// newLayout makes an OCI image layout in a folder that is not there yet; none where dir is empty.
func newLayout(dir string) (layout.Path, error) {
	if dir == "" {
		return "", nil
	}
	if _, err := os.Lstat(dir); err == nil {
		return "", fmt.Errorf("%s is there already; name a folder that is not", dir)
	}
	return layout.Write(dir, empty.Index)
}

func images(ctx context.Context, flags *flag.FlagSet, arguments []string, stdout, stderr io.Writer) error {
	push := flags.String("push", "", "push to this registry and path, as ghcr.io/opsgen; credentials are Docker's")
	dir := flags.String("layout", "", "write an OCI image layout into this folder, which must not exist")
	if err := parse(flags, arguments); err != nil {
		return err
	}
	spec, root, err := about(ctx)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	written, err := newLayout(*dir)
	if err != nil {
		return err
	}
	var all []pushed
	for _, program := range oci.Programs() {
		spec.Program, spec.Binaries = program, map[oci.Platform]string{}
		for _, platform := range oci.Platforms() {
			fmt.Fprintf(stderr, "compiling  %s for %s\n", program.Name, platform)
			spec.Binaries[platform] = filepath.Join(work, program.Name+"-"+platform.Arch)
			if err := oci.Compile(ctx, root, program, platform, spec.Binaries[platform]); err != nil {
				return err
			}
		}
		index, err := oci.Index(spec)
		if err != nil {
			return err
		}
		digest, err := index.Digest()
		if err != nil {
			return err
		}
		image := pushed{Name: program.Name, Digest: digest.String()}
		if *push != "" {
			image.Reference = strings.TrimSuffix(*push, "/") + "/" + program.Name + ":" + spec.Version
			fmt.Fprintf(stderr, "pushing    %s\n", image.Reference)
			if _, err := oci.Push(ctx, image.Reference, index, oci.PushOptions{}); err != nil {
				return err
			}
		}
		if *dir != "" {
			if err := written.AppendIndex(index); err != nil {
				return fmt.Errorf("write %s: %w", *dir, err)
			}
		}
		all = append(all, image)
	}
	encoder := json.NewEncoder(stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(all)
}

// about reads what images and programs say of their origin: the bundle's version, and the commit with its time.
func about(ctx context.Context) (oci.Spec, string, error) {
	root, err := repository.FindRoot(".")
	if err != nil {
		return oci.Spec{}, "", err
	}
	repo, err := repository.LoadBundle(root)
	if err != nil {
		return oci.Spec{}, "", err
	}
	checkout, err := git.Open(ctx, root)
	if err != nil {
		return oci.Spec{}, "", err
	}
	line, err := checkout.Run(ctx, "log", "--max-count=1", "--format=%H %ct")
	if err != nil {
		return oci.Spec{}, "", err
	}
	revision, date, _ := strings.Cut(line, " ")
	seconds, err := strconv.ParseInt(date, 10, 64)
	if err != nil {
		return oci.Spec{}, "", fmt.Errorf("the commit's time is %q: %w", date, err)
	}
	changed, err := checkout.Run(ctx, "status", "--porcelain")
	if err == nil && changed != "" {
		revision += "-changed" // what is built is not the commit
	}
	return oci.Spec{
		Version: repo.Bundle.Version, Revision: revision, Source: "https://github.com/opsgen/opsgen", Created: time.Unix(seconds, 0),
	}, root, err
}

// downloads are the programs that people run on their machines.
func downloads(root string) []oci.Program {
	all := []oci.Program{
		{Name: "opsgen", Package: "./generator/cmd/opsgen"},
		{Name: "bootstrap", Package: "./bootstrap/cmd/bootstrap"},
		{Name: "proxy", Package: "./proxy/cmd/proxy"},
		{Name: "syncer", Package: "./syncer/cmd/syncer"},
	}
	var there []oci.Program
	for _, p := range all {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(p.Package), "main.go")); err == nil {
			there = append(there, p)
		}
	}
	return there
}

// desktops are the platforms of downloads.
func desktops() []oci.Platform {
	return []oci.Platform{{OS: "linux", Arch: "amd64"}, {OS: "linux", Arch: "arm64"}, {OS: "darwin", Arch: "amd64"}, {OS: "darwin", Arch: "arm64"}}
}

func binaries(ctx context.Context, flags *flag.FlagSet, arguments []string, stdout, stderr io.Writer) error {
	out := flags.String("out", "dist", "the folder to write to")
	only := flags.String("only", "", "one program's name; empty means all")
	if err := parse(flags, arguments); err != nil {
		return err
	}
	spec, root, err := about(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil { //nolint:gosec // published files are no secret
		return err
	}
	var sums strings.Builder
	for _, program := range downloads(root) {
		if *only != "" && program.Name != *only {
			continue
		}
		for _, platform := range desktops() {
			name := fmt.Sprintf("%s-%s-%s-%s", program.Name, spec.Version, platform.OS, platform.Arch)
			fmt.Fprintf(stderr, "compiling  %s\n", name)
			file, err := filepath.Abs(filepath.Join(*out, name))
			if err != nil {
				return err
			}
			if err := oci.Compile(ctx, root, program, platform, file); err != nil {
				return err
			}
			sum, err := sumOf(file)
			if err != nil {
				return err
			}
			fmt.Fprintf(&sums, "%s  %s\n", sum, name)
		}
	}
	if sums.Len() == 0 {
		return fmt.Errorf("there is no program %q", *only)
	}
	fmt.Fprint(stdout, sums.String())
	return os.WriteFile(filepath.Join(*out, "SHA256SUMS"), []byte(sums.String()), 0o644) //nolint:gosec // likewise
}

func sumOf(file string) (string, error) {
	opened, err := os.Open(file) //nolint:gosec // made a moment ago
	if err != nil {
		return "", err
	}
	defer opened.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, opened); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
