package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/identity"
)

// givenNetwork says that cluster.yaml names a network.
func (a *amazon) givenNetwork() bool { return a.Cluster.Provider.Network.Given() }

// addGivenNetwork adds a network of the user's: it is looked at and nothing else. What Kubernetes makes in it is removed
// with the cluster, by the cluster's own tags.
func (n *network) addGivenNetwork() {
	given := n.Cluster.Provider.Network
	n.vpc = add(n.amazon, n.g, engine.Resource[string]{
		Name: "network/vpc", Kind: "VPC", ID: given.ID, Given: true,
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := n.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{given.ID}})
			if err != nil || len(answer.Vpcs) == 0 {
				return engine.State[string]{}, err
			}
			return engine.State[string]{Condition: engine.Ready, Output: given.ID}, nil
		},
	})
	for i, zone := range n.Cluster.Provider.Zones {
		if i >= len(given.Subnets) {
			return // cluster.yaml is refused before
		}
		id := given.Subnets[i]
		n.private = append(n.private, add(n.amazon, n.g, engine.Resource[string]{
			Name: "network/subnet-private-" + zone, Kind: "subnet", ID: id, Given: true,
			Find: func(ctx context.Context) (engine.State[string], error) {
				answer, err := n.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{id}})
				if err != nil || len(answer.Subnets) == 0 {
					return engine.State[string]{}, err
				}
				found := engine.State[string]{Condition: engine.Ready, Output: id}
				if have := aws.ToString(answer.Subnets[0].AvailabilityZone); have != zone {
					found.Drift = []engine.Change{{Field: "zone", Have: have, Want: zone}}
				}
				return found, nil
			},
		}, n.vpc))
	}
	n.swept = n.addSweep()
}

// leastAddresses is what a subnet must have left: each node takes some dozens for its pods.
const leastAddresses = 256

// checkNetwork looks at a network of the user's as Kubernetes will.
func (a *amazon) checkNetwork(ctx context.Context) provider.Check {
	given := a.Cluster.Provider.Network
	check := provider.Check{Name: "network", Detail: given.ID}
	answer, err := a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter("vpc-id", given.ID)}})
	if err != nil {
		return a.failed(check.Name, err)
	}
	if len(answer.Subnets) == 0 {
		check.Problem = fmt.Sprintf("there is no VPC %s with subnets in %s", given.ID, a.Cluster.Provider.Region)
		check.Hint = "Check provider.network.id, provider.region and the account in cluster.yaml."
		return check
	}
	wrong := a.wrongSubnets(answer.Subnets)
	names, err := a.ec2.DescribeVpcAttribute(ctx, &ec2.DescribeVpcAttributeInput{VpcId: aws.String(given.ID), Attribute: types.VpcAttributeNameEnableDnsHostnames})
	if err != nil {
		return a.failed(check.Name, err)
	}
	if names.EnableDnsHostnames == nil || !aws.ToBool(names.EnableDnsHostnames.Value) {
		wrong = append(wrong, "DNS host names are off, and nodes find the API server by one: switch them on (enableDnsHostnames)")
	}
	if text := a.withoutBalancers(answer.Subnets); text != "" {
		wrong = append(wrong, text)
	}
	if len(wrong) > 0 {
		check.Problem, check.Hint = strings.Join(wrong, "; "), "Change this in the network, or leave out provider.network, and bootstrap makes one."
	}
	return check
}

// wrongSubnets says which of the named subnets cannot take the nodes of their zone.
func (a *amazon) wrongSubnets(there []types.Subnet) []string {
	var wrong []string
	for i, id := range a.Cluster.Provider.Network.Subnets {
		at := slices.IndexFunc(there, func(s types.Subnet) bool { return aws.ToString(s.SubnetId) == id })
		if at < 0 {
			wrong = append(wrong, fmt.Sprintf("%s is not in %s", id, a.Cluster.Provider.Network.ID))
			continue
		}
		subnet := there[at]
		if zone := aws.ToString(subnet.AvailabilityZone); i < len(a.Cluster.Provider.Zones) && zone != a.Cluster.Provider.Zones[i] {
			wrong = append(wrong, fmt.Sprintf("%s is in %s, and provider.zones names %s in its place", id, zone, a.Cluster.Provider.Zones[i]))
		}
		if free := aws.ToInt32(subnet.AvailableIpAddressCount); free < leastAddresses {
			wrong = append(wrong, fmt.Sprintf("%s has %d free addresses, and each pod takes one: give it a block with %d at least", id, free, leastAddresses))
		}
	}
	return wrong
}

