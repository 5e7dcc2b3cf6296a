package aws

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// daysOfLogs is how long the control plane's logs are kept. EKS itself would keep them for ever, and be paid for it.
const daysOfLogs = 90

// addLogs adds the log group that the control plane writes to. EKS would make it, without tags and without an end, and leave
// it: so it is there before EKS is. Who did what in a cluster is data: it outlives the cluster.
func (a *amazon) addLogs(g *engine.Graph) engine.Dependency {
	const name = "cluster/logs"
	group := "/aws/eks/" + g.Cluster + "/cluster"
	return add(a, g, engine.Resource[string]{
		Name: name, Kind: "log group", ID: group, Data: true, Expected: 3 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) { return a.findLogs(ctx, group) },
		Create: func(ctx context.Context) error {
			_, err := a.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group, Tags: g.Tags(name)})
			return err
		},
		Reconcile: func(ctx context.Context, _ engine.State[string]) error {
			_, err := a.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &group, RetentionInDays: aws.Int32(daysOfLogs)})
			return err
		},
		Delete: func(ctx context.Context, _ engine.State[string]) error {
			_, err := a.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &group})
			return err
		},
	})
}

// findLogs takes a group without our tag for EKS' own, of an earlier cluster: it is used, and neither changed nor deleted.
// A retention that somebody set stays; only "for ever" is ended.
func (a *amazon) findLogs(ctx context.Context, group string) (engine.State[string], error) {
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(a.logs, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &group})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return engine.State[string]{}, err
		}
		for _, there := range page.LogGroups {
			if aws.ToString(there.LogGroupName) != group {
				continue
			}
			answer, err := a.logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: there.LogGroupArn})
			if err != nil {
				return engine.State[string]{}, err
			}
			found := engine.State[string]{Condition: engine.Ready, Output: group, Tags: answer.Tags}
			switch {
			case found.Tags[engine.TagCluster] == "":
				found.Borrowed, found.Detail = true, "it was there before, and EKS writes on into it"
			case there.RetentionInDays == nil:
				found.Drift = []engine.Change{{Field: "retention", Have: "for ever", Want: fmt.Sprintf("%d days", daysOfLogs)}}
			}
			return found, nil
		}
	}
	return engine.State[string]{}, nil
}
