package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/opsgen/opsgen/test/cortexcheck/configuration"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
}

// run checks the files that args name. Everything after "--" is given to Cortex as flags.
func run(args []string, usage io.Writer) error {
	flags := flag.NewFlagSet("cortexcheck", flag.ContinueOnError)
	flags.SetOutput(usage)
	config := flags.String("config", "", "the configuration, cortex.yaml")
	runtime := flags.String("runtime", "", "the limits of tenants, limits.yaml; left out, they are not checked")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *config == "" {
		return errors.New("no configuration: write -config cortex.yaml")
	}
	text, err := os.ReadFile(*config)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	parsed, err := configuration.Parse(text, flags.Args())
	if err != nil {
		return fmt.Errorf("%s: %w", *config, err)
	}
	if *runtime == "" {
		return nil
	}
	if text, err = os.ReadFile(*runtime); err != nil {
		return fmt.Errorf("read the limits of tenants: %w", err)
	}
	if _, err := configuration.ParseLimits(text, parsed); err != nil {
		return fmt.Errorf("%s: %w", *runtime, err)
	}
	return nil
}
