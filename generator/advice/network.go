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
	// googleForm is a name of Compute Engine.
	googleForm    = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	googleKeyForm = regexp.MustCompile(`^projects/[^/]+/locations/([a-z0-9-]+)/keyRings/[A-Za-z0-9_-]{1,63}/cryptoKeys/[A-Za-z0-9_-]{1,63}$`)
	keyForm       = regexp.MustCompile(`^arn:aws(?:-[a-z]+)*:kms:([a-z0-9-]+):[0-9]{12}:key/[0-9a-z-]+$`)
)

func checkNetwork(r *report) {
	n, zones := r.Cluster.Provider.Network, len(r.Cluster.Provider.Zones)
	if !n.Given() {
		return
	}
	const path = "provider.network"
	if n.NATGateways != "" {
		r.refuse(path+".natGateways", "Remove it: a network of yours has its own ways out.", "bootstrap makes no NAT gateway in a network that it did not make")
	}
	if r.Cluster.Provider.Name == cluster.GCP {
		checkGoogleNetwork(r)
		return
	}
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
}

// checkGoogleNetwork is for Google Cloud, whose subnets are in all zones of a region and have names.
func checkGoogleNetwork(r *report) {
	n := r.Cluster.Provider.Network
	const path = "provider.network"
	if !googleForm.MatchString(n.ID) {
		r.refuse(path+".id", "Write the name of a VPC network of the project; one that another project shares cannot be used.", "%q is not the name of a network", n.ID)
	}
	if len(n.Subnets) != 1 {
		r.refuse(path, "List one subnet of the cluster's region: it is in all zones.", "%s for a region", subnetsAre(len(n.Subnets)))
		return
	}
	if !googleForm.MatchString(n.Subnets[0]) {
		r.refuse(path+".subnets[0]", "Write the name of a subnet of that network.", "%q is not the name of a subnet", n.Subnets[0])
	}
}

func subnetsAre(n int) string {
	if n == 1 {
		return "1 subnet"
	}
	return fmt.Sprintf("%d subnets", n)
}

// mostGoogleBlocks is how many blocks GKE takes (its API, MasterAuthorizedNetworksConfig).
const mostGoogleBlocks = 50

func checkEndpointAccess(r *report) {
	e := r.Cluster.Provider.Endpoint
	if r.Cluster.Provider.Name == cluster.GCP && len(e.CIDRs) > mostGoogleBlocks {
		r.refuse("provider.endpoint.cidrs", "List fewer and larger blocks.", "%d blocks, and GKE takes %d", len(e.CIDRs), mostGoogleBlocks)
	}
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
			r.refuse(where, "Write a block of IPv4 addresses.", "the clouds take no IPv6 addresses here")
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
	form, write, name := keyForm, "arn:aws:kms:REGION:ACCOUNT:key/ID", "the ARN"
	if r.Cluster.Provider.Name == cluster.GCP {
		form, write, name = googleKeyForm, "projects/PROJECT/locations/REGION/keyRings/RING/cryptoKeys/KEY", "the whole name"
	}
	switch m := form.FindStringSubmatch(key); {
	case m == nil:
		r.refuse("provider.key", "Write "+name+" of the key itself, "+write+".", "%q is not %s of a key", key, name)
	case m[1] != r.Cluster.Provider.Region:
		r.refuse("provider.key", "Name a key of the cluster's region.", "the key is in %s, and the cluster in %s", m[1], r.Cluster.Provider.Region)
	}
}

// releaseForm is a release of an EKS optimized AMI: Kubernetes' version and a date.
var releaseForm = regexp.MustCompile(`^(1\.[0-9]+)\.[0-9]+-20[0-9]{6}$`)

func checkNodeRelease(r *report) {
	const path = "provider.nodeRelease"
	p := r.Cluster.Provider
	switch m := releaseForm.FindStringSubmatch(p.NodeRelease); {
	case p.NodeRelease == "":
	case p.Name != cluster.AWS:
		r.refuse(path, "Remove it.", "only provider aws knows this, and the cluster's is %s", p.Name)
	case m == nil:
		r.refuse(path, "Write one like 1.35.6-20260728; `bootstrap plan` names the newest.", "%q is not a release of EKS' image for nodes", p.NodeRelease)
	case m[1] != r.Cluster.Kubernetes:
		r.refuse(path, "Write one of "+r.Cluster.Kubernetes+", or remove it for the newest one.", "the release is for Kubernetes %s, and the cluster is to run %s", m[1], r.Cluster.Kubernetes)
	}
}

func checkOnlyClouds(r *report) {
	p := r.Cluster.Provider
	switch p.Name {
	case cluster.AWS:
		return
	case cluster.GCP:
		if p.Network.NATGateways != "" && !p.Network.Given() {
			r.refuse("provider.network.natGateways", "Remove it.", "Cloud NAT is one for the whole region, and spread over its zones by Google")
		}
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
			r.refuse(option.path, "Remove it.", "only providers aws and gcp know this, and the cluster's is %s", p.Name)
		}
	}
}