// withoutBalancers says that no subnet is marked for the load balancer of the front door. Kubernetes' controller finds them
// by tags, and bootstrap gives none to what is not its own.
func (a *amazon) withoutBalancers(there []types.Subnet) string {
	role := "kubernetes.io/role/elb"
	if a.Cluster.Options.PrivateLoadBalancer {
		role = "kubernetes.io/role/internal-elb"
	}
	for _, subnet := range there {
		if tags := tagMap(subnet.Tags); tags[role] != "" && a.mayUse(tags) {
			return ""
		}
	}
	kind := map[bool]string{true: "private", false: "public"}[a.Cluster.Options.PrivateLoadBalancer]
	return fmt.Sprintf("no subnet has the tag %s=1, by which the load balancer finds its place: give it to a %s subnet in each zone", role, kind)
}

// mayUse says that a subnet is for this cluster or for all: the controller passes over those that only others' tags name
// (cloud-provider-aws 1.36, pkg/providers/v1, findSubnets).
func (a *amazon) mayUse(tags map[string]string) bool {
	named := false
	for key := range tags {
		named = named || strings.HasPrefix(key, tagKubernetes)
	}
	return !named || tags[tagKubernetes+a.Cluster.Name] != ""
}

// addGivenKey adds a key of the user's.
func (a *amazon) addGivenKey(g *engine.Graph) engine.Output[string] {
	arn := a.Cluster.Provider.Key
	return add(a, g, engine.Resource[string]{
		Name: "cluster/key", Kind: "key", ID: arn, Given: true,
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := a.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &arn})
			if err != nil {
				return engine.State[string]{}, err
			}
			return engine.State[string]{Condition: engine.Ready, Output: arn, Detail: string(answer.KeyMetadata.KeyState)}, nil
		},
	})
}

// checkKey looks whether a key of the user's can encrypt. Whether its policy lets it be used shows only in its use.
func (a *amazon) checkKey(ctx context.Context) provider.Check {
	check := provider.Check{Name: "key", Hint: "Check provider.key in cluster.yaml, or leave it out, and bootstrap makes one."}
	answer, err := a.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &a.Cluster.Provider.Key})
	switch {
	case a.gone(err):
		check.Problem = "there is no key " + a.Cluster.Provider.Key
		return check
	case err != nil:
		return a.failed(check.Name, err)
	}
	switch key := answer.KeyMetadata; {
	case key.KeyState != kmstypes.KeyStateEnabled:
		check.Problem = fmt.Sprintf("the key is %s", key.KeyState)
	case key.KeySpec != kmstypes.KeySpecSymmetricDefault || key.KeyUsage != kmstypes.KeyUsageTypeEncryptDecrypt:
		check.Problem = "EKS takes a symmetric key for encryption, and this is another kind"
	}
	return check
}

// checkGivenBuckets looks whether buckets of the user's are there, in the right place, and can be read.
func (a *amazon) checkGivenBuckets(ctx context.Context) provider.Check {
	check := provider.Check{Name: "buckets"}
	var wrong []string
	for _, use := range identity.Uses() {
		name := a.bucketName(use)
		answer, err := a.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
		switch {
		case a.gone(err):
			wrong = append(wrong, name+" does not exist")
		case err != nil:
			wrong = append(wrong, fmt.Sprintf("%s: %v", name, err))
		case aws.ToString(answer.BucketRegion) != "" && *answer.BucketRegion != a.Cluster.Provider.Region:
			wrong = append(wrong, fmt.Sprintf("%s is in %s", name, *answer.BucketRegion))
		}
	}
	if len(wrong) > 0 {
		check.Problem = strings.Join(wrong, "; ")
		check.Hint = fmt.Sprintf("Name buckets of this account in %s (provider.storage), or remove given, and bootstrap makes them.", a.Cluster.Provider.Region)
	}
	return check
}

// errMoved is for a cluster that is in another network than cluster.yaml says: EKS moves none.
var errMoved = errors.New("the cluster is in another network, and cannot be moved")

// checkPlace makes sure that a cluster that is there is in the network that cluster.yaml means.
func (a *amazon) checkPlace(ctx context.Context) provider.Check {
	check := provider.Check{Name: "network of the cluster"}
	found, err := a.findCluster(ctx, a.Cluster.Name)
	if err != nil || found.Tags[engine.TagCluster] != a.Cluster.Name || found.Output.vpc == "" {
		return check // the check of the cluster's name tells
	}
	want := a.Cluster.Provider.Network.ID
	if !a.givenNetwork() {
		answer, err := a.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: ours(engine.NewGraph(a.Cluster.Name, ""), "network/vpc")})
		if err != nil {
			return a.failed(check.Name, err)
		}
		want = "one of bootstrap's"
		if len(answer.Vpcs) == 1 {
			want = aws.ToString(answer.Vpcs[0].VpcId)
		}
	}
	if found.Output.vpc != want {
		check.Problem = fmt.Sprintf("%v: it is in %s, and cluster.yaml means %s", errMoved, found.Output.vpc, want)
		check.Hint = "Write provider.network as it was. For another network, make a cluster of another name and move over."
	}
	return check
}
