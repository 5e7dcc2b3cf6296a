package advice_test

import (
	"fmt"

	"github.com/opsgen/opsgen/generator/cluster"
)

func networkCases() []ruleCase {
	network := func(n cluster.Network) func(*world) { return func(w *world) { w.cluster.Provider.Network = n } }
	endpoint := func(private bool, cidrs ...string) func(*world) {
		return func(w *world) { w.cluster.Provider.Endpoint = cluster.Endpoint{Private: private, CIDRs: cidrs} }
	}
	key := func(arn string) func(*world) { return func(w *world) { w.cluster.Provider.Key = arn } }
	release := func(release string) func(*world) {
		return func(w *world) { w.cluster.Kubernetes, w.cluster.Provider.NodeRelease = "1.35", release }
	}
	on := func(provider, edit func(*world)) func(*world) { return func(w *world) { provider(w); edit(w) } }
	subnets := []string{"subnet-0a1b2c3d", "subnet-0a1b2c3e", "subnet-0a1b2c3f"}
	return []ruleCase{
		{"network-given", "whole", network(cluster.Network{ID: "vpc-0a1b2c3d", Subnets: subnets}), "", false},
		{"network-given", "made", network(cluster.Network{NATGateways: cluster.NATSingle}), "", false},
		{"network-given", "subnets only", network(cluster.Network{Subnets: subnets}), "subnets without a VPC", refused},
		{"network-given", "name", network(cluster.Network{ID: "main", Subnets: subnets}), `"main" is not the ID of a VPC`, refused},
		{"network-given", "too few", network(cluster.Network{ID: "vpc-0a1b2c3d", Subnets: subnets[:1]}), "1 subnet for 3 zones", refused},
		{"network-given", "none", network(cluster.Network{ID: "vpc-0a1b2c3d"}), "0 subnets for 3 zones", refused},
		{"network-given", "twice", network(cluster.Network{ID: "vpc-0a1b2c3d", Subnets: []string{subnets[0], subnets[1], subnets[0]}}), "is listed twice", refused},
		{"network-given", "block", network(cluster.Network{ID: "vpc-0a1b2c3d", Subnets: []string{subnets[0], subnets[1], "10.0.0.0/24"}}), "is not the ID of a subnet", refused},
		{
			"network-given", "gateways", network(cluster.Network{ID: "vpc-0a1b2c3d", Subnets: subnets, NATGateways: cluster.NATZone}),
			"in a network that it did not make", refused,
		},
		{"endpoint", "blocks", endpoint(false, "203.0.113.0/24", "198.51.100.7/32"), "", false},
		{"endpoint", "private", endpoint(true), "", false},
		{"endpoint", "both", endpoint(true, "203.0.113.0/24"), "there is no public address", refused},
		{"endpoint", "address", endpoint(false, "203.0.113.7"), "is not a block of addresses", refused},
		{"endpoint", "inside", endpoint(false, "203.0.113.7/24"), "is an address inside of a block", refused},
		{"endpoint", "six", endpoint(false, "2001:db8::/32"), "take no IPv6", refused},
		{"endpoint", "all", endpoint(false, "0.0.0.0/0"), "lets everybody reach", warned},
		{"endpoint", "private block", endpoint(false, "10.0.0.0/8"), "are private addresses", refused},
		{"key-form", "key", key("arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab"), "", false},
		{"key-form", "alias", key("alias/main"), "is not the ARN of a key", refused},
		{"key-form", "elsewhere", key("arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab"), "the key is in us-east-1", refused},
		{"node-release", "release", release("1.35.6-20260728"), "", false},
		{"node-release", "version", release("1.35"), "is not a release", refused},
		{"node-release", "another version", release("1.34.9-20260728"), "is for Kubernetes 1.34", refused},
		{"node-release", "Google's", on(gcp, release("1.35.6-20260728")), "only provider aws knows this", refused},
		{"network-given", "Google's", on(gcp, network(cluster.Network{ID: "main", Subnets: []string{"clusters"}})), "", false},
		{"network-given", "Google's, name", on(gcp, network(cluster.Network{ID: "Main", Subnets: []string{"clusters"}})), "is not the name of a network", refused},
		{"network-given", "Google's, subnet", on(gcp, network(cluster.Network{ID: "main", Subnets: []string{"10.0.0.0/8"}})), "is not the name of a subnet", refused},
		{"network-given", "Google's, zones", on(gcp, network(cluster.Network{ID: "main", Subnets: []string{"a", "b", "c"}})), "3 subnets for a region", refused},
		{"endpoint", "Google's", on(gcp, endpoint(true)), "", false},
		{"endpoint", "Google's, blocks", on(gcp, endpoint(false, "203.0.113.0/24")), "", false},
		{"endpoint", "Google's, too many", on(gcp, endpoint(false, manyBlocks()...)), "51 blocks, and GKE takes 50", refused},
		{"key-form", "Google's", on(gcp, key("projects/acme/locations/europe-west3/keyRings/main/cryptoKeys/secrets")), "", false},
		{"key-form", "Google's, elsewhere", on(gcp, key("projects/acme/locations/global/keyRings/main/cryptoKeys/secrets")), "the key is in global", refused},
		{"key-form", "Google's, name", on(gcp, key("secrets")), "is not the whole name of a key", refused},
		{"clouds-only", "Google's gateways", on(gcp, network(cluster.Network{NATGateways: cluster.NATSingle})), "one for the whole region", refused},
		{"clouds-only", "Google's buckets", on(gcp, func(w *world) { w.cluster.Provider.Storage.Given = true }), "", false},
		{"clouds-only", "existing endpoint", on(existing, endpoint(true)), "only providers aws and gcp know this", refused},
		{"clouds-only", "existing key", on(existing, key("x")), "only providers aws and gcp know this", refused},
		{"clouds-only", "existing buckets", on(existing, func(w *world) { w.cluster.Provider.Storage.Given = true }), "only providers aws and gcp know this", refused},
		{"clouds-only", "aws", endpoint(true), "", false},
	}
}

// manyBlocks are more than GKE takes.
func manyBlocks() []string {
	var blocks []string
	for i := range 51 {
		blocks = append(blocks, fmt.Sprintf("203.0.113.%d/32", i))
	}
	return blocks
}
