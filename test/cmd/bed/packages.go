package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/test/build"
)

// packages lists what has to be installed, for scripts: nothing is an empty answer.
func packages() *cobra.Command {
	return &cobra.Command{
		Use: "packages", Short: "List the Debian packages that this machine lacks", Args: cobra.NoArgs,
		Example: "  apt-get install -y $(bed packages)",
		RunE: func(c *cobra.Command, _ []string) error {
			var missing []string
			for _, s := range build.Systems() {
				if _, err := build.FindCommand(s.Command); err != nil && !slices.Contains(missing, s.Package) {
					missing = append(missing, s.Package)
				}
			}
			for _, name := range missing {
				fmt.Fprintln(c.OutOrStdout(), name)
			}
			return nil
		},
	}
}
