package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Repository is a folder in which git runs. Its methods may be called by several goroutines.
type Repository struct {
	// Dir is the folder of the checkout, its top one unless In made it.
	Dir string
	env []string
}

// grace is how long a cancelled git has to remove its lock files.
const grace = 5 * time.Second

// In is the checkout that dir is in, with dir itself as the folder: paths are relative to it. Whether there is a checkout,
// the first command tells.
func In(dir string) (*Repository, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return nil, errors.New("git is not installed, or not on the PATH; install git 2.38 or newer")
	}
	return &Repository{Dir: dir, env: environment()}, nil
}

// Open finds the checkout that dir is in.
func Open(ctx context.Context, dir string) (*Repository, error) {
	r, err := In(dir)
	if err != nil {
		return nil, err
	}
	top, err := r.Run(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, fmt.Errorf("%s is in no Git checkout; clone the repository, or run git init: %w", dir, err)
	}
	r.Dir = top
	return r, nil
}

// environment is ours without what would lead git to another repository, as in a hook, and with messages in English and no
// questions: nobody may be there to answer.
func environment() []string {
	var kept []string
	for _, setting := range os.Environ() {
		name, _, _ := strings.Cut(setting, "=")
		switch name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX":
			continue
		}
		kept = append(kept, setting)
	}
	return append(kept, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0")
}

// With is the same repository with more environment, as "NAME=value".
func (r *Repository) With(env ...string) *Repository {
	return &Repository{Dir: r.Dir, env: append(append([]string(nil), r.env...), env...)}
}

// Failure is a git command that ended with an error.
type Failure struct {
	// Command is the first word after git.
	Command string
	// Code is the exit code, -1 when it did not end by itself.
	Code int
	// Text is what it printed on stderr.
	Text string
}

// Error is what git said.
func (f *Failure) Error() string {
	text := strings.TrimSpace(f.Text)
	if text == "" {
		text = fmt.Sprintf("exit code %d", f.Code)
	}
	return "git " + f.Command + ": " + text
}

// Run runs a command and returns what it printed, without the last line break. A command that fails gives a *Failure, and
// what it printed.
func (r *Repository) Run(ctx context.Context, arguments ...string) (string, error) {
	return r.RunInput(ctx, nil, arguments...)
}

// RunInput is Run with a standard input.
func (r *Repository) RunInput(ctx context.Context, input io.Reader, arguments ...string) (string, error) {
	text, err := r.output(ctx, input, arguments...)
	return strings.TrimSuffix(text, "\n"), err
}

// Command is a git command that the caller starts, to read from it what is too much for memory.
func (r *Repository) Command(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", arguments...) //nolint:gosec // a fixed program; arguments are no shell's
	cmd.Dir, cmd.Env = r.Dir, r.env
	// Asked to end, git removes its lock files; killed at once, it leaves them to the next one who comes.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = grace
	return cmd
}

func (r *Repository) output(ctx context.Context, input io.Reader, arguments ...string) (string, error) {
	cmd := r.Command(ctx, arguments...)
	cmd.Stdin = input
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		failure := &Failure{Command: arguments[0], Code: -1, Text: stderr.String()}
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return "", fmt.Errorf("git %s: %w", arguments[0], err)
		}
		failure.Code = exit.ExitCode()
		return stdout.String(), failure
	}
	return stdout.String(), nil
}

// Lines runs a command that prints one thing a line.
func (r *Repository) Lines(ctx context.Context, arguments ...string) ([]string, error) {
	text, err := r.Run(ctx, arguments...)
	if err != nil || text == "" {
		return nil, err
	}
	return strings.Split(text, "\n"), nil
}

// Names runs a command with -z, whose names are ended by a zero byte.
func (r *Repository) Names(ctx context.Context, arguments ...string) ([]string, error) {
	text, err := r.Run(ctx, arguments...)
	if err != nil || text == "" {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(text, "\x00"), "\x00"), nil
}

// Commit resolves a revision to a commit's hash; "" when there is no such thing.
func (r *Repository) Commit(ctx context.Context, revision string) (string, error) {
	hash, err := r.Run(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	var failure *Failure
	if errors.As(err, &failure) {
		return "", nil
	}
	return hash, err
}

// File is the text of a file in a commit or tree; ok is false when it is not there.
func (r *Repository) File(ctx context.Context, revision, path string) (text string, ok bool, err error) {
	names, err := r.Names(ctx, "ls-tree", "-z", "--name-only", revision, "--", path)
	if err != nil || len(names) == 0 {
		return "", false, err
	}
	text, err = r.output(ctx, nil, "cat-file", "blob", revision+":"+path)
	if err != nil {
		return "", false, fmt.Errorf("read %s at %s: %w", path, revision, err)
	}
	return text, true, nil
}

// Upstream is the remote that a fork has the distribution from. It is never chosen by itself: a deployment tag of a fork has
// no business there.
const Upstream = "upstream"

// Remote chooses the remote that releases go to: the wanted one, else the one that the branch follows, else "origin", else
// the only one; Upstream only when it is wanted. It is "" when there is none.
func (r *Repository) Remote(ctx context.Context, wanted string) (string, error) {
	remotes, err := r.Lines(ctx, "remote")
	if err != nil {
		return "", err
	}
	if wanted != "" {
		if !slices.Contains(remotes, wanted) {
			return "", fmt.Errorf("there is no remote %q; remotes are: %s", wanted, strings.Join(remotes, ", "))
		}
		return wanted, nil
	}
	remotes = slices.DeleteFunc(remotes, func(name string) bool { return name == Upstream })
	if branch, err := r.Run(ctx, "symbolic-ref", "--quiet", "--short", "HEAD"); err == nil {
		if followed, err := r.Run(ctx, "config", "branch."+branch+".remote"); err == nil && slices.Contains(remotes, followed) {
			return followed, nil
		}
	}
	switch {
	case slices.Contains(remotes, "origin"):
		return "origin", nil
	case len(remotes) == 1:
		return remotes[0], nil
	case len(remotes) > 1:
		return "", fmt.Errorf("there are several remotes (%s) and none is origin; name one with --remote", strings.Join(remotes, ", "))
	}
	return "", nil
}
