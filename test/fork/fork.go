package fork

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/opsgen/opsgen/test/build"
)

// A Fork is a working copy with a remote.
type Fork struct {
	// Dir is the working copy.
	Dir string
	// Opsgen is the path of the opsgen program.
	Opsgen string
	// Env is added to the environment of what the fork runs.
	Env []string
}

// New copies the files of the repository at source that Git knows or would add, as they are in the working folder, into
// dir, and makes it a repository whose remote "origin" is the given address or path.
func New(ctx context.Context, source, dir, remote, opsgen string) (*Fork, error) {
	f := &Fork{Dir: dir, Opsgen: opsgen}
	if err := f.copyFrom(ctx, source, func(string) bool { return true }); err != nil {
		return nil, err
	}
	for _, arguments := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"config", "user.name", "A platform engineer"},
		{"config", "user.email", "platform@example.com"},
		{"config", "commit.gpgsign", "false"},
		{"remote", "add", "origin", remote},
	} {
		if _, err := f.Git(ctx, arguments...); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Here forks the repository that the caller runs in, into folders of dir, and makes a signing key for a cluster there.
func Here(ctx context.Context, dir, remote, opsgen, cluster string) (*Fork, error) {
	source, err := build.Folder("")
	if err != nil {
		return nil, err
	}
	return Of(ctx, filepath.Dir(source), dir, remote, opsgen, cluster)
}

// Of is Here for the repository at source.
func Of(ctx context.Context, source, dir, remote, opsgen, cluster string) (*Fork, error) {
	f, err := New(ctx, source, filepath.Join(dir, "fork"), remote, opsgen)
	if err != nil {
		return nil, err
	}
	f.Env = []string{"XDG_CONFIG_HOME=" + filepath.Join(dir, "config")}
	_, err = f.Run(ctx, "token", "keygen", "--cluster", cluster)
	return f, err
}

// Take brings the fork to the bundle at source, as it is in that working folder, with its program. What a team writes, the
// folders clusters and tenants, stays the fork's.
func (f *Fork) Take(ctx context.Context, source, opsgen string) error {
	ours := func(name string) bool {
		return !strings.HasPrefix(name, "clusters/") && !strings.HasPrefix(name, "tenants/")
	}
	list, err := files(ctx, f.Dir)
	if err != nil {
		return err
	}
	for _, name := range list {
		if ours(name) {
			if err := os.Remove(filepath.Join(f.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("removing the old bundle: %w", err)
			}
		}
	}
	f.Opsgen = opsgen
	return f.copyFrom(ctx, source, ours)
}

// files are those of a repository that Git knows or would add.
func files(ctx context.Context, dir string) ([]string, error) {
	list, err := run(ctx, dir, nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	return strings.Split(strings.TrimSuffix(list, "\x00"), "\x00"), err
}

// copyFrom copies the wanted files of the repository at source.
func (f *Fork) copyFrom(ctx context.Context, source string, wanted func(string) bool) error {
	list, err := files(ctx, source)
	if err != nil {
		return err
	}
	for _, name := range list {
		if !wanted(name) {
			continue
		}
		if err := copyFile(filepath.Join(source, name), filepath.Join(f.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("copying the repository: %w", err)
		}
	}
	// The distribution does not commit what its examples render; a fork commits what its clusters do.
	return f.Edit(".gitignore", "\n/clusters/example-*/rendered/\n", "\n")
}

func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if info.Mode()&os.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// Git runs git in the working copy and answers what it printed.
func (f *Fork) Git(ctx context.Context, arguments ...string) (string, error) {
	return run(ctx, f.Dir, f.Env, "git", arguments...)
}

// Run runs opsgen in the working copy and answers what it printed.
func (f *Fork) Run(ctx context.Context, arguments ...string) (string, error) {
	return run(ctx, f.Dir, f.Env, f.Opsgen, arguments...)
}

// Publish renders the clusters, commits everything and pushes the branch main. It answers the new commit.
func (f *Fork) Publish(ctx context.Context, message string, clusters ...string) (string, error) {
	if _, err := f.Run(ctx, append([]string{"render"}, clusters...)...); err != nil {
		return "", err
	}
	for _, arguments := range [][]string{
		{"add", "--all"}, {"commit", "--quiet", "--message", message}, {"push", "--quiet", "origin", "main"},
	} {
		if _, err := f.Git(ctx, arguments...); err != nil {
			return "", err
		}
	}
	commit, err := f.Git(ctx, "rev-parse", "HEAD")
	return strings.TrimSpace(commit), err
}

// Edit replaces a text of a file, which must be there exactly once.
func (f *Fork) Edit(name, old, replacement string) error {
	path := filepath.Join(f.Dir, filepath.FromSlash(name))
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("editing the fork: %w", err)
	}
	if n := bytes.Count(data, []byte(old)); n != 1 {
		return fmt.Errorf("editing %s: %q is there %d times", name, old, n)
	}
	return f.Write(name, strings.Replace(string(data), old, replacement, 1))
}

// Write writes a file.
func (f *Fork) Write(name, content string) error {
	path := filepath.Join(f.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing to the fork: %w", err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		return fmt.Errorf("writing to the fork: %w", err)
	}
	return nil
}

func run(ctx context.Context, dir string, env []string, program string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, program, arguments...)
	var stdout, stderr bytes.Buffer
	command.Dir, command.Stdout, command.Stderr, command.Env = dir, &stdout, &stderr, append(os.Environ(), env...)
	if err := command.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w: %s%s", filepath.Base(program), strings.Join(arguments, " "), err,
			stderr.String(), stdout.String())
	}
	return stdout.String(), nil
}
