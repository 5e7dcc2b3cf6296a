package bootstraptest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opsgen/opsgen/test/bed"
	"github.com/opsgen/opsgen/test/build"
	"github.com/opsgen/opsgen/test/story"
)

func TestMain(m *testing.M) {
	bed.Internal()
	os.Exit(m.Run())
}

// program is the built command with what it always gets.
type program struct {
	path, root, kubeconfig string
}

func (p *program) command(ctx context.Context, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, p.path, append(arguments, "--root", p.root, "--kubeconfig", p.kubeconfig)...)
	c.WaitDelay = 10 * time.Second
	return c
}

// run gives both outputs together; the error names the exit code.
func (p *program) run(ctx context.Context, arguments ...string) (string, error) {
	out, err := p.command(ctx, arguments...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("bootstrap %s: %w\n%s", strings.Join(arguments, " "), err, out)
	}
	return string(out), err
}

// killAt runs the program until it says something, and kills it at that moment.
func (p *program) killAt(ctx context.Context, said string, arguments ...string) error {
	c := p.command(ctx, arguments...)
	pipe, err := c.StderrPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	var log bytes.Buffer
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		fmt.Fprintln(&log, lines.Text())
		if strings.Contains(lines.Text(), said) {
			if err := c.Process.Kill(); err != nil {
				return err
			}
			if err := c.Wait(); err == nil {
				return errors.New("it ended by itself")
			}
			return nil
		}
	}
	return fmt.Errorf("it never said %q: %w\n%s", said, c.Wait(), log.String())
}

func compile(ctx context.Context, into string) error {
	source, err := build.Folder("")
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "go", "build", "-o", into, "./bootstrap/cmd/bootstrap")
	c.Dir = filepath.Dir(source)
	c.Env = append(os.Environ(), "GOWORK=off")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("building bootstrap: %w\n%s", err, out)
	}
	return nil
}

// contains is an error when a text lacks one of the parts. How wide columns are does not matter.
func contains(text string, parts ...string) (string, error) {
	words := strings.Join(strings.Fields(text), " ")
	for _, part := range parts {
		if !strings.Contains(words, part) {
			return "", fmt.Errorf("it does not say %q:\n%s", part, text)
		}
	}
	return parts[0], nil
}

// TestFromAnEmptyClusterAndBack is the life of a cluster that was there before.
func TestFromAnEmptyClusterAndBack(t *testing.T) {
	const place = "clusters/example-local"
	p := &program{path: filepath.Join(t.TempDir(), "bootstrap")}
	s := story.Begin(t, story.Options{
		Name: "bootstrap", Cluster: "example-local", Domain: "obs.localhost",
		Repository: "https://github.com/acme/observability", Nodes: 2,
	})
	p.root, p.kubeconfig = s.Fork.Dir, s.Bed.Kubeconfig()
	step := func(name string, limit time.Duration, run func(context.Context) (string, error)) {
		s.Step(name, limit, run)
	}
	step("compile", 20*time.Minute, func(ctx context.Context) (string, error) { return "", compile(ctx, p.path) })
	step("plan", time.Minute, func(ctx context.Context) (string, error) {
		text, err := p.run(ctx, "plan", place)
		if err != nil {
			return "", err
		}
		return contains(text, "9 to create", "Longest path", "permissions ok")
	})
	step("check", time.Minute, func(ctx context.Context) (string, error) {
		_, err := p.run(ctx, "plan", place, "--check")
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			return "", fmt.Errorf("it does not exit with 1: %w", err)
		}
		return contains(err.Error(), "differs from clusters/example-local/cluster.yaml")
	})
	step("kill", 2*time.Minute, func(ctx context.Context) (string, error) {
		return "while Flux begins", p.killAt(ctx, "controllers: creating", "up", place, "--yes")
	})
	step("up", 20*time.Minute, func(ctx context.Context) (string, error) {
		text, err := p.run(ctx, "up", place, "--yes")
		if err != nil {
			return "", err
		}
		return contains(text, "ready,", "may have been killed", "opsgen token issue system --cluster example-local")
	})
	step("again", time.Minute, func(ctx context.Context) (string, error) {
		text, err := p.run(ctx, "up", place)
		if err != nil {
			return "", err
		}
		return contains(text, "found 12 of 12 as they should be")
	})
	step("status", time.Minute, func(ctx context.Context) (string, error) {
		text, err := p.run(ctx, "status", place)
		if err != nil {
			return "", err
		}
		return contains(text, "ready", "tenants 2 ready")
	})
	step("down", 15*time.Minute, func(ctx context.Context) (string, error) {
		text, err := p.run(ctx, "down", place, "--confirm", "example-local")
		if err != nil {
			return "", err
		}
		return contains(text, "kept flux/volumes", "Namespace cortex (by label app.kubernetes.io/part-of), kept")
	})
	step("data", 15*time.Minute, func(ctx context.Context) (string, error) {
		text, err := p.run(ctx, "down", place, "--delete-data", "--confirm", "example-local")
		if err != nil {
			return "", err
		}
		return contains(text, "searched for leftovers by tag and by name: none")
	})
}
