// Command opsgen renders the manifests of clusters from a repository, and helps to write and to check what it reads.
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
	"github.com/opsgen/opsgen/generator/render"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // a check failed
	exitUsage  = 2 // wrong usage, a wrong input, or something that cannot be read or written
)

// run executes one command line and returns its exit code.
func run(arguments []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRootCommand(&app{stdout: stdout, stderr: stderr})
	root.SetArgs(arguments)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		fmt.Fprintln(stderr, "stopped; nothing was written")
		return exitUsage
	}
	return explain(err, stderr)
}

// errOutOfDate ends a check of trees that are not what a render would write; what differs was printed.
var errOutOfDate = errors.New("rendered files are out of date; run opsgen render and commit the result")

// explain prints an error the way a person reads it and chooses the exit code.
func explain(err error, stderr io.Writer) int {
	var problems document.Problems
	var failed render.ChecksFailed
	switch {
	case errors.As(err, &problems):
		fmt.Fprintln(stderr, problems.Error())
		fmt.Fprintf(stderr, "%s, nothing was written\n", count(len(problems), "problem"))
		return exitUsage
	case errors.As(err, &failed):
		fmt.Fprintln(stderr, failed.Error())
		fmt.Fprintf(stderr, "%s failed, nothing was written\n", count(len(failed), "check"))
		return exitFailed
	case errors.Is(err, errOutOfDate), errors.Is(err, errUnresolved):
		fmt.Fprintln(stderr, err)
		return exitFailed
	default:
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
