package gcp

import (
	"cmp"
	"context"
	"strings"
	"time"

	"google.golang.org/api/compute/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// What is the user's is looked at, used, and never changed or deleted. Rights are added to a key's and to buckets' policies,
// next to what is there, and taken out again.

// vpcName and subnetName are the network that cluster.yaml names, or ours.
func (c *cloud) vpcName() string { return cmp.Or(c.Cluster.Provider.Network.ID, c.called()) }

func (c *cloud) subnetName() string {
	if subnets := c.Cluster.Provider.Network.Subnets; len(subnets) > 0 {
		return subnets[0]
	}
	return c.called()
}

// addGivenNetwork adds a network of the user's. Its way out is the user's, too. Other clusters may be in it: only what is
// marked as this one's is swept.
func (c *cloud) addGivenNetwork(g *engine.Graph, enabled engine.Dependency) *network {
	n := &network{}
	n.vpc = add(c, g, engine.Resource[string]{
		Name: "network/vpc", Kind: "VPC", ID: c.vpcName(), Given: true,
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := c.compute.Networks.Get(c.project(), c.vpcName()).Context(ctx).Do()
			if err != nil {
				return engine.State[string]{}, err
			}
			return engine.State[string]{Condition: engine.Ready, Output: answer.SelfLink}, nil
		},
	}, enabled)
	n.subnet = add(c, g, engine.Resource[string]{
		Name: "network/subnet", Kind: "subnet", ID: c.subnetName(), Given: true,
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := c.compute.Subnetworks.Get(c.project(), c.region(), c.subnetName()).Context(ctx).Do()
			if err != nil {
				return engine.State[string]{}, err
			}
			network, err := n.vpc.Get(ctx)
			if err != nil {
				return engine.State[string]{}, err
			}
			return engine.State[string]{Condition: engine.Ready, Output: answer.SelfLink, Drift: unfit(answer, network)}, nil
		},
	}, n.vpc)
	n.way, n.swept = n.subnet, c.addSweep(g, n.vpc, n.subnet)
	return n
}

// unfit is what a subnet lacks.
func unfit(subnet *compute.Subnetwork, network string) []engine.Change {
	var lacks []engine.Change
	if !samePlace(subnet.Network, network) {
		lacks = append(lacks, engine.Change{Field: "network", Have: last(subnet.Network), Want: last(network)})
	}
	if !subnet.PrivateIpGoogleAccess {
		lacks = append(lacks, engine.Change{Field: "private access to Google", Have: "off", Want: "on"})
	}
	var names []string
	for _, r := range subnet.SecondaryIpRanges {
		names = append(names, r.RangeName)
	}
	for _, want := range []string{podsName, servicesName} {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+want+" ") {
			lacks = append(lacks, engine.Change{Field: "secondary ranges", Have: cmp.Or(strings.Join(names, ", "), "none"), Want: podsName + ", " + servicesName})
			break
		}
	}
	return lacks
}

// addGivenKey adds a key of the user's.
func (c *cloud) addGivenKey(g *engine.Graph, enabled engine.Dependency) engine.Output[string] {
	return add(c, g, engine.Resource[string]{
		Name: "cluster/key", Kind: "key", ID: c.key(), Given: true,
		Find: func(ctx context.Context) (engine.State[string], error) {
			key, err := c.kms.Projects.Locations.KeyRings.CryptoKeys.Get(c.key()).Context(ctx).Do()
			if err != nil {
				return engine.State[string]{}, err
			}
			found := engine.State[string]{Condition: engine.Ready, Output: key.Name}
			if key.Primary == nil || key.Primary.State != versionEnabled {
				found.Drift = []engine.Change{{Field: "primary version", Have: "none that works", Want: "one"}}
			}
			return found, nil
		},
	}, enabled)
}

// addGivenBucket adds a bucket of the user's.
func (c *cloud) addGivenBucket(g *engine.Graph, name, bucket string, uses []engine.Use, after ...engine.Dependency) engine.Output[string] {
	return add(c, g, engine.Resource[string]{
		Name: name, Kind: "bucket", ID: bucket, Given: true, Uses: uses, Expected: time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			there, err := c.storage.Buckets.Get(bucket).Context(ctx).Do()
			if err != nil {
				return engine.State[string]{}, err
			}
			found := engine.State[string]{Condition: engine.Ready, Output: bucket}
			// Conditions on names hold only where access lists are off.
			if i := there.IamConfiguration; i == nil || i.UniformBucketLevelAccess == nil || !i.UniformBucketLevelAccess.Enabled {
				found.Drift = []engine.Change{{Field: "access", Have: "by object", Want: "by bucket"}}
			}
			return found, nil
		},
	}, after...)
}
