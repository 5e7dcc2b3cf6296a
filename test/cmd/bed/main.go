// Command bed makes a real Kubernetes on this machine, for people and for tests.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/test/bed"
	"github.com/opsgen/opsgen/test/build"
	"github.com/opsgen/opsgen/test/image"
)

func main() {
	bed.Internal()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, command(), os.Stderr)
	stop()
	os.Exit(code)
}

// errUsage is what somebody wrote wrong, and can write right.
type errUsage struct{ error }

// run runs the command and returns its exit code: 2 when it was called wrongly, 1 when it failed.
func run(ctx context.Context, root *cobra.Command, stderr io.Writer) int {
	// Cobra has no kind for what is wrong about commands, flags and arguments: all of it comes before this.
	begun := false
	root.PersistentPreRun = func(*cobra.Command, []string) { begun = true }
	err := root.ExecuteContext(ctx)
	var ended *exec.ExitError
	if err == nil {
		return 0
	}
	if errors.As(err, &ended) && ended.ExitCode() > 0 {
		// A command on a node has said itself what is wrong.
		return ended.ExitCode()
	}
	fmt.Fprintln(stderr, "bed:", err)
	if !begun || errors.As(err, &errUsage{}) {
		return 2
	}
	return 1
}

func command() *cobra.Command {
	var name string
	root := &cobra.Command{
		Use: "bed", Short: "A real Kubernetes on this machine", SilenceUsage: true, SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&name, "name", "bed", "which bed: several can be up side by side")
	root.AddCommand(up(&name), down(&name), status(&name), kubeconfig(&name), logs(&name), nodes(&name), enter(&name), packages())
	return root
}

func up(name *string) *cobra.Command {
	var (
		real         string
		fakes        int
		bundle       bool
		images       []string
		repositories []string
		cluster      string
	)
	c := &cobra.Command{
		Use: "up", Short: "Make a bed and leave it up", Args: cobra.NoArgs,
		Example: "  bed up --nodes 2 --cluster example-local    the whole bundle\n  bed up --nodes 3\n  bed up --nodes fake --fake 50    control plane and fake nodes, without root",
		RunE: func(c *cobra.Command, _ []string) error {
			count, fakes, err := counts(real, fakes)
			if err != nil {
				return err
			}
			if cluster != "" {
				source, err := sourceOf(cluster)
				if err != nil {
					return err
				}
				bundle, repositories = true, append(repositories, source)
			}
			o := bed.Options{
				Name: *name, Nodes: count, Fake: fakes, Detached: true, Progress: c.ErrOrStderr(), Repositories: repositories,
			}
			if o.Images, err = served(c.Context(), count, bundle, images); err != nil {
				return err
			}
			b, err := bed.Up(c.Context(), o)
			if err != nil {
				return fmt.Errorf("making the bed: %w", err)
			}
			fmt.Fprintf(c.OutOrStdout(), "export KUBECONFIG=%s\n", b.Kubeconfig())
			if cluster == "" {
				return nil
			}
			return deliver(c.Context(), b, cluster, repositories[len(repositories)-1], c.ErrOrStderr())
		},
	}
	c.Flags().BoolVar(&bundle, "bundle", false, "serve the images of versions.yaml")
	c.Flags().StringVar(&cluster, "cluster", "", "have Flux bring up this folder of clusters/ from Git, as it is rendered")
	c.Flags().StringSliceVar(&images, "image", nil, "serve this image too, by its name in test/image/table.go")
	c.Flags().StringSliceVar(&repositories, "repository", nil, "serve a Git repository at this address (https://host/path)")
	c.Flags().StringVar(&real, "nodes", "1", "number of real nodes, in turn in the zones z1, z2 and z3; fake: none")
	c.Flags().IntVar(&fakes, "fake", 0, "number of fake nodes, which only say that they run pods (3 with --nodes fake)")
	return c
}

// served builds the images that a bed serves beside its own: a shell for people wherever there is busybox, what is asked
// for by name, and the bundle's.
func served(ctx context.Context, nodes int, bundle bool, names []string) ([]image.Spec, error) {
	if nodes == 0 {
		return nil, nil
	}
	if _, err := build.FindCommand("busybox"); err == nil {
		names = append(names, image.Shell)
	}
	var specs []image.Spec
	if len(names) > 0 {
		some, _, err := bed.Bundle(ctx, names, build.Options{})
		if err != nil {
			return nil, fmt.Errorf("building images: %w", err)
		}
		specs = some
	}
	if bundle {
		all, _, err := bed.Bundle(ctx, nil, build.Options{})
		if err != nil {
			return nil, fmt.Errorf("building images: %w", err)
		}
		specs = append(specs, all...)
	}
	return specs, nil
}

// counts reads how many real and fake nodes are asked for.
func counts(real string, fakes int) (int, int, error) {
	if real == "fake" {
		if fakes == 0 {
			fakes = 3
		}
		return 0, fakes, nil
	}
	count, err := strconv.Atoi(real)
	if err != nil || count < 1 || fakes < 0 {
		return 0, 0, errUsage{fmt.Errorf("--nodes %s --fake %d: write a number of real nodes from 1 to %d, or --nodes fake", real, fakes, bed.MaxNodes)}
	}
	return count, fakes, nil
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
				if n.Fake {
					state += ", fake"
				} else if !n.Runs {
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
