// Command proxy is the front door of a cluster: it lets the right tenant in to metrics, logs and Grafana. The same binary
// is the sidecar of pods that call it, and checks its own configuration.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/opsgen/opsgen/generator/document"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // serving failed
	exitUsage  = 2 // wrong usage, or a file that cannot be used
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run executes one command line and returns its exit code.
func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	root := newRootCommand(stdout, stderr)
	root.SetArgs(arguments)
	err := root.ExecuteContext(ctx)
	var running *runError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &running):
		fmt.Fprintln(stderr, "proxy:", err)
		return exitFailed
	}
	var problems document.Problems
	if errors.As(err, &problems) {
		fmt.Fprintln(stderr, problems.Error())
		return exitUsage
	}
	fmt.Fprintln(stderr, "proxy:", err)
	return exitUsage
}

// runError is what went wrong after the start.
type runError struct{ error }

func (e *runError) Unwrap() error { return e.error }
