package aws

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// lookedFor are kinds, as ARNs have them, that are looked for one by one and more exactly: AWS' tag index shows what was
// deleted for some time more.
func lookedFor() []string {
	return []string{
		"ec2:vpc", "ec2:subnet", "ec2:internet-gateway", "ec2:elastic-ip", "ec2:natgateway", "ec2:route-table", "ec2:vpc-endpoint",
		"ec2:volume", "ec2:instance", "eks:cluster", "eks:nodegroup", "eks:addon", "eks:podidentityassociation", "kms:key", "s3:", "iam:role",
		"route53:hostedzone", "logs:",
	}
}

// tagged are all other things that carry the cluster's tags: ours, and those of Kubernetes' controllers.
func (a *amazon) tagged(ctx context.Context) ([]provider.Leftover, error) {
	var left []provider.Leftover
	for _, tag := range []types.TagFilter{
		{Key: aws.String(engine.TagCluster), Values: []string{a.Cluster.Name}},
		{Key: aws.String(tagKubernetes + a.Cluster.Name), Values: []string{"owned"}},
		{Key: aws.String(tagController), Values: []string{a.Cluster.Name}},
	} {
		pages := tagging.NewGetResourcesPaginator(a.tags, &tagging.GetResourcesInput{TagFilters: []types.TagFilter{tag}})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("search by the tag %s: %w", *tag.Key, err)
			}
			for _, found := range page.ResourceTagMappingList {
				if left, err = a.consider(ctx, left, aws.ToString(found.ResourceARN), "tag "+*tag.Key); err != nil {
					return nil, err
				}
			}
		}
	}
	return left, nil
}

// consider adds what the index names to what is left, unless it is told otherwise, or there no more.
func (a *amazon) consider(ctx context.Context, left []provider.Leftover, arn, why string) ([]provider.Leftover, error) {
	kind := kindOf(arn)
	if slices.ContainsFunc(lookedFor(), func(k string) bool { return strings.HasPrefix(kind, k) }) ||
		slices.ContainsFunc(left, func(l provider.Leftover) bool { return l.ID == arn }) {
		return left, nil
	}
	gone, err := a.onlyIndexed(ctx, kind, arn)
	if err != nil {
		return nil, fmt.Errorf("look for %s: %w", arn, err)
	}
	if gone {
		return left, nil
	}
	return append(left, provider.Leftover{Kind: kind, ID: arn, Why: why, Detail: "AWS' index of tags names it; it may be gone already"}), nil
}

// onlyIndexed says that what down removes of Kubernetes' things is in the index and nowhere else. Load balancers of the older
// kind cannot be asked for by their ARN.
func (a *amazon) onlyIndexed(ctx context.Context, kind, arn string) (bool, error) {
	older := kind == "elasticloadbalancing:loadbalancer" && strings.Count(arn, "/") == 1
	switch {
	case kind == "ec2:security-group":
		answer, err := a.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{filter("group-id", path.Base(arn))}})
		return err == nil && len(answer.SecurityGroups) == 0, err
	case strings.HasPrefix(kind, "elasticloadbalancing:") && !older:
		_, err := a.balancers.DescribeTags(ctx, &elasticloadbalancingv2.DescribeTagsInput{ResourceArns: []string{arn}})
		if a.gone(err) {
			return true, nil
		}
		return false, err
	}
	return false, nil
}

// kindOf is service and type of an ARN: "elasticloadbalancing:loadbalancer", "ec2:security-group".
func kindOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return arn
	}
	kind, _, found := strings.Cut(parts[5], "/")
	if !found {
		kind = ""
	}
	return parts[2] + ":" + kind
}
