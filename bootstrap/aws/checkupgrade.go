package aws

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// checkUpgrade looks at what an upgrade of Kubernetes would meet; there is nothing to look at where none is wanted. What the
// rendered tree asks for is looked at for all providers alike.
func (a *amazon) checkUpgrade(ctx context.Context) []provider.Check {
	found, err := a.findCluster(ctx, a.Cluster.Name)
	have, want := found.Output.version, a.Cluster.Kubernetes
	if err != nil || found.Condition == engine.Absent || found.Tags[engine.TagCluster] != a.Cluster.Name {
		return nil // the check of the cluster's name tells
	}
	groups, err := a.nodeGroups(ctx)
	if err != nil {
		return []provider.Check{a.failed("upgrade", err)}
	}
	check := provider.Check{Name: "upgrade", Detail: have + " → " + want}
	if have != want {
		if err := oneStep(have, want); err != nil {
			check.Problem = err.Error()
			if r := refused(err); r != nil {
				check.Hint = r.hint
			}
			return []provider.Check{check}
		}
	}
	checks := []provider.Check{}
	if have != want {
		checks = append(checks, check, a.checkInsights(ctx), a.checkAddons(ctx))
	}
	return append(append(checks, skew(groups, want)...), a.checkRelease(ctx, groups)...)
}

// nodeGroups are by zone, as far as there are any.
func (a *amazon) nodeGroups(ctx context.Context) (map[string]*types.Nodegroup, error) {
	groups := map[string]*types.Nodegroup{}
	for _, zone := range a.Cluster.Provider.Zones {
		answer, err := a.eks.DescribeNodegroup(ctx, &eks.DescribeNodegroupInput{ClusterName: &a.Cluster.Name, NodegroupName: &zone})
		if a.gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		groups[zone] = answer.Nodegroup
	}
	return groups, nil
}

// skew refuses a control plane that its nodes could not follow.
func skew(groups map[string]*types.Nodegroup, want string) []provider.Check {
	to, err := minor(want)
	if err != nil {
		return nil
	}
	for zone, group := range groups {
		version := aws.ToString(group.Version)
		if from, err := minor(version); err == nil && to-from > mostSkew {
			return []provider.Check{{
				Name: "version skew", Problem: fmt.Sprintf("the nodes in %s run Kubernetes %s, more than %d versions before %s", zone, version, mostSkew, want),
				Hint: fmt.Sprintf("Upgrade them first: `aws eks update-nodegroup-version --nodegroup-name %s`.", zone),
			}}
		}
	}
	return nil
}

// checkInsights asks EKS what it saw in the cluster: calls to APIs that the next version lacks, by whomever.
func (a *amazon) checkInsights(ctx context.Context) provider.Check {
	check := provider.Check{Name: "upgrade insights"}
	pages := eks.NewListInsightsPaginator(a.eks, &eks.ListInsightsInput{ClusterName: &a.Cluster.Name, Filter: &types.InsightsFilter{
		Categories: []types.Category{types.CategoryUpgradeReadiness}, KubernetesVersions: []string{a.Cluster.Kubernetes},
	}})
	var broken, doubtful []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			check.Warning, check.Problem, check.Hint = true, "EKS' insights cannot be looked at: "+err.Error(), "Look at them in the console before you go on."
			return check
		}
		for _, insight := range page.Insights {
			if insight.InsightStatus == nil {
				continue
			}
			text := aws.ToString(insight.Name)
			if why := aws.ToString(insight.InsightStatus.Reason); why != "" {
				text += " (" + why + ")"
			}
			switch insight.InsightStatus.Status {
			case types.InsightStatusValueError:
				broken = append(broken, text)
			case types.InsightStatusValueWarning:
				doubtful = append(doubtful, text)
			case types.InsightStatusValuePassing, types.InsightStatusValueUnknown:
			}
		}
	}
	switch {
	case len(broken) > 0:
		check.Problem, check.Hint = strings.Join(broken, "; "), "Mend these first: the cluster's page in the EKS console says who does it."
	case len(doubtful) > 0:
		check.Warning, check.Problem, check.Hint = true, strings.Join(doubtful, "; "), "The cluster's page in the EKS console says more."
	}
	return check
}

// checkAddons makes sure that there is a version of each add-on for the new Kubernetes.
func (a *amazon) checkAddons(ctx context.Context) provider.Check {
	check := provider.Check{Name: "add-ons"}
	for _, addon := range addonNames() {
		offered, err := a.offeredAddons(ctx, addon)
		if err != nil {
			return a.failed(check.Name, err)
		}
		if len(offered) == 0 {
			check.Problem = fmt.Sprintf("EKS has no version of %s for Kubernetes %s yet", addon, a.Cluster.Kubernetes)
			check.Hint = "Wait with the upgrade until there is one."
		}
	}
	return check
}
