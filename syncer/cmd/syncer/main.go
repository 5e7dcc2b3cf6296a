// Command syncer keeps tenants' rules and alerting from Git in Cortex and Loki, and makes the cluster's own secrets.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/opsgen/opsgen/syncer/config"
)

func main() {
	os.Exit(execute(ctrl.SetupSignalHandler(), os.Args[1:], os.Stderr))
}

// runError is what went wrong after the start: exit code 1. Everything else is wrong usage or input: 2.
type runError struct{ error }

func execute(ctx context.Context, args []string, stderr io.Writer) int {
	command := &cobra.Command{
		Use: "syncer", Short: "Keep tenants' rules and alerting from Git in Cortex and Loki", SilenceUsage: true, SilenceErrors: true,
		Args: cobra.NoArgs, RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.SetArgs(args)
	command.AddCommand(runCommand(), validateCommand())
	err := command.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, err)
	if errors.As(err, &runError{}) {
		return 1
	}
	return 2
}

func runCommand() *cobra.Command {
	var file string
	command := &cobra.Command{
		Use: "run --config=FILE", Short: "Run until told to end",
		Example: "  syncer run --config=/etc/syncer/" + config.FileName,
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			c, err := read(file)
			if err != nil {
				return err
			}
			return run(command.Context(), c)
		},
	}
	command.Flags().StringVar(&file, "config", "/etc/syncer/"+config.FileName, "the configuration")
	return command
}

func validateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "validate FILE", Short: "Check a configuration",
		Example: "  syncer validate " + config.FileName,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			_, err := read(args[0])
			return err
		},
	}
}

// read reads and checks the configuration.
func read(file string) (config.Config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return config.Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	return config.Parse(data)
}
