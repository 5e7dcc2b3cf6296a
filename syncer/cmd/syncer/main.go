// Command syncer makes the cluster's own secrets, and keeps tenants' rules in Cortex and Loki.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/opsgen/opsgen/syncer/config"
)

func main() {
	os.Exit(execute(os.Args[1:]))
}

// inputError is a mistake of the caller: exit code 2.
type inputError struct{ error }

func execute(args []string) int {
	command := &cobra.Command{
		Use: "syncer", Short: "Make the cluster's own secrets", SilenceUsage: true, SilenceErrors: true,
		Args: cobra.NoArgs,
	}
	command.SetArgs(args)
	command.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return inputError{err} })
	command.AddCommand(runCommand(), validateCommand())
	err := command.ExecuteContext(ctrl.SetupSignalHandler())
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, err)
	if errors.As(err, &inputError{}) {
		return 2
	}
	return 1
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
		return config.Config{}, inputError{fmt.Errorf("read the configuration: %w", err)}
	}
	c, err := config.Parse(data)
	if err != nil {
		return config.Config{}, inputError{err}
	}
	return c, nil
}
