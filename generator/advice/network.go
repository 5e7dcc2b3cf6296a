package advice

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"

	"github.com/opsgen/opsgen/generator/cluster"
)

var (
	vpcForm    = regexp.MustCompile(`^vpc-[0-9a-f]{8,17}$`)
	subnetForm = regexp.MustCompile(`^subnet-[0-9a-f]{8,17}$`)
	keyForm    = regexp.MustCompile(`^arn:aws(?:-[a-z]+)*:kms:([a-z0-9-]+):[0-9]{12}:key/[0-9a-z-]+$`)
)

func checkNetwork(r *report) {
	n, zones := r.Cluster.Provider.Network, len(r.Cluster.Provider.Zones)
	if !n.Given() {
		return
	}
	const path = "provider.network"
	switch {
	case n.ID == "":
		r.refuse(path, "Add id, the VPC that they are in.", "subnets without a VPC")
	case !vpcForm.MatchString(n.ID):
		r.refuse(path+".id", "Write the VPC's ID, such as vpc-0a1b2c3d4e5f60718.", "%q is not the ID of a VPC", n.ID)
	}
	if len(n.Subnets) != zones {
		r.refuse(path, "List one private subnet for each zone, in the order of provider.zones.", "%s for %d zones", subnetsAre(len(n.Subnets)), zones)
	}
	for i, subnet := range n.Subnets {
		where := fmt.Sprintf("%s.subnets[%d]", path, i)
		switch {
		case !subnetForm.MatchString(subnet):
			r.refuse(where, "Write the subnet's ID, such as subnet-0a1b2c3d4e5f60718.", "%q is not the ID of a subnet", subnet)
		case slices.Index(n.Subnets, subnet) < i:
			r.refuse(where, "List one subnet for each zone.", "%q is listed twice", subnet)
		}
	}
	if n.NATGateways != "" {
		r.refuse(path+".natGateways", "Remove it: a network of yours has its own ways out.", "bootstrap makes no NAT gateway in a network that it did not make")
	}
}

func subnetsAre(n int) string {
	if n == 1 {
		return "1 subnet"
	}
	return fmt.Sprintf("%d subnets", n)
}

func checkEndpointAccess(r *report) {
	e := r.Cluster.Provider.Endpoint
	if e.Private && len(e.CIDRs) > 0 {
		r.refuse("provider.endpoint.cidrs", "Remove cidrs, or remove private.", "there is no public address that these could reach")
	}
	for i, text := range e.CIDRs {
		where := fmt.Sprintf("provider.endpoint.cidrs[%d]", i)
		block, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			r.refuse(where, "Write a block such as 203.0.113.0/24, or 203.0.113.7/32 for one address.", "%q is not a block of addresses", text)
		case !block.Addr().Is4():
			r.refuse(where, "Write a block of IPv4 addresses.", "EKS takes no IPv6 addresses here")
		case block.Masked() != block:
			r.refuse(where, "Write "+block.Masked().String()+".", "%s is an address inside of a block", text)
		case block.Bits() == 0:
			r.warn(where, "Remove it, or list the blocks of your offices and VPNs.", "this lets everybody reach the Kubernetes API")
		case block.Addr().IsPrivate():
			r.refuse(where, "Write the public addresses that your network appears with; inside of the VPC, the API is reached anyway.", "%s are private addresses", text)
		}
	}
}

func checkKey(r *report) {
	key := r.Cluster.Provider.Key
	if key == "" {
		return
	}
	switch m := keyForm.FindStringSubmatch(key); {
	case m == nil:
		r.refuse("provider.key", "Write the ARN of the key itself, arn:aws:kms:REGION:ACCOUNT:key/ID.", "%q is not the ARN of a key", key)
	case m[1] != r.Cluster.Provider.Region:
		r.refuse("provider.key", "Name a key of the cluster's region.", "the key is in %s, and the cluster in %s", m[1], r.Cluster.Provider.Region)
	}
}

func checkOnlyAWS(r *report) {
	p := r.Cluster.Provider
	if p.Name == cluster.AWS {
		return
	}
	for _, option := range []struct {
		path string
		set  bool
	}{
		{"provider.network", p.Network.Given() || p.Network.NATGateways != ""},
		{"provider.endpoint", p.Endpoint.Private || len(p.Endpoint.CIDRs) > 0},
		{"provider.key", p.Key != ""},
		{"provider.storage.given", p.Storage.Given},
	} {
		if option.set {
			r.refuse(option.path, "Remove it.", "only provider aws knows this, and the cluster's is %s", p.Name)
		}
	}
}
