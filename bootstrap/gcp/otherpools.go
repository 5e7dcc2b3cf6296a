package gcp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/compute/v1"
	"google.golang.org/api/container/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/generator/progress"
)

// others are node pools of zones that cluster.yaml does not list any more.
type others struct {
	// empty are those in whose zone no volume is, by name; keep says why the rest stays.
	empty []string
	keep  []string
	// going are on their way out.
	going int
}

// addOtherPools adds what is left of zones that were taken out of cluster.yaml, after the pools of the others, which take the
// pods over.
//
// Threat: volumes never leave their zone. Without nodes there, pods that use them wait for ever, and what is only in them
// cannot be read. So a pool goes once no volume is in its zone; it is for a person to say that these may go.
func (c *cloud) addOtherPools(g *engine.Graph, after []engine.Dependency) {
	const name = "cluster/nodes-elsewhere"
	pools := c.container.Projects.Locations.Clusters.NodePools
	add(c, g, engine.Resource[others]{
		Name: name, Kind: "node pools of other zones", Part: true, Unwanted: true, Limit: 4 * time.Hour,
		Find: c.findOtherPools,
		Retire: func(ctx context.Context, have engine.State[others]) error {
			op, err := pools.Delete(c.clusterPath() + "/nodePools/" + have.Output.empty[0]).Context(ctx).Do()
			return c.clusterOperation(name, engine.Deleting, op, err)
		},
		// As the others: with the cluster.
		Delete: func(ctx context.Context, _ engine.State[others]) error {
			op, err := c.container.Projects.Locations.Clusters.Delete(c.clusterPath()).Context(ctx).Do()
			return c.clusterOperation(name, engine.Deleting, op, err)
		},
	}, after...)
}

func (c *cloud) findOtherPools(ctx context.Context) (engine.State[others], error) {
	answer, err := c.container.Projects.Locations.Clusters.NodePools.List(c.clusterPath()).Context(ctx).Do()
	if err != nil {
		return engine.State[others]{}, err
	}
	left := slices.DeleteFunc(answer.NodePools, func(pool *container.NodePool) bool { return !c.elsewhere(pool) })
	if len(left) == 0 {
		return engine.State[others]{}, nil
	}
	// One that does not say whose it is, may be ours.
	volumes, err := c.disks(ctx, func(disk *compute.Disk) bool {
		return disk.Labels[labelGKE] == "" || disk.Labels[labelGKE] == c.Cluster.Name && disk.Labels[labelLocation] == c.region()
	})
	if err != nil {
		return engine.State[others]{}, err
	}
	var o others
	for _, pool := range left {
		o.sort(pool, volumes)
	}
	found := engine.State[others]{Condition: engine.Ready, Output: o}
	switch {
	case len(o.empty) > 0:
		found.Detail = strings.Join(o.empty, ", ") + ": no volume is there"
	case o.going > 0:
		found.Condition = engine.Deleting
	default:
		found.Keep = strings.Join(o.keep, "; ") + ". Pods that use these run nowhere else. Delete their claims, and up removes the nodes"
	}
	return found, nil
}

// elsewhere says whether a pool is one that bootstrap made, for a zone that is not wanted. Those of people stay.
func (c *cloud) elsewhere(pool *container.NodePool) bool {
	if pool.Config == nil {
		return false
	}
	t := tags(pool.Config.ResourceLabels)
	return t[engine.TagCluster] == c.Cluster.Name && t[engine.TagName] == poolResource(pool.Name) && !slices.Contains(c.Cluster.Provider.Zones, pool.Name)
}

// sort puts a pool where it belongs: pools are called as their zone.
func (o *others) sort(pool *container.NodePool, volumes []*compute.Disk) {
	count, size := 0, int64(0)
	for _, disk := range volumes {
		if last(disk.Zone) == pool.Name {
			count, size = count+1, size+disk.SizeGb
		}
	}
	switch {
	case pool.Status == "STOPPING":
		o.going++
	case count == 0:
		o.empty = append(o.empty, pool.Name)
	default:
		o.keep = append(o.keep, fmt.Sprintf("%s has %s with %d GiB", pool.Name, progress.Count(count, "volume"), size))
	}
}
