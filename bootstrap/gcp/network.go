package gcp

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/api/compute/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/price"
)

// The network's ranges, all within 10.0.0.0/15: 4092 nodes and internal load balancers, 4096 Services, and 256 nodes with
// 110 pods each, since GKE gives each node a /24.
const (
	nodesRange    = "10.0.0.0/20"
	servicesRange = "10.0.16.0/20"
	podsRange     = "10.1.0.0/16"
	podsName      = "pods"
	servicesName  = "services"
)

// Ports of Cloud NAT: a node begins with the least, and is given more while it has many connections to one address, as
// Loki and Cortex have to Cloud Storage. Both are powers of two.
const (
	leastPorts = 64
	mostPorts  = 4096
	natName    = "nat"
)

// network is what the cluster needs of it.
type network struct {
	vpc, subnet engine.Output[string]
	// way is the way out; pods need it to fetch images.
	way engine.Dependency
	// swept is what Kubernetes made: nothing of the network goes before it.
	swept engine.Dependency
}

// addNetwork adds the VPC, its subnet and its way out.
func (c *cloud) addNetwork(g *engine.Graph, enabled engine.Dependency) *network {
	if c.Cluster.Provider.Network.Given() {
		return c.addGivenNetwork(g, enabled)
	}
	n := &network{}
	n.vpc = c.addVPC(g, enabled)
	n.subnet = c.addSubnet(g, n.vpc)
	n.way = c.addRouter(g, n.vpc)
	n.swept = c.addSweep(g, n.vpc, n.subnet)
	return n
}

func (c *cloud) addVPC(g *engine.Graph, enabled engine.Dependency) engine.Output[string] {
	const name = "network/vpc"
	vpc := c.called()
	return add(c, g, engine.Resource[string]{
		Name: name, Kind: "VPC", ID: vpc, Expected: 15 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := c.compute.Networks.Get(c.project(), vpc).Context(ctx).Do()
			if err != nil {
				return engine.State[string]{}, err
			}
			return engine.State[string]{Condition: engine.Ready, Output: answer.SelfLink, Tags: described(answer.Description)}, nil
		},
		Create: func(ctx context.Context) error {
			op, err := c.compute.Networks.Insert(c.project(), &compute.Network{
				Name: vpc, Description: description(g.Tags(name)), RoutingConfig: &compute.NetworkRoutingConfig{RoutingMode: "REGIONAL"},
				// A network in the other mode has subnets in all regions of the world.
				AutoCreateSubnetworks: false, ForceSendFields: []string{"AutoCreateSubnetworks"},
			}).Context(ctx).Do()
			return c.making(name, op, err)
		},
		Delete: func(ctx context.Context, have engine.State[string]) error {
			// What Kubernetes made in its last seconds may have been shown after everything was swept.
			if err := c.sweepAgain(ctx, have.Output); err != nil {
				return err
			}
			op, err := c.compute.Networks.Delete(c.project(), vpc).Context(ctx).Do()
			return c.removing(name, op, err)
		},
	}, enabled)
}

