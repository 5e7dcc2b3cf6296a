package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/bootstrap/display"
	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

func newDownCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "down CLUSTER",
		Short: "Remove everything but the data, and say what is left",
		Long: `Down removes what up made, in reverse: first what Kubernetes made in the cloud by itself, then the rest. Data (buckets
and the keys that encrypt them; on a cluster that was there before, also volumes) stays unless --delete-data is given
and the cluster's name is typed. What does not carry this cluster's tags is never touched.`,
		Example: `  bootstrap down clusters/prod
  bootstrap down clusters/lab --confirm lab                  in a pipeline
  bootstrap down clusters/lab --delete-data --confirm lab`,
		Args: oneCluster, ValidArgsFunction: a.completeCluster,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			s, err := a.open(cmd.Context(), arguments[0])
			if err != nil {
				return err
			}
			return s.down(cmd.Context())
		},
	}
	cmd.Flags().Bool("delete-data", false, "delete the data, too: it cannot be brought back")
	cmd.Flags().String("confirm", "", "the cluster's name, in place of typing it")
	cmd.Flags().Duration("timeout", time.Hour, "the longest time that all of it may take")
	return cmd
}

func (s *session) down(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.settings.GetDuration("timeout"))
	defer cancel()
	plan, err := s.look(ctx)
	if err != nil {
		return err
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
	left, err := s.provider.Leftovers(ctx)
	if err != nil {
		return fmt.Errorf("everything is removed, but searching for leftovers failed: %w", err)
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
	if confirmed := s.settings.GetString("confirm"); confirmed != "" {
		if confirmed != s.cluster.Name {
			return usage("--confirm says %q, and the cluster is %s: nothing was changed", confirmed, s.cluster.Name)
		}
		return nil
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
