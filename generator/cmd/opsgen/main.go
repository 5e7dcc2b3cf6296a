// Command opsgen renders the manifests of clusters from a repository, and helps to write and to check what it reads.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/render"
	"github.com/opsgen/opsgen/generator/upgrade"
)

// gcPercent lets the heap grow further between collections than Go does by itself: a render is short, and makes much that
// is soon garbage.
const gcPercent = 400

func main() {
	debug.SetGCPercent(gcPercent)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // a check failed
	exitUsage  = 2 // wrong usage, a wrong input, or something that cannot be read or written
	// exitStopped is what shells give for an interrupt: 128 and the signal's number.
	exitStopped = 128 + int(syscall.SIGINT)
)

// run executes one command line and returns its exit code.
func run(arguments []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	a := &app{stdout: stdout, stderr: stderr}
	root := newRootCommand(a)
	root.SetArgs(arguments)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() == nil:
		return a.explain(err)
	case a.command == "vendor":
		fmt.Fprintln(stderr, "stopped; what is verified stays: run the same command to go on")
	default:
		fmt.Fprintln(stderr, "stopped; nothing was written")
	}
	return exitStopped
}

// errOutOfDate ends a check of trees that are not what a render would write; what differs was printed.
var errOutOfDate = errors.New("rendered files are out of date")

// explain prints an error the way a person reads it, and for a machine when it asked for JSON, and chooses the exit
// code.
func (a *app) explain(err error) int {
	var problems document.Problems
	var failed render.ChecksFailed
	var notWritable render.NotWritable
	if refused, ok := wasRefused(err); ok {
		return a.refused(refused)
	}
	var conflicts *upgrade.Conflicts
	if errors.As(err, &conflicts) {
		return a.conflicts(conflicts)
	}
	if errors.Is(err, errTestsFailed) {
		fmt.Fprintln(a.stderr, err)
		return exitFailed
	}
	switch {
	case errors.As(err, &failed):
		fmt.Fprintln(a.stderr, failed.Error())
		fmt.Fprintf(a.stderr, "%s failed%s\n", progress.Count(len(failed), "check"), a.consequence())
		return exitFailed
	case errors.Is(err, errOutOfDate), errors.Is(err, errUnresolved), errors.Is(err, errNotValid), errors.Is(err, errDangers),
		errors.Is(err, errFound), errors.Is(err, errLeft):
		fmt.Fprintln(a.stderr, err)
		return exitFailed
	case errors.As(err, &problems):
		fmt.Fprintln(a.stderr, problems.Error())
		fmt.Fprintf(a.stderr, "%s%s\n", progress.Count(len(problems), "problem"), a.consequence())
	case errors.As(err, &notWritable):
		problems = document.Problems{{Message: notWritable.Error()}}
		fmt.Fprintln(a.stderr, notWritable.Error())
	default:
		problems = document.Problems{{Message: err.Error()}}
		fmt.Fprintln(a.stderr, err)
	}
	if a.json() {
		if err := a.writeJSON(map[string]document.Problems{"problems": problems}); err != nil {
			fmt.Fprintln(a.stderr, err)
		}
	}
	return exitUsage
}

// consequence ends the message of a command that would have written something.
func (a *app) consequence() string {
	if a.command == "render" || a.command == "init" || a.command == "lock" {
		return ", nothing was written"
	}
	if a.command == "upgrade" {
		return ", no branch was made; --no-render makes one with the merge alone, to mend the inputs on"
	}
	return ""
}
