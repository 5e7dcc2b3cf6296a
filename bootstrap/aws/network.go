package aws

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/price"
)

// The network is 10.0.0.0/16. Each zone has a private /19, in which pods have addresses of their own (8190), and a public
// /24 for NAT gateways and load balancers. EKS wants subnets in two zones at least.
const (
	networkRange = "10.0.0.0/16"
	leastZones   = 2
	mostZones    = 6
	everywhere   = "0.0.0.0/0"
)

func privateRange(zone int) string { return fmt.Sprintf("10.0.%d.0/19", zone*32) }
func publicRange(zone int) string  { return fmt.Sprintf("10.0.%d.0/24", 192+zone) }

// errTwice is for two resources with the same tags.
var errTwice = errors.New("remove the one that nothing uses, by hand")

// network is what the cluster needs of it.
type network struct {
	*amazon
	g   *engine.Graph
	vpc engine.Output[string]
	// private are the subnets of the nodes, by zone in the order of cluster.yaml.
	private []engine.Output[string]
	// ways out must be there before nodes start: they fetch images.
	waysOut []engine.Dependency
	// swept is what Kubernetes made: nothing of the network goes before it.
	swept engine.Dependency
}

// addNetwork adds the VPC, its subnets and its ways out.
func (a *amazon) addNetwork(g *engine.Graph) *network {
	n := &network{amazon: a, g: g}
	if a.givenNetwork() {
		n.addGivenNetwork()
		return n
	}
	n.vpc = n.addVPC()
	gateway := n.addGateway()
	attached := n.attach(gateway)
	public := n.addTable("public")
	out := n.addRoute("public", public, attached, func(ctx context.Context) (route, error) {
		id, err := gateway.Get(ctx)
		return route{gateway: id}, err
	})
	var tables []engine.Output[string]
	var nat engine.Output[string]
	for i, zone := range a.Cluster.Provider.Zones {
		outside := n.addSubnet("public-"+zone, zone, publicRange(i), "kubernetes.io/role/elb")
		inside := n.addSubnet("private-"+zone, zone, privateRange(i), "kubernetes.io/role/internal-elb")
		n.addAssociation("public-"+zone, outside, public)
		if i < a.gateways() {
			nat = n.addNAT(zone, outside, n.addAddress("address-"+zone), out)
		}
		table, through := n.addTable("private-"+zone), nat
		way := n.addRoute("private-"+zone, table, through, func(ctx context.Context) (route, error) {
			id, err := through.Get(ctx)
			return route{nat: id}, err
		})
		if i >= a.gateways() {
			n.addUnwantedNAT(zone, way, outside)
		}
		n.private, tables = append(n.private, inside), append(tables, table)
		n.waysOut = append(n.waysOut, way, n.addAssociation("private-"+zone, inside, table))
	}
	n.waysOut = append(n.waysOut, n.addStorageEndpoint(tables))
	n.swept = n.addSweep()
	return n
}

func (n *network) addVPC() engine.Output[string] {
	const name = "network/vpc"
	return add(n.amazon, n.g, engine.Resource[string]{
		Name: name, Kind: "VPC", Expected: 5 * time.Second,
		Find: n.findVPC(name),
		Create: func(ctx context.Context) error {
			_, err := n.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{
				CidrBlock: aws.String(networkRange), TagSpecifications: labelled(types.ResourceTypeVpc, n.g.Tags(name)),
			})
			return err
		},
		// Nodes find the API server's private address by names, and so do the endpoints.
		Reconcile: func(ctx context.Context, have engine.State[string]) error {
			_, err := n.ec2.ModifyVpcAttribute(ctx, &ec2.ModifyVpcAttributeInput{
				VpcId: &have.Output, EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(true)},
			})
			return err
		},
		Delete: func(ctx context.Context, have engine.State[string]) error {
			_, err := n.ec2.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &have.Output})
			return n.blocker(ctx, err, filter("vpc-id", have.Output))
		},
	})
}

func (n *network) findVPC(name string) func(context.Context) (engine.State[string], error) {
	return func(ctx context.Context) (engine.State[string], error) {
		answer, err := n.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: ours(n.g, name)})
		if err != nil {
			return engine.State[string]{}, err
		}
		found, err := single(answer.Vpcs, func(v types.Vpc) engine.State[string] {
			return engine.State[string]{Condition: pendingUntil(v.State == types.VpcStateAvailable), Output: *v.VpcId, Tags: tagMap(v.Tags), Detail: string(v.State)}
		})
		if err != nil || found.Condition != engine.Ready {
			return found, err
		}
		names, err := n.ec2.DescribeVpcAttribute(ctx, &ec2.DescribeVpcAttributeInput{VpcId: &found.Output, Attribute: types.VpcAttributeNameEnableDnsHostnames})
		if n.gone(err) {
			found.Condition = engine.Pending // it was seen, so it is there
			return found, nil
		}
		if err != nil {
			return found, err
		}
		if names.EnableDnsHostnames == nil || !aws.ToBool(names.EnableDnsHostnames.Value) {
			found.Drift = []engine.Change{{Field: "DNS host names", Have: "off", Want: "on"}}
		}
		return found, nil
	}
}

func pendingUntil(ready bool) engine.Condition {
	if ready {
		return engine.Ready
	}
	return engine.Pending
}

