package gcp

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/api/compute/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// Leftovers implements provider.Provider. What bootstrap makes is searched as in a plan, by labels, descriptions and names;
// disks, which Kubernetes made, by its own labels.
func (c *cloud) Leftovers(ctx context.Context) ([]provider.Leftover, error) {
	again, err := New(ctx, c.Target)
	if err != nil {
		return nil, err
	}
	g := engine.NewGraph(c.Cluster.Name, c.Bundle.Version)
	if _, err := again.Resources(g); err != nil {
		return nil, err
	}
	plan, err := g.Plan(ctx, engine.Options{Classify: c.Classify})
	if err != nil {
		return nil, fmt.Errorf("search for leftovers: %w", err)
	}
	left := c.planned(plan)
	disks, err := c.volumes(ctx)
	if err != nil && !c.gone(err) {
		return nil, fmt.Errorf("search for volumes: %w", err)
	}
	for _, disk := range disks {
		left = append(left, leftDisk(disk, labelGKE, fmt.Sprintf("%d GiB", disk.SizeGb)))
	}
	orphans, err := c.orphans(ctx)
	if err != nil && !c.gone(err) {
		return nil, fmt.Errorf("search for volumes: %w", err)
	}
	for _, disk := range orphans {
		left = append(left, leftDisk(disk, labelVolume, fmt.Sprintf("%d GiB, perhaps another cluster's; %s", disk.SizeGb, disk.Description)))
	}
	return left, nil
}

func leftDisk(disk *compute.Disk, label, detail string) provider.Leftover {
	return provider.Leftover{Kind: "volume", ID: last(disk.Zone) + "/" + disk.Name, Why: "label " + label, Data: true, Detail: detail}
}

// planned are the resources of a plan that are there. Parts go with what they are parts of.
func (c *cloud) planned(plan engine.Plan) []provider.Leftover {
	var left []provider.Leftover
	for _, step := range plan {
		if !step.Exists() || step.Given || slices.Contains([]string{"rights", "APIs", "volumes that Kubernetes made"}, step.Kind) {
			continue
		}
		l := provider.Leftover{Kind: step.Kind, ID: step.ID, Why: "label " + labelCluster, Data: step.Data, Detail: step.Resource}
		switch {
		case step.Kind == "key ring":
			l.Why, l.Detail = "name", "Google keeps key rings and keys without versions for ever; they cost nothing"
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
