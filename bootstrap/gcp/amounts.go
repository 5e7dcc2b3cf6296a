package gcp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// checkQuotas compares what is left with what a cluster needs. What a cluster that is there uses is counted already.
func (c *cloud) checkQuotas(ctx context.Context) provider.Check {
	check := provider.Check{Name: "quotas"}
	if _, err := c.findCluster(ctx); err == nil {
		check.Detail = "not looked at: the cluster is there, and is counted already"
		return check
	}
	answer, err := c.compute.Regions.Get(c.project(), c.region()).Context(ctx).Do()
	if err != nil {
		return c.failed(check.Name, err)
	}
	nodes := float64(c.NodesInZone().Least * len(c.Cluster.Provider.Zones))
	var short []string
	for _, need := range []struct {
		metric string
		amount float64
	}{
		{"N2_CPUS", nodes * nodeCPUs},
		{"CPUS", nodes * nodeCPUs},
		{"INSTANCES", nodes},
		{"SSD_TOTAL_GB", nodes*nodeDisk + c.Amounts.VolumeGiB},
		{"IN_USE_ADDRESSES", 1},
	} {
		for _, quota := range answer.Quotas {
			if quota.Metric == need.metric && quota.Limit-quota.Usage < need.amount {
				short = append(short, fmt.Sprintf("%s: %.0f of %.0f are left, %.0f are needed", quota.Metric, quota.Limit-quota.Usage, quota.Limit, need.amount))
			}
		}
	}
	check.Detail = fmt.Sprintf("%.0f nodes with %.0f CPU", nodes, nodes*nodeCPUs)
	if len(short) > 0 {
		check.Detail, check.Problem, check.Hint = "", "in "+c.region()+", "+strings.Join(short, "; "), hintQuota
	}
	return check
}

// mostSkew is how many minor versions nodes may be behind the control plane (Kubernetes 1.28, version skew policy).
const mostSkew = 3

// checkUpgrade looks at what a change of the version would meet. What the rendered tree asks for is looked at for all
// providers alike.
func (c *cloud) checkUpgrade(ctx context.Context) provider.Check {
	check := provider.Check{Name: "upgrade", Detail: "none"}
	found, err := c.findCluster(ctx)
	have, want := minor(found.Output.version), c.Cluster.Kubernetes
	if err != nil || found.Tags[engine.TagCluster] != c.Cluster.Name || have == want || found.Condition != engine.Ready {
		return check // the check of the cluster's name tells
	}
	check.Detail = have + " → " + want
	if err := nextMinor(have, want); err != nil {
		check.Problem, check.Hint = err.Error(), "Change kubernetes in cluster.yaml."
		return check
	}
	answer, err := c.container.Projects.Locations.Clusters.NodePools.List(c.clusterPath()).Context(ctx).Do()
	if err != nil {
		return c.failed(check.Name, err)
	}
	for _, pool := range answer.NodePools {
		if behind := minorNumber(want) - minorNumber(minor(pool.Version)); behind > mostSkew {
			check.Problem = fmt.Sprintf("the nodes of the pool %s run Kubernetes %s, more than %d versions before %s", pool.Name, minor(pool.Version), mostSkew, want)
			check.Hint = "Upgrade them first, in the console or with `gcloud container clusters upgrade --node-pool`."
		}
	}
	return check
}

// delegationTime is the longest time for asking the DNS.
const delegationTime = 5 * time.Second

// checkDelegation looks whether the world asks the name servers of the zone. Until it does, nobody finds the cluster, and no
// certificate is signed; everything else works, so it is a doubt and no problem.
func (c *cloud) checkDelegation(ctx context.Context) provider.Check {
	check := provider.Check{Name: "DNS delegation"}
	domain := strings.TrimSuffix(c.domain(), ".")
	zone, err := c.dns.ManagedZones.Get(c.project(), c.zoneName()).Context(ctx).Do()
	switch {
	case err != nil && c.gone(err) && c.Cluster.DNS.ZoneID != "":
		check.Problem = fmt.Sprintf("there is no zone %s in this project", c.Cluster.DNS.ZoneID)
		check.Hint = "Check dns.zoneID in cluster.yaml, or leave it out, and a zone is made."
		return check
	case err != nil && c.gone(err):
		check.Detail = "no zone yet"
		return check
	case err != nil:
		return c.failed(check.Name, err)
	}
	want := sortedNames(zone.NameServers)
	ctx, cancel := context.WithTimeout(ctx, delegationTime)
	defer cancel()
	answer, err := c.NameServers(ctx, domain)
	have := sortedNames(answer)
	switch {
	case err == nil && slices.Equal(have, want):
		check.Detail = fmt.Sprintf("%d name servers", len(want))
		return check
	case err != nil || len(have) == 0:
		check.Problem = "the DNS does not know who serves " + domain
	default:
		check.Problem = fmt.Sprintf("the DNS says that %s is served by %s", domain, strings.Join(have, ", "))
	}
	check.Warning = true
	check.Hint = fmt.Sprintf("Enter NS records for %s in the zone above it: %s.", domain, strings.Join(want, ", "))
	return check
}

// sortedNames are names as they are compared.
func sortedNames(names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = strings.ToLower(strings.TrimSuffix(name, "."))
	}
	slices.Sort(list)
	return list
}
