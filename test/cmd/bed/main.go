// Command bed makes a real Kubernetes on this machine, for people and for tests.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/test/bed"
	"github.com/opsgen/opsgen/test/build"
)

func main() {
	bed.Internal()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bed:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var name string
	root := &cobra.Command{
		Use: "bed", Short: "A real Kubernetes on this machine", SilenceUsage: true, SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&name, "name", "bed", "which bed: several can be up side by side")
	root.AddCommand(up(&name), down(&name), status(&name), kubeconfig(&name), logs(&name), nodes(&name))
	return root
}

func up(name *string) *cobra.Command {
	var (
		count        int
		bundle       bool
		repositories []string
	)
	c := &cobra.Command{
		Use: "up", Short: "Make a bed and leave it up", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o := bed.Options{
				Name: *name, Nodes: count, Detached: true, Progress: c.ErrOrStderr(), Repositories: repositories,
			}
			if bundle {
				images, _, err := bed.Bundle(c.Context(), nil, build.Options{})
				if err != nil {
					return fmt.Errorf("building images: %w", err)
				}
				o.Images = images
			}
			b, err := bed.Up(c.Context(), o)
			if err != nil {
				return fmt.Errorf("making the bed: %w", err)
			}
			fmt.Fprintf(c.OutOrStdout(), "export KUBECONFIG=%s\n", b.Kubeconfig())
			return nil
		},
	}
	c.Flags().BoolVar(&bundle, "bundle", false, "serve the images of versions.yaml")
	c.Flags().StringSliceVar(&repositories, "repository", nil, "serve a Git repository at this address (https://host/path)")
	c.Flags().IntVar(&count, "nodes", 1, "number of nodes, one after the other in the zones z1, z2 and z3")
	return c
}

func down(name *string) *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "Remove a bed with everything in it", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := bed.Down(c.Context(), *name); err != nil {
				return fmt.Errorf("removing the bed: %w", err)
			}
			return nil
		},
	}
}

func status(name *string) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "List a bed's nodes", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b, err := bed.Open(*name)
			if err != nil {
				return fmt.Errorf("opening the bed: %w", err)
			}
			list, err := b.Status(c.Context())
			if err != nil {
				return fmt.Errorf("looking at the bed: %w", err)
			}
			for _, n := range list {
				state := "not ready"
				if n.Ready {
					state = "ready"
				}
				if !n.Runs {
					state += ", not running"
				}
				fmt.Fprintf(c.OutOrStdout(), "%-10s %-4s %s\n", n.Name, n.Zone, state)
			}
			return nil
		},
	}
}

func kubeconfig(name *string) *cobra.Command {
	return &cobra.Command{
		Use: "kubeconfig", Short: "Print the path of a bed's kubeconfig", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b, err := bed.Open(*name)
			if err != nil {
				return fmt.Errorf("opening the bed: %w", err)
			}
			fmt.Fprintln(c.OutOrStdout(), b.Kubeconfig())
			return nil
		},
	}
}

func logs(name *string) *cobra.Command {
	return &cobra.Command{
		Use: "logs [NODE/PROCESS]", Short: "Print a log of the bed's own processes, or list them", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, arguments []string) error {
			b, err := bed.Open(*name)
			if err != nil {
				return fmt.Errorf("opening the bed: %w", err)
			}
			files, err := b.LogFiles()
			if err != nil {
				return fmt.Errorf("listing logs: %w", err)
			}
			if len(arguments) == 0 {
				for _, log := range slices.Sorted(maps.Keys(files)) {
					fmt.Fprintln(c.OutOrStdout(), log)
				}
				return nil
			}
			path, found := files[arguments[0]]
			if !found {
				return errors.New("there is no such log: `bed logs` lists them")
			}
			file, err := os.Open(path)
			if err != nil {
				return fmt.Errorf("opening the log: %w", err)
			}
			defer file.Close()
			if _, err := io.Copy(c.OutOrStdout(), file); err != nil {
				return fmt.Errorf("printing the log: %w", err)
			}
			return nil
		},
	}
}

func nodes(name *string) *cobra.Command {
	c := &cobra.Command{Use: "nodes", Short: "Change a bed's nodes"}
	c.AddCommand(&cobra.Command{
		Use: "add", Short: "Add a real node", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b, err := bed.Open(*name)
			if err != nil {
				return fmt.Errorf("opening the bed: %w", err)
			}
			added, err := b.AddNode(c.Context())
			if err != nil {
				return fmt.Errorf("adding a node: %w", err)
			}
			fmt.Fprintln(c.OutOrStdout(), added)
			return nil
		},
	})
	return c
}
