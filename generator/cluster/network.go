package cluster

import _ "embed"

// NetworkTypes is the text of network.go: its comments are the descriptions in the published schema and reference.
//
//go:embed network.go
var NetworkTypes string

// Network is the network of the cluster: one that bootstrap makes, or yours. Only for aws.
type Network struct {
	// ID is a VPC of yours that the cluster is put into ("vpc-0a1b2c3d"). It is never changed and never deleted. Left
	// out, bootstrap makes one.
	ID string `json:"id,omitempty" jsonschema:"example=vpc-0a1b2c3d4e5f60718"`
	// Subnets are those of that VPC for nodes and pods: one for each of provider.zones, in the same order. They must lead
	// out, to registries and to AWS.
	Subnets []string `json:"subnets,omitempty"`
	// NATGateways is zone (one in each zone, the default) or single: one for all, which costs less. When its zone fails,
	// nodes in the other zones lose their way out, too, and AWS charges for traffic between zones.
	NATGateways string `json:"natGateways,omitempty" jsonschema:"enum=zone,enum=single"`
}

// Kinds of NATGateways.
const (
	// NATZone is one NAT gateway in each zone.
	NATZone = "zone"
	// NATSingle is one NAT gateway for all zones.
	NATSingle = "single"
)

// Endpoint says from where the Kubernetes API is reached. Nodes always reach it inside of the network. Only for aws.
type Endpoint struct {
	// Private leaves the API without a public address. bootstrap, kubectl and whoever else uses it must then be inside of
	// the network, by a VPN for example.
	Private bool `json:"private,omitempty"`
	// CIDRs are the only addresses from which the public address is reached ("203.0.113.0/24"). Default: all.
	CIDRs []string `json:"cidrs,omitempty" jsonschema:"example=203.0.113.0/24"`
}

// Given says whether the network is there already.
func (n *Network) Given() bool { return n.ID != "" || len(n.Subnets) > 0 }
