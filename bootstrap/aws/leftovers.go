package aws

import (
	"context"
	"fmt"
	"slices"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// Leftovers implements provider.Provider. What bootstrap makes is searched as in a plan, by tags and names; volumes, which
// Kubernetes made, by its own tag; and all else that has such tags by AWS' index of them.
func (a *amazon) Leftovers(ctx context.Context) ([]provider.Leftover, error) {
	again, err := New(ctx, a.Target)
	if err != nil {
		return nil, err
	}
	g := engine.NewGraph(a.Cluster.Name, a.Bundle.Version)
	if _, err := again.Resources(g); err != nil {
		return nil, err
	}
	plan, err := g.Plan(ctx, engine.Options{Classify: a.Classify})
	if err != nil {
		return nil, fmt.Errorf("search for leftovers: %w", err)
	}
	left := a.planned(plan)
	volumes, err := a.leftVolumes(ctx)
	if err != nil {
		return nil, err
	}
	more, err := a.tagged(ctx)
	return append(append(left, volumes...), more...), err
}

// planned are the resources of a plan that are there. Parts go with what they are parts of.
func (a *amazon) planned(plan engine.Plan) []provider.Leftover {
	var left []provider.Leftover
	for _, step := range plan {
		if !step.Exists() || step.Given || slices.Contains([]string{"route", "association", "attachment", "policy", "alias", "node version", volumesKind}, step.Kind) {
			continue
		}
		l := provider.Leftover{Kind: step.Kind, ID: step.ID, Why: "tag " + engine.TagCluster, Data: step.Data, Detail: step.Resource}
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
	return left
}
