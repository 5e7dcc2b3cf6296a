package cluster

// Kinds of NATGateways.
const (
	// NATZone is one NAT gateway in each zone.
	NATZone = "zone"
	// NATSingle is one NAT gateway for all zones.
	NATSingle = "single"
)

// Given says whether the network is there already.
func (n *Network) Given() bool { return n.ID != "" || len(n.Subnets) > 0 }
