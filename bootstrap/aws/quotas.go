package aws

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// quota is a limit of an account in a region that a cluster may hit.
type quota struct {
	name string
	// service and code are Service Quotas' names of it.
	service, code string
	// need is what a whole cluster takes; most is what it may grow to by load, 0 for as much.
	need, most int
	// used counts what is there: all of it, and this cluster's part.
	used func(context.Context) (all, ours int, err error)
}

// quotas are those that new accounts hit. Their codes are those of docs.getimpala.ai's list of AWS quotas, and for internet
// gateways of what others ask for with `aws service-quotas`; AWS itself was not asked. One that it does not know is left out.
func (a *amazon) quotas() []quota {
	nodes, zones := a.NodesInZone(), len(a.Cluster.Provider.Zones)
	list := []quota{
		{"EKS clusters", "eks", "L-1194D53C", 1, 0, a.countClusters},
		// Nodes are updated in one zone after the other.
		{"vCPUs of standard machines", "ec2", "L-1216C47A", (nodes.Least*zones + surge) * nodeCPU, (nodes.Most*zones + surge) * nodeCPU, a.countCPU},
	}
	if !a.givenNetwork() {
		list = append(list,
			quota{"Elastic IP addresses", "ec2", "L-0263D0A3", a.gateways(), 0, a.countAddresses},
			quota{"VPCs", "vpc", "L-F678F1CE", 1, 0, a.countNetworks},
			quota{"internet gateways", "vpc", "L-A4707A72", 1, 0, a.countGateways})
	}
	return list
}

// checkQuotas compares what is left with what is missing of the cluster.
func (a *amazon) checkQuotas(ctx context.Context) provider.Check {
	check := provider.Check{Name: "quotas"}
	var fine, short, later, hints []string
	for _, q := range a.quotas() {
		limit, known, err := a.limit(ctx, q)
		if err == nil && !known {
			continue
		}
		all, ours := 0, 0
		if err == nil {
			all, ours, err = q.used(ctx)
		}
		if err != nil {
			check.Warning, check.Problem = true, fmt.Sprintf("the quota of %s cannot be looked at: %v", q.name, err)
			check.Hint = "A run that hits a quota stops, says so, and goes on when it is run again."
			return check
		}
		if missing := max(0, q.need-ours); all+missing > limit {
			short = append(short, fmt.Sprintf("%d of %d %s are in use, and %d more are needed", all, limit, q.name, missing))
			hints = append(hints, fmt.Sprintf("%d %s (%s)", all+missing, q.name, q.code))
			continue
		}
		if missing := max(0, q.most-ours); all+missing > limit {
			later = append(later, fmt.Sprintf("%d of %d %s are in use, and load may ask for %d more", all, limit, q.name, missing))
			hints = append(hints, fmt.Sprintf("%d %s (%s)", all+missing, q.name, q.code))
			continue
		}
		fine = append(fine, fmt.Sprintf("%d of %d %s", all, limit, q.name))
	}
	check.Detail = strings.Join(fine, ", ")
	if len(short)+len(later) > 0 {
		check.Warning = len(short) == 0
		check.Problem = strings.Join(append(short, later...), "; ")
		check.Hint = "Ask in the console's Service Quotas for " + strings.Join(hints, ", ") + ", or remove what is not needed."
	}
	return check
}

// limit is what the account may have. Quotas that were never changed may be known only as AWS' default.
func (a *amazon) limit(ctx context.Context, q quota) (limit int, known bool, err error) {
	applied, err := a.limits.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: &q.service, QuotaCode: &q.code})
	if err == nil && applied.Quota != nil {
		return int(aws.ToFloat64(applied.Quota.Value)), true, nil
	}
	if err != nil && !a.gone(err) {
		return 0, false, err
	}
	standard, err := a.limits.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: &q.service, QuotaCode: &q.code})
	if err != nil || standard.Quota == nil {
		if a.gone(err) {
			err = nil
		}
		return 0, false, err
	}
	return int(aws.ToFloat64(standard.Quota.Value)), true, nil
}

// mine counts those of a list that carry the cluster's tag.
func (a *amazon) mine(all, ours *int, tags []types.Tag) {
	*all++
	if tagMap(tags)[engine.TagCluster] == a.Cluster.Name {
		*ours++
	}
}

func (a *amazon) countNetworks(ctx context.Context) (all, ours int, err error) {
	pages := ec2.NewDescribeVpcsPaginator(a.ec2, &ec2.DescribeVpcsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, 0, err
		}
		for _, vpc := range page.Vpcs {
			a.mine(&all, &ours, vpc.Tags)
		}
	}
	return all, ours, nil
}

func (a *amazon) countGateways(ctx context.Context) (all, ours int, err error) {
	pages := ec2.NewDescribeInternetGatewaysPaginator(a.ec2, &ec2.DescribeInternetGatewaysInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, 0, err
		}
		for _, gateway := range page.InternetGateways {
			a.mine(&all, &ours, gateway.Tags)
		}
	}
	return all, ours, nil
}

func (a *amazon) countAddresses(ctx context.Context) (all, ours int, err error) {
	answer, err := a.ec2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{})
	if err != nil {
		return 0, 0, err
	}
	for _, address := range answer.Addresses {
		a.mine(&all, &ours, address.Tags)
	}
	return all, ours, nil
}

func (a *amazon) countClusters(ctx context.Context) (all, ours int, err error) {
	pages := eks.NewListClustersPaginator(a.eks, &eks.ListClustersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, 0, err
		}
		all += len(page.Clusters)
		for _, name := range page.Clusters {
			if name == a.Cluster.Name {
				ours = 1
			}
		}
	}
	return all, ours, nil
}

// standardFamilies are the first letters of machines that share one quota of vCPUs.
const standardFamilies = "acdhimrtz"

// countCPU counts running machines of the standard families, without those that AWS may take back.
func (a *amazon) countCPU(ctx context.Context) (all, ours int, err error) {
	pages := ec2.NewDescribeInstancesPaginator(a.ec2, &ec2.DescribeInstancesInput{Filters: []types.Filter{filter("instance-state-name", "pending", "running")}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, 0, err
		}
		for _, reservation := range page.Reservations {
			for _, machine := range reservation.Instances {
				kind := string(machine.InstanceType)
				if kind == "" || !strings.ContainsAny(kind[:1], standardFamilies) || machine.InstanceLifecycle != "" || machine.CpuOptions == nil {
					continue
				}
				cpu := int(aws.ToInt32(machine.CpuOptions.CoreCount) * aws.ToInt32(machine.CpuOptions.ThreadsPerCore))
				all += cpu
				if tagMap(machine.Tags)["eks:cluster-name"] == a.Cluster.Name {
					ours += cpu
				}
			}
		}
	}
	return all, ours, nil
}
