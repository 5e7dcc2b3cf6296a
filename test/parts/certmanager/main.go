// Certmanager is cert-manager's controller, webhook and injector of authorities in one program: it is the one that it is
// called as. It takes the flags of the originals that the bed's manifests use and refuses all others. Left out are ACME,
// Vault and Venafi (there is no such server, and their clouds' libraries are large) and leader election (there is one
// replica of each); the flags of both are read and do nothing.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/pflag"
	"k8s.io/component-base/logs/api/v1"

	logf "github.com/cert-manager/cert-manager/pkg/logs"
)

// A command declares its flags, and runs after they were read until the context ends.
type command func(flags *pflag.FlagSet) func(context.Context) error

var commands = map[string]command{
	"controller": controllerCommand,
	"webhook":    webhookCommand,
	"cainjector": injectorCommand,
}

func main() {
	name := filepath.Base(os.Args[0])
	declare, ok := commands[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "call this program controller, webhook or cainjector, not %s\n", name)
		os.Exit(2)
	}
	if err := run(name, declare); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

func run(name string, declare command) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	logging := v1.NewLoggingConfiguration()
	start := declare(flags)
	// The webhook's flags have those of the log among them, and its command applies them.
	own := flags.Lookup("v") == nil
	if own {
		logf.AddFlags(logging, flags)
	}
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	logf.InitLogs()
	if own {
		if err := logf.ValidateAndApply(logging); err != nil {
			return err
		}
	}
	return start(logf.NewContext(ctx, logf.Log, name))
}

// unused declares flags of the originals that mean nothing here, so that the manifests run as they are.
func unused(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		flags.String(name, "", "read, and without effect in the cluster bed")
	}
}
