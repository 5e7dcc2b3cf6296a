package aws

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// Tags by which what Kubernetes made says whose it is.
const (
	// tagKubernetes and a cluster's name are a tag of what Kubernetes' cloud provider makes; its value is "owned"
	// (cloud-provider-aws 1.36, pkg/providers/v1/tags.go).
	tagKubernetes = "kubernetes.io/cluster/"
	// tagController holds the cluster's name on what the AWS Load Balancer Controller makes, for who installs that
	// (aws-load-balancer-controller 2.13, pkg/deploy/tracking/provider.go).
	tagController = "elbv2.k8s.aws/cluster"
	// tagInterface holds the cluster's name on interfaces that the VPC CNI makes (amazon-vpc-cni-k8s 1.16,
	// pkg/awsutils/awsutils.go).
	tagInterface = "cluster.k8s.amazonaws.com/name"
	// tagGroup holds the cluster's name on the group that EKS makes for it.
	tagGroup = "aws:eks:cluster-name"
)

// strays are what Kubernetes made in the network and left.
type strays struct {
	balancers
	interfaces, groups []string
}

func (s strays) count() int { return s.balancers.count() + len(s.interfaces) + len(s.groups) }

// addSweep removes what Kubernetes left behind: load balancers, interfaces of pods whose node is gone, and groups of both.
// The network cannot be deleted before.
func (n *network) addSweep() engine.Dependency {
	after := append(engine.After(n.private), n.vpc)
	return add(n.amazon, n.g, engine.Resource[strays]{
		Name: "network/left-by-kubernetes", Kind: "what Kubernetes made in the network", Part: true, Limit: 20 * time.Minute,
		Find: func(ctx context.Context) (engine.State[strays], error) {
			found, err := n.findStrays(ctx)
			if err != nil || found.count() == 0 {
				return engine.State[strays]{}, err
			}
			return engine.State[strays]{Condition: engine.Ready, Output: found, Detail: fmt.Sprintf("%d left", found.count())}, nil
		},
		Delete: func(ctx context.Context, have engine.State[strays]) error { return n.deleteStrays(ctx, have.Output) },
	}, after...)
}

// findStrays takes only what carries the cluster's own tags, and is in the cluster's own network.
//
// Threat: a cluster of the same name that somebody else runs in a network that is shared. As long as there is a cluster of
// that name, whoever's, nothing is taken for left behind: ours is deleted before.
func (n *network) findStrays(ctx context.Context) (found strays, err error) {
	vpc, err := n.vpc.Get(ctx)
	if err != nil {
		return found, err
	}
	if _, err := n.eks.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &n.g.Cluster}); !n.gone(err) {
		return found, err
	}
	if found.balancers, err = n.findBalancers(ctx, vpc); err != nil {
		return found, err
	}
	own, err := n.findGroups(ctx, vpc, &found)
	if err != nil {
		return found, err
	}
	return found, n.findInterfaces(ctx, vpc, own, &found)
}

// findGroups finds security groups, and says which of them is the one that EKS made for the cluster. That one goes with the
// cluster, unless an interface that was left kept EKS from it.
func (n *network) findGroups(ctx context.Context, vpc string, found *strays) (own []string, err error) {
	pages := ec2.NewDescribeSecurityGroupsPaginator(n.ec2, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter("vpc-id", vpc)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, group := range page.SecurityGroups {
			id, tags := aws.ToString(group.GroupId), tagMap(group.Tags)
			if n.madeByKubernetes(tags) {
				found.groups = append(found.groups, id)
			}
			if tags[tagGroup] == n.g.Cluster {
				own = append(own, id)
			}
		}
	}
	return own, nil
}

// findInterfaces finds interfaces that nothing uses. Those that the VPC CNI made say whose they are; but one whose node was
// gone before it got its tags says so only by the cluster's own group.
func (n *network) findInterfaces(ctx context.Context, vpc string, own []string, found *strays) error {
	pages := ec2.NewDescribeNetworkInterfacesPaginator(n.ec2, &ec2.DescribeNetworkInterfacesInput{
		Filters: []types.Filter{filter("vpc-id", vpc), filter("status", "available")},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, i := range page.NetworkInterfaces {
			ours := tagMap(i.TagSet)[tagInterface] == n.g.Cluster
			for _, group := range i.Groups {
				for _, id := range own {
					ours = ours || aws.ToString(group.GroupId) == id && strings.HasPrefix(aws.ToString(i.Description), "aws-K8S-")
				}
			}
			if ours {
				found.interfaces = append(found.interfaces, aws.ToString(i.NetworkInterfaceId))
			}
		}
	}
	return nil
}

// madeByKubernetes says that tags are those of something that a controller of this very cluster made.
func (a *amazon) madeByKubernetes(tags map[string]string) bool {
	return tags[tagKubernetes+a.Cluster.Name] == "owned" || tags[tagController] == a.Cluster.Name
}

// deleteStrays deletes in the order in which one thing holds the next. AWS takes some minutes to let go of a balancer's
// interfaces, and refuses what they hold until then: it is tried again.
func (n *network) deleteStrays(ctx context.Context, s strays) error {
	if err := n.deleteBalancers(ctx, s.balancers); err != nil {
		return err
	}
	for _, id := range s.interfaces {
		if _, err := n.ec2.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: &id}); err != nil && !n.gone(err) {
			return err
		}
	}
	for _, id := range s.groups {
		if _, err := n.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &id}); err != nil && !n.gone(err) {
			return n.blocker(ctx, err, filter("group-id", id))
		}
	}
	return nil
}
