package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// tagKubernetes and a cluster's name are a tag of what Kubernetes' controllers make; its value is "owned".
const tagKubernetes = "kubernetes.io/cluster/"

// strays are network interfaces and security groups that Kubernetes made in the network and left.
type strays struct{ interfaces, groups []string }

// addSweep removes what Kubernetes left behind: interfaces of pods whose node is gone, and groups of load balancers. The
// network cannot be deleted before.
func (n *network) addSweep() engine.Dependency {
	after := append(engine.After(n.private), n.vpc)
	return add(n.amazon, n.g, engine.Resource[strays]{
		Name: "network/left-by-kubernetes", Kind: "what Kubernetes made in the network", Part: true,
		Find: n.findStrays,
		Delete: func(ctx context.Context, have engine.State[strays]) error {
			for _, id := range have.Output.interfaces {
				if _, err := n.ec2.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: &id}); err != nil && !n.gone(err) {
					return err
				}
			}
			for _, id := range have.Output.groups {
				if _, err := n.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &id}); err != nil && !n.gone(err) {
					return err
				}
			}
			return nil
		},
	}, after...)
}

// findStrays takes only what carries the cluster's own tags, in the cluster's own network, and is used by nothing.
func (n *network) findStrays(ctx context.Context) (engine.State[strays], error) {
	vpc, err := n.vpc.Get(ctx)
	if err != nil {
		return engine.State[strays]{}, err
	}
	here := filter("vpc-id", vpc)
	var found strays
	// The VPC CNI marks its interfaces so (amazon-vpc-cni-k8s 1.16, docs: cluster.k8s.amazonaws.com/name).
	interfaces, err := n.ec2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{
		here, filter("status", "available"), filter("tag:cluster.k8s.amazonaws.com/name", n.g.Cluster),
	}})
	if err != nil {
		return engine.State[strays]{}, err
	}
	for _, i := range interfaces.NetworkInterfaces {
		found.interfaces = append(found.interfaces, aws.ToString(i.NetworkInterfaceId))
	}
	groups, err := n.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{
		here, filter("tag:"+tagKubernetes+n.g.Cluster, "owned"),
	}})
	if err != nil {
		return engine.State[strays]{}, err
	}
	for _, group := range groups.SecurityGroups {
		// The cluster's own group goes with the cluster.
		if tagMap(group.Tags)["aws:eks:cluster-name"] == "" {
			found.groups = append(found.groups, aws.ToString(group.GroupId))
		}
	}
	if len(found.interfaces)+len(found.groups) == 0 {
		return engine.State[strays]{}, nil
	}
	return engine.State[strays]{Condition: engine.Ready, Output: found}, nil
}
