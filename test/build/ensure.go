package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options say where programs are built from and kept. The zero value is what people and tests use.
type Options struct {
	// Folder is the bed's module; empty: found from the working folder.
	Folder string
	// Cache keeps the programs; empty: opsgen/bed/bin in the user's cache folder.
	Cache string
	// Progress gets a line before and after each build; nil: standard error.
	Progress io.Writer
	// Processes bounds how many compilers run at a time; 0: as many as there are processors.
	Processes int
}

// Ensure answers the paths of the named programs, links included, and builds those that the cache does not hold: one at a
// time, also over all processes of the machine that use the same cache. A program is either there completely or not at
// all, whatever is killed meanwhile.
func Ensure(ctx context.Context, names []string, o Options) (map[string]string, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	catalogue, err := Catalogue(o.Folder)
	if err != nil {
		return nil, err
	}
	paths := make(map[string]string, len(names))
	keys := newKeys(o.Folder)
	for _, name := range names {
		i := slices.IndexFunc(catalogue, func(b Binary) bool { return b.Name == name || slices.Contains(b.Links, name) })
		if i < 0 {
			return nil, fmt.Errorf("no program named %q is known to the bed", name)
		}
		b := catalogue[i]
		key, err := keys.of(b)
		if err != nil {
			return nil, err
		}
		folder := filepath.Join(o.Cache, b.Name+"-"+key)
		if err := ensure(ctx, b, folder, o); err != nil {
			return nil, err
		}
		paths[name] = filepath.Join(folder, name)
	}
	return paths, nil
}

func (o *Options) complete() error {
	if o.Folder == "" {
		folder, err := Folder("")
		if err != nil {
			return err
		}
		o.Folder = folder
	}
	if o.Cache == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("finding the cache of programs: %w", err)
		}
		o.Cache = filepath.Join(cache, "opsgen", "bed", "bin")
	}
	if o.Progress == nil {
		o.Progress = os.Stderr
	}
	return nil
}

// Folder finds the bed's module: start or a parent of it, or the folder "test" of one. An empty start is the working
// folder.
func Folder(start string) (string, error) {
	start, err := filepath.Abs(start)
	if err != nil {
		return "", fmt.Errorf("finding the bed's module: %w", err)
	}
	for at := start; ; at = filepath.Dir(at) {
		for _, folder := range []string{at, filepath.Join(at, "test")} {
			data, err := os.ReadFile(filepath.Join(folder, "go.mod"))
			if err == nil && strings.Contains(string(data), "\nmodule github.com/opsgen/opsgen/test\n") {
				return folder, nil
			}
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("the bed's module is neither in %s nor above it: call this inside the repository", start)
		}
	}
}

func ensure(ctx context.Context, b Binary, folder string, o Options) error {
	if complete(folder) {
		return nil
	}
	if err := os.MkdirAll(o.Cache, 0o755); err != nil {
		return fmt.Errorf("building %s: %w", b.Name, err)
	}
	unlock, err := lock(ctx, filepath.Join(o.Cache, ".lock"), o.Progress)
	if err != nil {
		return fmt.Errorf("building %s: %w", b.Name, err)
	}
	defer unlock()
	// Another process may have built it while this one waited.
	if complete(folder) {
		return nil
	}
	if err := compile(ctx, b, folder, o); err != nil {
		return fmt.Errorf("building %s %s: %w", b.Name, b.Version, err)
	}
	return nil
}

// complete says whether a program is in the cache: its folder gets this name only when everything is in it.
func complete(folder string) bool {
	info, err := os.Stat(folder)
	return err == nil && info.IsDir()
}

func compile(ctx context.Context, b Binary, folder string, o Options) error {
	// The lock is held, so a folder under construction was left by a process that was killed.
	stale, err := filepath.Glob(filepath.Join(o.Cache, ".new-*"))
	if err != nil {
		return err
	}
	for _, s := range stale {
		os.RemoveAll(s)
	}
	made, err := os.MkdirTemp(o.Cache, ".new-"+b.Name+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(made)
	started := time.Now()
	fmt.Fprintf(o.Progress, "building %s %s (slow when the Go build cache is empty)\n", b.Name, b.Version)
	if err := goBuild(ctx, b, filepath.Join(made, b.Name), o); err != nil {
		return err
	}
	for _, link := range b.Links {
		if err := os.Symlink(b.Name, filepath.Join(made, link)); err != nil {
			return err
		}
	}
	if err := os.Chmod(made, 0o755); err != nil {
		return err
	}
	if err := os.Rename(made, folder); err != nil {
		return err
	}
	fmt.Fprintf(o.Progress, "built %s %s in %s\n", b.Name, b.Version, time.Since(started).Round(time.Second))
	return nil
}

func goBuild(ctx context.Context, b Binary, output string, o Options) error {
	folder := filepath.Join(o.Folder, filepath.FromSlash(b.Folder))
	module := []string{"-mod=readonly"}
	if b.Earlier != "" {
		dir, err := os.MkdirTemp("", "earlier-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if module, err = earlierFlags(ctx, b, folder, dir); err != nil {
			return err
		}
	}
	// The same flags for all, so that programs of one module share compiled packages.
	args := append([]string{"build"}, append(module, "-buildvcs=false", "-trimpath", "-o", output)...)
	if o.Processes > 0 {
		args = append(args, "-p", strconv.Itoa(o.Processes))
	}
	args = append(args, flags(b)...)
	cmd := exec.CommandContext(ctx, "go", append(args, b.Package)...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), environment(b)...)
	if o.Processes > 0 {
		cmd.Env = append(cmd.Env, "GOMAXPROCS="+strconv.Itoa(o.Processes))
	}
	// A compiler's children end with it.
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("go %s in %s: %w\n%s", strings.Join(cmd.Args[1:], " "), cmd.Dir, err, tail(out, 4096))
	}
	return nil
}

// flags and environment are everything besides sources that decides what a program becomes: they are part of its key.
func flags(b Binary) []string {
	args := []string{"-ldflags", strings.Join(append([]string{"-s", "-w"}, b.LDFlags...), " ")}
	if len(b.Tags) > 0 {
		args = append(args, "-tags", strings.Join(b.Tags, ","))
	}
	return args
}

func environment(b Binary) []string {
	cgo := "CGO_ENABLED=0"
	if b.CGO {
		cgo = "CGO_ENABLED=1"
	}
	// A developer's own flags or workspace must not change what is built under the same key.
	return []string{cgo, "GOFLAGS=", "GOWORK=off", "GONOSUMDB=" + unsummed}
}

// The one module without an entry in the checksum database: k3s' fork of kube-router, whose look-up answers 404. Its
// hash in go.sum was taken on first use; from then on go.sum pins it as all others.
const unsummed = "github.com/k3s-io/kube-router"

func tail(out []byte, limit int) []byte {
	if len(out) > limit {
		return append([]byte("…"), out[len(out)-limit:]...)
	}
	return out
}
