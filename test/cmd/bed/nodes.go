package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/test/bed"
)

func nodes(name *string) *cobra.Command {
	c := &cobra.Command{Use: "nodes", Short: "Change a bed's nodes"}
	c.AddCommand(
		addNodes(name),
		power(name, "kill", "End a real node at once, as a power cut does; its disk stays", (*bed.Bed).KillNode),
		power(name, "start", "Start a node that was killed", (*bed.Bed).StartNode),
	)
	return c
}

func addNodes(name *string) *cobra.Command {
	var (
		fakes int
		zones []string
	)
	c := &cobra.Command{
		Use: "add", Short: "Add a real node, or fake ones", Args: cobra.NoArgs,
		Long: "Add a real node, or fake ones. Beside real nodes, fake ones are tainted: only pods that tolerate " +
			"opsgen.dev/fake are placed on them.",
		Example: "  bed nodes add\n  bed nodes add --fake 30 --zones z1,z2,z3",
		RunE: func(c *cobra.Command, _ []string) error {
			b, err := bed.Open(*name)
			if err != nil {
				return fmt.Errorf("opening the bed: %w", err)
			}
			var added []string
			if fakes > 0 {
				added, err = b.AddFakeNodes(c.Context(), fakes, zones)
			} else {
				var one string
				one, err = b.AddNode(c.Context())
				added = []string{one}
			}
			if err != nil {
				return fmt.Errorf("adding a node: %w", err)
			}
			for _, n := range added {
				fmt.Fprintln(c.OutOrStdout(), n)
			}
			return nil
		},
	}
	c.Flags().IntVar(&fakes, "fake", 0, "number of fake nodes")
	c.Flags().StringSliceVar(&zones, "zones", bed.Zones(), "zones of fake nodes, in turn")
	return c
}

func power(name *string, use, short string, do func(*bed.Bed, context.Context, string) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " NODE", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, arguments []string) error {
			b, err := bed.Open(*name)
			if err != nil {
				return fmt.Errorf("opening the bed: %w", err)
			}
			return do(b, c.Context(), arguments[0])
		},
	}
}

func enter(name *string) *cobra.Command {
	return &cobra.Command{
		Use: "exec NODE -- COMMAND [ARGUMENT...]", Short: "Run a command in a real node's namespaces, as its root",
		Args:    cobra.MinimumNArgs(2),
		Example: "  bed exec node-1 -- ctr containers list\n  bed exec node-2 -- nft list ruleset\n  bed exec node-1 -- bash",
		RunE: func(c *cobra.Command, arguments []string) error {
			b, err := bed.Open(*name)
			if err != nil {
				return fmt.Errorf("opening the bed: %w", err)
			}
			command, err := b.Command(c.Context(), arguments[0], arguments[1], arguments[2:]...)
			if err != nil {
				return fmt.Errorf("running a command: %w", err)
			}
			command.Stdin, command.Stdout, command.Stderr = c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()
			if err := command.Run(); err != nil {
				return fmt.Errorf("running a command: %w", err)
			}
			return nil
		},
	}
}
