package aws

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/price"
)

// The nodes: 8 CPU and 32 GiB, as sizing counts them. AWS' own processors cost a fifth less, and all images are made for
// them; the second type is for a zone that has none left of the first.
const (
	nodeType  = "m7g.2xlarge"
	otherType = "m6g.2xlarge"
	nodeDisk  = 80
	nodeCPU   = 8
)

// surge is how many machines more an update of the nodes starts in a zone at the same time (Amazon EKS user guide, managed
// node update behavior: up to two for each zone of the group). EKS raises the bound of the group for that by itself.
const surge = 2

func (a *amazon) addNodes(g *engine.Graph, n *network, r *roles) []engine.Dependency {
	var groups []engine.Dependency
	for i, zone := range a.Cluster.Provider.Zones {
		after := append([]engine.Dependency{a.cluster, n.private[i], r.nodes}, r.nodesReady...)
		groups = append(groups, a.addNodeGroup(g, zone, n.private[i], r.nodes, append(after, n.waysOut...)))
	}
	return groups
}

// addNodeGroup adds the nodes of one zone. A group of its own for each is what lets volumes, which never leave their zone,
// always find a node there.
func (a *amazon) addNodeGroup(g *engine.Graph, zone string, subnet, role engine.Output[string], after []engine.Dependency) engine.Dependency {
	name, count := "cluster/nodes-"+zone, float64(a.NodesInZone().Least)
	return add(a, g, engine.Resource[string]{
		Name: name, Kind: "node group", ID: zone, Expected: nodesTime, Limit: 30 * time.Minute,
		Uses: []engine.Use{{Item: "aws/" + nodeType, Quantity: count * price.HoursPerMonth}, {Item: "aws/volume", Quantity: count * nodeDisk}},
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := a.eks.DescribeNodegroup(ctx, &eks.DescribeNodegroupInput{ClusterName: &g.Cluster, NodegroupName: &zone})
			if err != nil {
				return engine.State[string]{}, err
			}
			return a.remember(name)(a.nodesState(answer.Nodegroup), nil)
		},
		Create: func(ctx context.Context) error {
			in, err := subnet.Get(ctx)
			if err != nil {
				return err
			}
			as, err := role.Get(ctx)
			if err != nil {
				return err
			}
			_, err = a.eks.CreateNodegroup(ctx, &eks.CreateNodegroupInput{
				ClusterName: &g.Cluster, NodegroupName: &zone, NodeRole: &as, Subnets: []string{in},
				AmiType: nodeImage, CapacityType: types.CapacityTypesOnDemand, InstanceTypes: []string{nodeType, otherType},
				DiskSize: aws.Int32(nodeDisk), ReleaseVersion: a.nodeRelease(), ScalingConfig: a.scaling(nil),
				UpdateConfig:       &types.NodegroupUpdateConfig{MaxUnavailable: aws.Int32(1)},
				ClientRequestToken: a.token(g, name, in), Tags: g.Tags(name),
			})
			return err
		},
		Reconcile: func(ctx context.Context, _ engine.State[string]) error {
			answer, err := a.eks.DescribeNodegroup(ctx, &eks.DescribeNodegroupInput{ClusterName: &g.Cluster, NodegroupName: &zone})
			if err != nil {
				return err
			}
			_, err = a.eks.UpdateNodegroupConfig(ctx, &eks.UpdateNodegroupConfigInput{
				ClusterName: &g.Cluster, NodegroupName: &zone, ScalingConfig: a.scaling(answer.Nodegroup.ScalingConfig),
			})
			return err
		},
		Delete: func(ctx context.Context, _ engine.State[string]) error {
			_, err := a.eks.DeleteNodegroup(ctx, &eks.DeleteNodegroupInput{ClusterName: &g.Cluster, NodegroupName: &zone})
			return err
		},
	}, after...)
}

// scaling is what a group should have in place of what it has, which is nothing for a new one. A higher bound than wanted is
// somebody's decision, and stays.
//
// How many nodes there are between the two is the cluster autoscaler's business: EKS learns of it late, and to tell it what
// it said itself could end a node that has just come. So it is told only where there are too few.
func (a *amazon) scaling(have *types.NodegroupScalingConfig) *types.NodegroupScalingConfig {
	want := a.NodesInZone()
	least, most := int32(want.Least), int32(want.Most) //nolint:gosec // counts of nodes
	if have == nil {
		return &types.NodegroupScalingConfig{MinSize: &least, DesiredSize: &least, MaxSize: &most}
	}
	least, most = max(least, aws.ToInt32(have.MinSize)), max(most, aws.ToInt32(have.MaxSize))
	next := &types.NodegroupScalingConfig{MinSize: &least, MaxSize: &most}
	if aws.ToInt32(have.DesiredSize) < least {
		next.DesiredSize = &least
	}
	return next
}

func scalingText(s *types.NodegroupScalingConfig) string {
	return fmt.Sprintf("%d-%d", aws.ToInt32(s.MinSize), aws.ToInt32(s.MaxSize))
}

func (a *amazon) nodesState(group *types.Nodegroup) engine.State[string] {
	conditions := map[types.NodegroupStatus]engine.Condition{
		types.NodegroupStatusActive: engine.Ready, types.NodegroupStatusDeleting: engine.Deleting,
		types.NodegroupStatusCreateFailed: engine.Failed, types.NodegroupStatusDeleteFailed: engine.Ready, types.NodegroupStatusDegraded: engine.Pending,
	}
	found := engine.State[string]{Condition: engine.Pending, Output: aws.ToString(group.NodegroupArn), Tags: group.Tags, Detail: string(group.Status)}
	if condition, known := conditions[group.Status]; known {
		found.Condition = condition
	}
	if group.Health != nil && len(group.Health.Issues) > 0 {
		issue := group.Health.Issues[0]
		found.Detail += ": " + string(issue.Code) + ": " + aws.ToString(issue.Message)
		if issue.Code == types.NodegroupIssueCodeAsgInstanceLaunchFailures {
			found.Detail += ": if the zone has no machines left, try again later, or write another zone in provider.zones"
		}
	}
	if have := group.ScalingConfig; have != nil && found.Condition == engine.Ready {
		want := a.scaling(have)
		switch {
		case scalingText(have) != scalingText(want):
			found.Drift = []engine.Change{{Field: "nodes", Have: scalingText(have), Want: scalingText(want)}}
		case want.DesiredSize != nil:
			found.Drift = []engine.Change{{Field: "nodes", Have: fmt.Sprint(aws.ToInt32(have.DesiredSize)), Want: fmt.Sprint(*want.DesiredSize)}}
		}
	}
	return found
}
