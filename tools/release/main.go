// Command release makes what a version of the bundle publishes: images, programs to download, and the check against the
// version before. It is for the release workflow and for who works on it; users of the bundle do not need it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const help = `usage: go run ./tools/release COMMAND

  images    compile and assemble the images of our programs; with -push, push them
  binaries  compile the programs that people download, with their checksums
  check     compare the examples of the previous version of the bundle with this one, as Flux will meet them

Each explains its flags: go run ./tools/release images -h
`

// Exit codes, as opsgen's.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// errFailed ends a check that found something; what was printed.
var errFailed = errors.New("the check failed")

func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) int {
	commands := map[string]func(context.Context, *flag.FlagSet, []string, io.Writer, io.Writer) error{
		"images": images, "binaries": binaries, "check": check,
	}
	if len(arguments) == 0 || commands[arguments[0]] == nil {
		fmt.Fprint(stderr, help)
		return exitUsage
	}
	flags := flag.NewFlagSet(arguments[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	switch err := commands[arguments[0]](ctx, flags, arguments[1:], stdout, stderr); {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errFailed):
		fmt.Fprintln(stderr, err)
		return exitFailed
	default:
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
}

// parse reads flags, and refuses anything behind them.
func parse(flags *flag.FlagSet, arguments []string) error {
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%s takes no arguments, but got %q", flags.Name(), flags.Args())
	}
	return nil
}
