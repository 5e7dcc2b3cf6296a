package gcp

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/api/container/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/price"
)

// The nodes: 8 CPU and 32 GiB, as sizing counts them. Newer types cannot use persistent disks, which GKE's standard storage
// class is made of.
const (
	nodeType  = "n2-standard-8"
	nodeImage = "COS_CONTAINERD"
	nodeCPUs  = 8
	nodeDisk  = 80
	podsNode  = 110
)

// addNodes adds a pool for each zone. One of its own for each is what lets volumes, which never leave their zone, always
// find a node there. Each waits for the one before, so that a new version reaches one zone after the other.
func (c *cloud) addNodes(g *engine.Graph, account engine.Output[string]) []engine.Dependency {
	var pools []engine.Dependency
	after := []engine.Dependency{c.cluster, account}
	for _, zone := range c.Cluster.Provider.Zones {
		pool := c.addPool(g, zone, account, after)
		pools, after = append(pools, pool), append(after, pool)
	}
	c.addOtherPools(g, after)
	return pools
}

func poolResource(zone string) string { return "cluster/nodes-" + zone }

// addPool adds the nodes of one zone. The first pools come with the cluster, and go with it: deleting them one by one would
// wait up to an hour each for pods that may not be disturbed, and nobody needs them any more.
func (c *cloud) addPool(g *engine.Graph, zone string, account engine.Output[string], after []engine.Dependency) engine.Dependency {
	name, path := poolResource(zone), c.clusterPath()+"/nodePools/"+zone
	pools := c.container.Projects.Locations.Clusters.NodePools
	return add(c, g, engine.Resource[string]{
		Name: name, Kind: "node pool", ID: zone, Expected: 5 * time.Second, Limit: c.NodesInZone().UpgradeLimit(),
		Uses: []engine.Use{
			{Item: "gcp/" + nodeType, Quantity: float64(c.NodesInZone().Least) * price.HoursPerMonth}, {Item: "gcp/volume", Quantity: float64(c.NodesInZone().Least) * nodeDisk},
		},
		Find: func(ctx context.Context) (engine.State[string], error) {
			there, err := pools.Get(path).Context(ctx).Do()
			if err != nil {
				return engine.State[string]{}, err
			}
			plane, err := c.cluster.Get(ctx)
			if err != nil {
				plane = controlPlane{aged: true}
			}
			return c.poolState(there, plane), nil
		},
		Create: func(ctx context.Context) error {
			as, err := account.Get(ctx)
			if err != nil {
				return err
			}
			op, err := pools.Create(c.clusterPath(), &container.CreateNodePoolRequest{NodePool: c.wantedPool(g, zone, as)}).Context(ctx).Do()
			return c.clusterOperation(name, engine.Pending, op, err)
		},
		Reconcile: func(ctx context.Context, have engine.State[string]) error {
			return c.mendPool(ctx, name, path, have.Drift[0])
		},
		Delete: func(ctx context.Context, have engine.State[string]) error {
			if have.Condition == engine.Failed {
				op, err := pools.Delete(path).Context(ctx).Do()
				return c.clusterOperation(name, engine.Deleting, op, err)
			}
			op, err := c.container.Projects.Locations.Clusters.Delete(c.clusterPath()).Context(ctx).Do()
			return c.clusterOperation(name, engine.Deleting, op, err)
		},
	}, after...)
}

