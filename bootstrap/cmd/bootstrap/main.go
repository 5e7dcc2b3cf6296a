// Command bootstrap creates everything that a cluster of the bundle needs, from an empty account or on a Kubernetes that
// is there, and hands it over to Flux.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/progress"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // a check failed, or something could not be made
	exitUsage  = 2 // wrong usage, or a wrong input
	// exitStopped is what shells give for an interrupt: 128 and the signal's number.
	exitStopped = 128 + int(syscall.SIGINT)
)

// run executes one command line and returns its exit code.
func run(arguments []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	return (&app{stdin: stdin, stdout: stdout, stderr: stderr}).execute(ctx, arguments)
}

// execute is run, until the context ends.
func (a *app) execute(ctx context.Context, arguments []string) int {
	root := newRootCommand(a)
	root.SetArgs(arguments)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil:
		fmt.Fprintln(a.stderr, "stopped; nothing is lost. Run the same command to go on.")
		return exitStopped
	}
	return a.explain(err)
}

// failedCheck is the error of a command that did its work and found that something is not as it should be. What it is,
// was printed.
type failedCheck struct{ message string }

// Error is the last line.
func (e failedCheck) Error() string { return e.message }

// usageError is for a command line that is wrong.
type usageError struct{ error }

func usage(format string, arguments ...any) error {
	return usageError{fmt.Errorf(format, arguments...)}
}

// explain prints an error the way a person reads it, and chooses the exit code.
func (a *app) explain(err error) int {
	var problems document.Problems
	var failures engine.Failures
	var held *engine.HeldError
	var failed failedCheck
	var wrong usageError
	switch {
	case errors.As(err, &problems):
		fmt.Fprintln(a.stderr, problems.Error())
		fmt.Fprintf(a.stderr, "%s, nothing was changed\n", progress.Count(len(problems), "problem"))
		return exitUsage
	case errors.As(err, &wrong):
		fmt.Fprintln(a.stderr, err)
		return exitUsage
	case errors.As(err, &failures):
		fmt.Fprintln(a.stderr, failures.Error())
		fmt.Fprintf(a.stderr, "%s failed; what is done stays. Mend the cause and run the same command to go on.\n", progress.Count(len(failures), "resource"))
	case errors.As(err, &held):
		fmt.Fprintf(a.stderr, "%v\n  %s\n", held, engine.HintHeld)
	case errors.As(err, &failed):
		fmt.Fprintln(a.stderr, failed.message)
	case errors.Is(err, context.DeadlineExceeded):
		fmt.Fprintln(a.stderr, "the time of --timeout is over; nothing is lost. Run the same command to go on.")
	default:
		fmt.Fprintln(a.stderr, err)
	}
	return exitFailed
}