func (c *cloud) addSubnet(g *engine.Graph, vpc engine.Output[string]) engine.Output[string] {
	const name = "network/subnet"
	subnet := c.called()
	return add(c, g, engine.Resource[string]{
		Name: name, Kind: "subnet", ID: nodesRange, Expected: 15 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := c.compute.Subnetworks.Get(c.project(), c.region(), subnet).Context(ctx).Do()
			if err != nil {
				return engine.State[string]{}, err
			}
			found := engine.State[string]{Condition: engine.Ready, Output: answer.SelfLink, Tags: described(answer.Description)}
			if !answer.PrivateIpGoogleAccess {
				found.Drift = []engine.Change{{Field: "private access to Google", Have: "off", Want: "on"}}
			}
			return found, nil
		},
		Create: func(ctx context.Context) error {
			in, err := vpc.Get(ctx)
			if err != nil {
				return err
			}
			op, err := c.compute.Subnetworks.Insert(c.project(), c.region(), &compute.Subnetwork{
				Name: subnet, Description: description(g.Tags(name)), Network: in, IpCidrRange: nodesRange,
				// Nodes without public addresses reach Google's own services, images and storage among them, past the NAT.
				PrivateIpGoogleAccess: true,
				SecondaryIpRanges: []*compute.SubnetworkSecondaryRange{
					{RangeName: podsName, IpCidrRange: podsRange}, {RangeName: servicesName, IpCidrRange: servicesRange},
				},
			}).Context(ctx).Do()
			return c.making(name, op, err)
		},
		Reconcile: func(ctx context.Context, _ engine.State[string]) error {
			op, err := c.compute.Subnetworks.SetPrivateIpGoogleAccess(c.project(), c.region(), subnet,
				&compute.SubnetworksSetPrivateIpGoogleAccessRequest{PrivateIpGoogleAccess: true}).Context(ctx).Do()
			return c.making(name, op, err)
		},
		Delete: func(ctx context.Context, _ engine.State[string]) error {
			op, err := c.compute.Subnetworks.Delete(c.project(), c.region(), subnet).Context(ctx).Do()
			return c.removing(name, op, err)
		},
	}, vpc)
}

// addRouter adds a Cloud Router with Cloud NAT in it: one for the whole region, which Google spreads over its zones.
func (c *cloud) addRouter(g *engine.Graph, vpc engine.Output[string]) engine.Output[string] {
	const name = "network/router"
	router := c.called()
	return add(c, g, engine.Resource[string]{
		Name: name, Kind: "router with NAT", ID: router, Expected: 15 * time.Second,
		Uses: []engine.Use{{Item: "gcp/nat-gateway", Quantity: price.HoursPerMonth}},
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := c.compute.Routers.Get(c.project(), c.region(), router).Context(ctx).Do()
			if err != nil {
				return engine.State[string]{}, err
			}
			found := engine.State[string]{Condition: engine.Ready, Output: answer.SelfLink, Tags: described(answer.Description)}
			if have := natText(answer.Nats); have != natText(wantedNAT()) {
				found.Drift = []engine.Change{{Field: "NAT", Have: have, Want: natText(wantedNAT())}}
			}
			return found, nil
		},
		Create: func(ctx context.Context) error {
			in, err := vpc.Get(ctx)
			if err != nil {
				return err
			}
			op, err := c.compute.Routers.Insert(c.project(), c.region(), &compute.Router{
				Name: router, Description: description(g.Tags(name)), Network: in, Nats: wantedNAT(),
			}).Context(ctx).Do()
			return c.making(name, op, err)
		},
		Reconcile: func(ctx context.Context, _ engine.State[string]) error {
			op, err := c.compute.Routers.Patch(c.project(), c.region(), router, &compute.Router{Nats: wantedNAT()}).Context(ctx).Do()
			return c.making(name, op, err)
		},
		Delete: func(ctx context.Context, _ engine.State[string]) error {
			op, err := c.compute.Routers.Delete(c.project(), c.region(), router).Context(ctx).Do()
			return c.removing(name, op, err)
		},
	}, vpc)
}

func wantedNAT() []*compute.RouterNat {
	return []*compute.RouterNat{{
		Name: natName, NatIpAllocateOption: "AUTO_ONLY", SourceSubnetworkIpRangesToNat: "ALL_SUBNETWORKS_ALL_IP_RANGES",
		EnableDynamicPortAllocation: true, MinPortsPerVm: leastPorts, MaxPortsPerVm: mostPorts,
		LogConfig: &compute.RouterNatLogConfig{Enable: true, Filter: "ERRORS_ONLY"},
	}}
}

func natText(nats []*compute.RouterNat) string {
	for _, nat := range nats {
		if nat.Name == natName {
			return fmt.Sprintf("%s %s %d-%d", nat.SourceSubnetworkIpRangesToNat, nat.NatIpAllocateOption, nat.MinPortsPerVm, nat.MaxPortsPerVm)
		}
	}
	return "none"
}
