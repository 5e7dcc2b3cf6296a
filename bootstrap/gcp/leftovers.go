package gcp

import (
	"context"
	"fmt"

	"google.golang.org/api/compute/v1"

	"github.com/opsgen/opsgen/bootstrap/provider"
)

// Leftovers implements provider.Provider. What bootstrap makes is searched as in a plan, by labels, descriptions and names;
// disks, which Kubernetes made, by its own labels.
func (c *cloud) Leftovers(ctx context.Context) ([]provider.Leftover, error) {
	again, err := New(ctx, c.Target)
	if err != nil {
		return nil, err
	}
	left, err := provider.Left(ctx, again, c.Target, "label "+labelCluster, "rights", "APIs", "volumes that Kubernetes made")
	if err != nil {
		return nil, err
	}
	for i := range left {
		if left[i].Kind == "key ring" {
			left[i].Why, left[i].Detail = "name", "Google keeps key rings and keys without versions for ever; they cost nothing"
		}
	}
	rules, err := c.doubtful(ctx)
	if err != nil && !c.gone(err) {
		return nil, fmt.Errorf("search for firewall rules: %w", err)
	}
	left = append(left, rules...)
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