func (n *network) addSubnet(part, zone, block, role string) engine.Output[string] {
	name := "network/subnet-" + part
	return add(n.amazon, n.g, engine.Resource[string]{
		Name: name, Kind: "subnet", ID: block, Expected: 3 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := n.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: ours(n.g, name)})
			if err != nil {
				return engine.State[string]{}, err
			}
			return single(answer.Subnets, func(s types.Subnet) engine.State[string] {
				ready := pendingUntil(s.State == types.SubnetStateAvailable)
				return engine.State[string]{Condition: ready, Output: *s.SubnetId, Tags: tagMap(s.Tags), Detail: string(s.State)}
			})
		},
		Create: func(ctx context.Context) error {
			vpc, err := n.vpc.Get(ctx)
			if err != nil {
				return err
			}
			// Kubernetes chooses subnets for load balancers by these two tags.
			tags := labelled(types.ResourceTypeSubnet, n.g.Tags(name), role)
			tags[0].Tags = append(tags[0].Tags, types.Tag{Key: aws.String(tagKubernetes + n.g.Cluster), Value: aws.String("shared")})
			_, err = n.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, AvailabilityZone: &zone, CidrBlock: &block, TagSpecifications: tags})
			return err
		},
		Delete: func(ctx context.Context, have engine.State[string]) error {
			_, err := n.ec2.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &have.Output})
			return n.blocker(ctx, err, filter("subnet-id", have.Output))
		},
	}, n.vpc)
}

// blocker adds to a refused deletion whose network interfaces are in the way: AWS only says that there are some.
func (n *network) blocker(ctx context.Context, err error, where types.Filter) error {
	if err == nil || n.Classify(err).Class != engine.Blocked {
		return err
	}
	answer, lookErr := n.ec2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{where}})
	if lookErr != nil || len(answer.NetworkInterfaces) == 0 {
		return err
	}
	first := answer.NetworkInterfaces[0]
	return fmt.Errorf("%w; in the way: the network interface %s of %q", err, aws.ToString(first.NetworkInterfaceId), aws.ToString(first.Description))
}

func (n *network) addGateway() engine.Output[string] {
	const name = "network/internet-gateway"
	return add(n.amazon, n.g, engine.Resource[string]{
		Name: name, Kind: "internet gateway", Expected: 2 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := n.ec2.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{Filters: ours(n.g, name)})
			if err != nil {
				return engine.State[string]{}, err
			}
			return single(answer.InternetGateways, func(i types.InternetGateway) engine.State[string] {
				return engine.State[string]{Condition: engine.Ready, Output: *i.InternetGatewayId, Tags: tagMap(i.Tags)}
			})
		},
		Create: func(ctx context.Context) error {
			_, err := n.ec2.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{TagSpecifications: labelled(types.ResourceTypeInternetGateway, n.g.Tags(name))})
			return err
		},
		Delete: func(ctx context.Context, have engine.State[string]) error {
			_, err := n.ec2.DeleteInternetGateway(ctx, &ec2.DeleteInternetGatewayInput{InternetGatewayId: &have.Output})
			return err
		},
	})
}

// attach puts the gateway into the network.
func (n *network) attach(gateway engine.Output[string]) engine.Output[string] {
	ends := func(ctx context.Context) (vpc, id string, err error) {
		vpc, err = n.vpc.Get(ctx)
		if err == nil {
			id, err = gateway.Get(ctx)
		}
		return vpc, id, err
	}
	return add(n.amazon, n.g, engine.Resource[string]{
		Name: "network/internet-gateway-attached", Kind: "attachment", Part: true, Expected: 2 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			vpc, id, err := ends(ctx)
			if err != nil {
				return engine.State[string]{}, err
			}
			answer, err := n.ec2.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{InternetGatewayIds: []string{id}})
			if err != nil || len(answer.InternetGateways) == 0 || len(answer.InternetGateways[0].Attachments) == 0 {
				return engine.State[string]{}, err
			}
			there := answer.InternetGateways[0].Attachments[0]
			return engine.State[string]{Condition: pendingUntil(aws.ToString(there.VpcId) == vpc), Output: id, Detail: string(there.State)}, nil
		},
		Create: func(ctx context.Context) error {
			vpc, id, err := ends(ctx)
			if err != nil {
				return err
			}
			_, err = n.ec2.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{VpcId: &vpc, InternetGatewayId: &id})
			return err
		},
		Delete: func(ctx context.Context, _ engine.State[string]) error {
			vpc, id, err := ends(ctx)
			if err != nil {
				return err
			}
			_, err = n.ec2.DetachInternetGateway(ctx, &ec2.DetachInternetGatewayInput{VpcId: &vpc, InternetGatewayId: &id})
			return err
		},
	}, n.vpc, gateway)
}

func (n *network) findAddress(ctx context.Context, name string) (engine.State[string], error) {
	answer, err := n.ec2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: ours(n.g, name)})
	if err != nil {
		return engine.State[string]{}, err
	}
	return single(answer.Addresses, func(i types.Address) engine.State[string] {
		return engine.State[string]{Condition: engine.Ready, Output: *i.AllocationId, Tags: tagMap(i.Tags), Detail: aws.ToString(i.PublicIp)}
	})
}

func (n *network) addAddress(part string) engine.Output[string] {
	name := "network/" + part
	return add(n.amazon, n.g, engine.Resource[string]{
		Name: name, Kind: "address", Expected: 2 * time.Second,
		Uses: []engine.Use{{Item: "aws/public-address", Quantity: price.HoursPerMonth}},
		Find: func(ctx context.Context) (engine.State[string], error) { return n.findAddress(ctx, name) },
		Create: func(ctx context.Context) error {
			_, err := n.ec2.AllocateAddress(ctx, &ec2.AllocateAddressInput{
				Domain: types.DomainTypeVpc, TagSpecifications: labelled(types.ResourceTypeElasticIp, n.g.Tags(name)),
			})
			return err
		},
		Delete: func(ctx context.Context, have engine.State[string]) error {
			_, err := n.ec2.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: &have.Output})
			return err
		},
	})
}
