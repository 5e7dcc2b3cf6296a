package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/bootstrap/display"
	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/cluster"
)

func newDownCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "down CLUSTER",
		Short: "Remove everything but the data, and say what is left",
		Long: `Down removes what up made, in reverse: first what Kubernetes made in the cloud by itself, then the rest. Data (buckets
and the keys that encrypt them; on a cluster that was there before, also volumes) stays unless --delete-data is given
and the cluster's name is typed. What does not carry this cluster's tags is never touched.

While Kubernetes lives, it removes what it made itself. Where the cloud says that there is no cluster, down goes on by
itself; where there is one that does not answer, it stops and says so, and --without-kubernetes goes on: what Kubernetes
left is searched for in the cloud, and volumes stay as data does.`,
		Example: `  bootstrap down clusters/prod
  bootstrap down clusters/lab --confirm lab                  in a pipeline
  bootstrap down clusters/lab --delete-data --confirm lab
  bootstrap down clusters/lab --without-kubernetes           its API will not answer again`,
		Args: oneCluster, ValidArgsFunction: a.completeCluster,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			s, err := a.open(cmd.Context(), arguments[0])
			if err != nil {
				return err
			}
			if err := s.checkRemoval(); err != nil {
				return err
			}
			return s.down(cmd.Context())
		},
	}
	cmd.Flags().Bool("delete-data", false, "delete the data, too: it cannot be brought back")
	cmd.Flags().String("confirm", "", "the cluster's name, in place of typing it")
	cmd.Flags().Bool("without-kubernetes", false, "ask nothing of Kubernetes: for a cluster that will not answer again")
	cmd.Flags().Duration("timeout", time.Hour, "the longest time that all of it may take")
	return cmd
}

// checkRemoval refuses what was not meant, before anything is looked at.
func (s *session) checkRemoval() error {
	if confirmed := s.settings.GetString("confirm"); confirmed != "" && confirmed != s.cluster.Name {
		return usage("--confirm says %q, and the cluster is %s: nothing was changed", confirmed, s.cluster.Name)
	}
	if s.settings.GetBool("without-kubernetes") && s.cluster.Provider.Name == cluster.Existing {
		return usage("--without-kubernetes is for aws and gcp: on a cluster that was there before, everything that bootstrap made is in Kubernetes")
	}
	return nil
}

func (s *session) down(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.settings.GetDuration("timeout"))
	defer cancel()
	plan, err := s.seeToRemove(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(plan, func(step engine.Step) bool { return step.Ours }) {
		// The lock would be all that there is of it.
		fmt.Fprintf(s.stderr, "there is nothing of the cluster %s (%s)\n", s.cluster.Name, s.provider.Headline())
		return s.searchLeftovers(ctx)
	}
	if err := s.agreeToRemove(plan); err != nil {
		return err
	}
	err = s.hold(ctx, "down", func(ctx context.Context) error { return s.removeAll(ctx, plan) })
	if err != nil {
		if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			return context.DeadlineExceeded
		}
		return err
	}
	return s.searchLeftovers(ctx)
}

// searchLeftovers is how down ends.
func (s *session) searchLeftovers(ctx context.Context) error {
	left, err := s.provider.Leftovers(ctx)
	if err != nil {
		return fmt.Errorf("searching for leftovers failed: %w; run the same command to search again", err)
	}
	if s.json() {
		return s.writeJSON(map[string]any{"cluster": s.cluster.Name, "leftovers": left})
	}
	s.printLeftovers(left)
	return nil
}

// agreeToRemove shows what goes and what stays, and wants the cluster's name.
func (s *session) agreeToRemove(plan engine.Plan) error {
	deleteData := s.settings.GetBool("delete-data")
	fmt.Fprintf(s.stderr, "this removes the cluster %s and everything in it (%s).", s.cluster.Name, s.provider.Headline())
	var data []string
	for _, step := range plan {
		if step.Data && step.Exists() {
			name := step.ID
			if name == "" {
				name = step.Kind
			}
			data = append(data, name)
		}
	}
	switch {
	case len(data) == 0:
		fmt.Fprintln(s.stderr)
	case deleteData:
		fmt.Fprintln(s.stderr, " The data is DELETED, for ever:")
	default:
		fmt.Fprintln(s.stderr, " The data stays:")
	}
	for _, name := range data {
		fmt.Fprintln(s.stderr, "  "+name)
	}
	if s.settings.GetString("confirm") != "" {
		return nil // checkRemoval has compared it
	}
	return s.ask("type the cluster's name to go on: ", s.cluster.Name)
}

func (s *session) removeAll(ctx context.Context, plan engine.Plan) error {
	shown := display.New(s.stderr, plan)
	o := s.options()
	o.Events, o.DeleteData = shown.Event, s.settings.GetBool("delete-data")
	result, err := s.graph.Down(ctx, o)
	shown.Close()
	for _, outcome := range result {
		if outcome.What == engine.Kept {
			name := outcome.Resource
			if outcome.ID != "" {
				name += " (" + outcome.ID + ")"
			}
			fmt.Fprintf(s.stderr, "kept       %s: %s\n", name, outcome.Detail)
		}
	}
	if err == nil {
		fmt.Fprintf(s.stderr, "removed    %s\n", number(result.Count(engine.Removed), "resource"))
	}
	return err
}

func (s *session) printLeftovers(left []provider.Leftover) {
	if len(left) == 0 {
		fmt.Fprintln(s.stdout, "searched for leftovers by tag and by name: none")
		return
	}
	fmt.Fprintln(s.stdout, "searched for leftovers by tag and by name:")
	for _, l := range left {
		line := fmt.Sprintf("  %s %s (by %s)", l.Kind, l.ID, l.Why)
		if l.Data {
			line += ", kept"
		}
		if l.Detail != "" {
			line += ": " + l.Detail
		}
		fmt.Fprintln(s.stdout, line)
	}
}
