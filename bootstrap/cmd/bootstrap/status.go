package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/install"
)

func newStatusCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status CLUSTER",
		Short: "Show how everything is, and why something is not ready",
		Long: `Status looks at every resource and at each of Flux' Kustomizations. It exits with 1 when something is not as it
should be.`,
		Example: `  bootstrap status clusters/prod
  bootstrap status clusters/prod -o json | jq '.units[] | select(.ready | not)'`,
		Args: oneCluster, ValidArgsFunction: a.completeCluster,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			s, err := a.open(cmd.Context(), arguments[0])
			if err != nil {
				return err
			}
			return s.status(cmd.Context())
		},
	}
}

// health is how a cluster is.
type health struct {
	Cluster string `json:"cluster"`
	Bundle  string `json:"bundle"`
	Ready   bool   `json:"ready"`
	// Kubernetes says why it does not answer; then resources are those outside of it, and there are no units.
	Kubernetes string              `json:"kubernetes,omitempty"`
	Steps      engine.Plan         `json:"resources"`
	Units      []install.UnitState `json:"units"`
}

func (s *session) status(ctx context.Context) error {
	h := health{Cluster: s.cluster.Name, Bundle: s.version}
	var err error
	var quiet *silence
	if h.Steps, quiet, err = s.see(ctx); err != nil {
		return err
	}
	if quiet != nil {
		h.Kubernetes = quiet.String()
	} else if h.Units, err = s.units(ctx); err != nil {
		return err
	}
	h.Ready = quiet == nil && !h.Steps.Differs() && !slices.ContainsFunc(h.Units, func(u install.UnitState) bool { return !u.Ready })
	if s.json() {
		err = s.writeJSON(h)
	} else {
		s.printHealth(h)
	}
	if err == nil && !h.Ready {
		err = failedCheck{s.cluster.Name + " is not ready"}
	}
	return err
}

// units are all of Flux' Kustomizations; none where there is no cluster.
func (s *session) units(ctx context.Context) ([]install.UnitState, error) {
	config, err := s.kubernetes.Config(ctx)
	if errors.Is(err, engine.ErrMissing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := install.Client(config)
	if err != nil {
		return nil, err
	}
	var states []install.UnitState
	for _, layer := range install.Layers() {
		found, err := install.Look(ctx, c, s.tree.Units(layer))
		if err != nil {
			return nil, err
		}
		states = append(states, found...)
	}
	return states, nil
}

func (s *session) printHealth(h health) {
	word := "ready"
	if !h.Ready {
		word = "not ready"
	}
	fmt.Fprintf(s.stdout, "%s · bundle %s · %s\n", h.Cluster, h.Bundle, word)
	for _, phase := range s.graph.Phases() {
		if phase == install.PhaseLayers {
			continue
		}
		var steps engine.Plan
		for _, step := range h.Steps {
			if step.Phase == phase && (!step.Passive || step.Exists()) {
				steps = append(steps, step)
			}
		}
		if len(steps) == 0 { // Kubernetes does not answer
			continue
		}
		if steps.Count(engine.ActionCreate) == len(steps) {
			fmt.Fprintf(s.stdout, "  %-34s none of %d is there\n", phase, len(steps))
			continue
		}
		fmt.Fprintf(s.stdout, "  %-34s %d of %d as they should be\n", phase, steps.Count(engine.ActionNone), len(steps))
		for _, step := range steps {
			if step.Action != engine.ActionNone {
				fmt.Fprintf(s.stdout, "    %-32s %s\n", step.Resource, notWell(step))
			}
		}
	}
	if h.Kubernetes != "" {
		fmt.Fprintf(s.stdout, "  %-34s %s\n", "kubernetes", h.Kubernetes)
	}
	for _, layer := range install.Layers() {
		s.printLayer(layer, h.Units)
	}
}

// notWell says what is wrong with a resource.
func notWell(step engine.Step) string {
	switch step.Action {
	case engine.ActionCreate:
		return "missing"
	case engine.ActionDelete:
		return "not wanted any more"
	}
	text := step.Reason
	for _, change := range step.Changes {
		if text != "" {
			text += ", "
		}
		text += change.String()
	}
	return text
}

func (s *session) printLayer(layer string, units []install.UnitState) {
	ready, all := 0, 0
	for _, u := range units {
		if u.Layer == layer {
			all++
			if u.Ready {
				ready++
			}
		}
	}
	if all == 0 {
		return
	}
	line := fmt.Sprintf("  %-34s %d ready", layer, ready)
	if ready < all {
		line += fmt.Sprintf(", %d not", all-ready)
	}
	fmt.Fprintln(s.stdout, line)
	for _, u := range units {
		if u.Layer == layer && !u.Ready {
			fmt.Fprintf(s.stdout, "    %-32s %s\n", u.Name, u.Reason)
		}
	}
}
