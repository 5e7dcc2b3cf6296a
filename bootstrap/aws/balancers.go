package aws

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

// balancers are load balancers that Kubernetes left.
type balancers struct {
	// newer are ARNs of network and application load balancers, targets those of their target groups, and classic are
	// names.
	newer, targets, classic []string
}

func (b balancers) count() int { return len(b.newer) + len(b.targets) + len(b.classic) }

// mostTagged is how many things may be asked for their tags at once (Elastic Load Balancing API reference, DescribeTags,
// both versions).
const mostTagged = 20

// findBalancers finds what is in the network and says by its tags that the cluster made it.
func (a *amazon) findBalancers(ctx context.Context, vpc string) (found balancers, err error) {
	here, err := a.balancersIn(ctx, vpc)
	if err != nil {
		return found, err
	}
	for some := range slices.Chunk(here, mostTagged) {
		answer, err := a.balancers.DescribeTags(ctx, &elasticloadbalancingv2.DescribeTagsInput{ResourceArns: some})
		if err != nil {
			return found, a.early(err) // something went away between two calls: it is looked at again
		}
		for _, item := range answer.TagDescriptions {
			tags, arn := map[string]string{}, aws.ToString(item.ResourceArn)
			for _, tag := range item.Tags {
				tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
			switch {
			case !a.madeByKubernetes(tags):
			case strings.Contains(arn, ":targetgroup/"):
				found.targets = append(found.targets, arn)
			default:
				found.newer = append(found.newer, arn)
			}
		}
	}
	found.classic, err = a.classicIn(ctx, vpc)
	return found, err
}

// balancersIn are the ARNs of all balancers and target groups of a network, whoever's.
func (a *amazon) balancersIn(ctx context.Context, vpc string) ([]string, error) {
	var here []string
	pages := elasticloadbalancingv2.NewDescribeLoadBalancersPaginator(a.balancers, &elasticloadbalancingv2.DescribeLoadBalancersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, balancer := range page.LoadBalancers {
			if aws.ToString(balancer.VpcId) == vpc {
				here = append(here, aws.ToString(balancer.LoadBalancerArn))
			}
		}
	}
	targets := elasticloadbalancingv2.NewDescribeTargetGroupsPaginator(a.balancers, &elasticloadbalancingv2.DescribeTargetGroupsInput{})
	for targets.HasMorePages() {
		page, err := targets.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, group := range page.TargetGroups {
			if aws.ToString(group.VpcId) == vpc {
				here = append(here, aws.ToString(group.TargetGroupArn))
			}
		}
	}
	return here, nil
}

// classicIn are the names of the older balancers that the cluster made in a network.
func (a *amazon) classicIn(ctx context.Context, vpc string) ([]string, error) {
	var here, ours []string
	pages := elasticloadbalancing.NewDescribeLoadBalancersPaginator(a.classic, &elasticloadbalancing.DescribeLoadBalancersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, balancer := range page.LoadBalancerDescriptions {
			if aws.ToString(balancer.VPCId) == vpc {
				here = append(here, aws.ToString(balancer.LoadBalancerName))
			}
		}
	}
	for some := range slices.Chunk(here, mostTagged) {
		answer, err := a.classic.DescribeTags(ctx, &elasticloadbalancing.DescribeTagsInput{LoadBalancerNames: some})
		if err != nil {
			return nil, a.early(err) // something went away between two calls: it is looked at again
		}
		for _, item := range answer.TagDescriptions {
			tags := map[string]string{}
			for _, tag := range item.Tags {
				tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
			if a.madeByKubernetes(tags) {
				ours = append(ours, aws.ToString(item.LoadBalancerName))
			}
		}
	}
	return ours, nil
}

// deleteBalancers deletes balancers, and then what they led to.
func (a *amazon) deleteBalancers(ctx context.Context, b balancers) error {
	for _, arn := range b.newer {
		if _, err := a.balancers.DeleteLoadBalancer(ctx, &elasticloadbalancingv2.DeleteLoadBalancerInput{LoadBalancerArn: &arn}); err != nil && !a.gone(err) {
			return err
		}
	}
	for _, name := range b.classic {
		if _, err := a.classic.DeleteLoadBalancer(ctx, &elasticloadbalancing.DeleteLoadBalancerInput{LoadBalancerName: &name}); err != nil && !a.gone(err) {
			return err
		}
	}
	for _, arn := range b.targets {
		if _, err := a.balancers.DeleteTargetGroup(ctx, &elasticloadbalancingv2.DeleteTargetGroupInput{TargetGroupArn: &arn}); err != nil && !a.gone(err) {
			return err
		}
	}
	return nil
}
