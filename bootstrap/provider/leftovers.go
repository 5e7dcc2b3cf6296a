package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// Left are the resources that are there, looked for as in a plan by a provider that knows nothing of runs before, and that
// cluster.yaml does not name as the user's. Why says how the cloud finds its own ("tag opsgen.io/cluster"); parts are kinds
// that go with what they are parts of, or that are told otherwise.
func Left(ctx context.Context, fresh Provider, t Target, why string, parts ...string) ([]Leftover, error) {
	g := engine.NewGraph(t.Cluster.Name, t.Bundle.Version)
	if _, err := fresh.Resources(g); err != nil {
		return nil, err
	}
	plan, err := g.Plan(ctx, engine.Options{Classify: fresh.Classify})
	if err != nil {
		return nil, fmt.Errorf("search for leftovers: %w", err)
	}
	var left []Leftover
	for _, step := range plan {
		if !step.Exists() || step.Given || slices.Contains(parts, step.Kind) {
			continue
		}
		l := Leftover{Kind: step.Kind, ID: step.ID, Why: why, Data: step.Data, Detail: step.Resource}
		switch {
		case step.Borrowed:
			l.Why = "name"
		case step.Action == engine.ActionRefuse:
			l.Why, l.Data, l.Detail = "name", false, step.Reason
		}
		if l.ID == "" {
			l.ID, l.Detail = step.Resource, ""
		}
		left = append(left, l)
	}
	return left, nil
}