func (c *cloud) wantedPool(g *engine.Graph, zone, account string) *container.NodePool {
	return &container.NodePool{
		Name: zone, Locations: []string{zone}, InitialNodeCount: int64(c.NodesInZone().Least), Autoscaling: c.wantedScaling(),
		Config: &container.NodeConfig{
			MachineType: nodeType, DiskType: "pd-balanced", DiskSizeGb: nodeDisk, ImageType: nodeImage,
			ServiceAccount: account, OauthScopes: []string{"https://www.googleapis.com/auth/cloud-platform"},
			ResourceLabels:         labels(g.Tags(poolResource(zone))),
			ShieldedInstanceConfig: &container.ShieldedInstanceConfig{EnableSecureBoot: true, EnableIntegrityMonitoring: true},
			// Threat: a pod that asks the metadata server for the node's token. It is given its own, or none.
			WorkloadMetadataConfig: &container.WorkloadMetadataConfig{Mode: "GKE_METADATA"},
			Metadata:               map[string]string{"disable-legacy-endpoints": "true"},
		},
		// Channels insist on both; which minor version is brought is cluster.yaml's.
		Management:        &container.NodeManagement{AutoRepair: true, AutoUpgrade: true},
		UpgradeSettings:   &container.UpgradeSettings{Strategy: "SURGE", MaxSurge: 1, MaxUnavailable: 0, ForceSendFields: []string{"MaxUnavailable"}},
		MaxPodsConstraint: &container.MaxPodsConstraint{MaxPodsPerNode: podsNode},
		NetworkConfig:     &container.NodeNetworkConfig{EnablePrivateNodes: true},
	}
}

func (c *cloud) wantedScaling() *container.NodePoolAutoscaling {
	nodes := c.NodesInZone()
	return &container.NodePoolAutoscaling{Enabled: true, MinNodeCount: int64(nodes.Least), MaxNodeCount: int64(nodes.Most)}
}

// What of a pool can be mended.
const (
	fieldNodes   = "nodes"
	fieldVersion = "Kubernetes"
)

func (c *cloud) poolState(there *container.NodePool, plane controlPlane) engine.State[string] {
	conditions := map[string]engine.Condition{
		"RUNNING": engine.Ready, "STOPPING": engine.Deleting, "ERROR": engine.Failed,
	}
	found := engine.State[string]{Condition: engine.Pending, Output: there.Name, Detail: there.Status + conditionText(there.Conditions)}
	if there.Config != nil {
		found.Tags = tags(there.Config.ResourceLabels)
	}
	if condition, known := conditions[there.Status]; known {
		found.Condition = condition
	}
	if found.Condition == engine.Failed && plane.aged {
		// Threat: up deletes what failed and makes it anew, and on nodes of long standing there are pods.
		found.Condition, found.Drift = engine.Ready, []engine.Change{{Field: fieldStatus, Have: found.Detail, Want: "RUNNING"}}
		return found
	}
	if found.Condition != engine.Ready {
		return found
	}
	// More nodes than wanted are somebody's decision; fewer are drift.
	if s, want := there.Autoscaling, c.wantedScaling(); s == nil || !s.Enabled || s.MinNodeCount < want.MinNodeCount || s.MaxNodeCount < want.MaxNodeCount {
		found.Drift = append(found.Drift, engine.Change{Field: fieldNodes, Have: scalingText(s), Want: scalingText(want)})
	}
	// Patches come from Google, and by themselves.
	if plane.version != "" && there.Version != "" && minor(there.Version) != minor(plane.version) {
		found.Drift = append(found.Drift, engine.Change{Field: fieldVersion, Have: minor(there.Version), Want: minor(plane.version)})
	}
	return found
}

func scalingText(s *container.NodePoolAutoscaling) string {
	if s == nil || !s.Enabled {
		return "not scaled"
	}
	return fmt.Sprintf("%d-%d", s.MinNodeCount, s.MaxNodeCount)
}

func (c *cloud) mendPool(ctx context.Context, resource, path string, change engine.Change) error {
	pools := c.container.Projects.Locations.Clusters.NodePools
	switch change.Field {
	case fieldStatus:
		return &failedError{code: "FAILED_PRECONDITION", message: "GKE says of the pool " + last(path) + ": " + change.Have +
			"; mend that, or delete the pool in the console, and up makes it anew"}
	case fieldNodes:
		op, err := pools.SetAutoscaling(path, &container.SetNodePoolAutoscalingRequest{Autoscaling: c.wantedScaling()}).Context(ctx).Do()
		return c.clusterOperation(resource, engine.Pending, op, err)
	}
	plane, err := c.cluster.Get(ctx)
	if err != nil {
		return err
	}
	op, err := pools.Update(path, &container.UpdateNodePoolRequest{NodeVersion: plane.version, ImageType: nodeImage}).Context(ctx).Do()
	return c.clusterOperation(resource, engine.Pending, op, err)
}
