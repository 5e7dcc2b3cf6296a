package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
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
		"ec2:volume", "ec2:instance", "eks:cluster", "eks:nodegroup", "eks:addon", "eks:podidentityassociation", "kms:key", "s3:", "iam:role", "route53:hostedzone", "logs:",
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
				kind, arn := kindOf(aws.ToString(found.ResourceARN)), aws.ToString(found.ResourceARN)
				known := slices.ContainsFunc(lookedFor(), func(k string) bool { return strings.HasPrefix(kind, k) }) ||
					slices.ContainsFunc(left, func(l provider.Leftover) bool { return l.ID == arn })
				if !known {
					left = append(left, provider.Leftover{Kind: kind, ID: arn, Why: "tag " + *tag.Key, Detail: "AWS' index of tags names it; it may be gone already"})
				}
			}
		}
	}
	return left, nil
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
