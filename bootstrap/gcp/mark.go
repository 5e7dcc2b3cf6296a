package gcp

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/api/compute/v1"
	"google.golang.org/api/container/v1"

	"github.com/opsgen/opsgen/bootstrap/provider"
)

// hashLength is how much of a cluster's ID GKE writes into names and network tags of its nodes.
const hashLength = 8

// mark says which firewall rules are for nodes of this cluster. In a network of its own, all that Kubernetes made are. In one
// of the user's, a rule must name the network tag that GKE gives the cluster's nodes, gke-<name>-<hash>-node (Google,
// "Automatically created firewall rules"; ingress-gce writes the same into the rules of load balancers).
//
// Threat: another cluster in that network has the same name, in another region, and its front door is taken away. While there
// is one, the hash decides, which is known only as long as our cluster is there; else nothing is removed.
func (c *cloud) mark(ctx context.Context) (func(*compute.Firewall) bool, error) {
	if !c.Cluster.Provider.Network.Given() {
		return func(*compute.Firewall) bool { return true }, nil
	}
	twins, hidden, err := c.twins(ctx)
	if err != nil {
		return nil, err
	}
	hash := "[0-9a-f]{8}"
	if hidden || len(twins) > 0 {
		hash = "none"
		if known, ok := c.hash.Load().(string); ok {
			hash = regexp.QuoteMeta(known)
		}
	}
	tag := c.nodeTag(hash)
	return func(rule *compute.Firewall) bool { return slices.ContainsFunc(rule.TargetTags, tag.MatchString) }, nil
}

// nodeTag is the network tag of the cluster's nodes.
func (c *cloud) nodeTag(hash string) *regexp.Regexp {
	return regexp.MustCompile("^gke-" + regexp.QuoteMeta(c.Cluster.Name) + "-" + hash + "-node$")
}

// twins are the other clusters of the same name in the project; one more may hide in a place that does not answer.
func (c *cloud) twins(ctx context.Context) (twins []*container.Cluster, hidden bool, err error) {
	answer, err := c.container.Projects.Locations.Clusters.List("projects/" + c.project() + "/locations/-").Context(ctx).Do()
	if err != nil {
		return nil, false, err
	}
	return slices.DeleteFunc(answer.Clusters, func(other *container.Cluster) bool {
		return other.Name != c.Cluster.Name || other.Location == c.region()
	}), len(answer.MissingZones) > 0, nil
}

// doubtful are firewall rules in a network of the user's that may be ours and that nothing says so surely of. Those of
// clusters that are there are not.
func (c *cloud) doubtful(ctx context.Context) ([]provider.Leftover, error) {
	if !c.Cluster.Provider.Network.Given() {
		return nil, nil
	}
	twins, hidden, err := c.twins(ctx)
	if err != nil || len(twins) == 0 && !hidden {
		return nil, err
	}
	tag := c.nodeTag("[0-9a-f]{8}")
	var left []provider.Leftover
	err = c.compute.Firewalls.List(c.project()).Pages(ctx, func(page *compute.FirewallList) error {
		for _, rule := range page.Items {
			at := slices.IndexFunc(rule.TargetTags, tag.MatchString)
			if at < 0 || last(rule.Network) != c.vpcName() || slices.ContainsFunc(twins, func(t *container.Cluster) bool {
				return len(t.Id) >= hashLength && strings.Contains(rule.TargetTags[at], "-"+t.Id[:hashLength]+"-")
			}) {
				continue
			}
			left = append(left, provider.Leftover{
				Kind: "firewall rule", ID: rule.Name, Why: "network tag " + rule.TargetTags[at],
				Detail: "perhaps of another cluster of that name; it leads to the load balancer's other parts, which are called alike",
			})
		}
		return nil
	})
	return left, err
}

// remember keeps the hash of the cluster for as long as this run lasts.
func (c *cloud) remember(there *container.Cluster) {
	if len(there.Id) >= hashLength {
		c.hash.Store(there.Id[:hashLength])
	}
}
