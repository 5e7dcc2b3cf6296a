package aws

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/price"
)

// addNAT adds the private nodes' way out of one zone. One a zone costs more than one for all, but a zone that fails then
// takes nobody else's way out with it, and traffic does not pay for crossing zones.
func (n *network) addNAT(zone string, subnet, address engine.Output[string], after engine.Dependency) engine.Output[string] {
	name := "network/nat-" + zone
	return add(n.amazon, n.g, engine.Resource[string]{
		Name: name, Kind: "NAT gateway", Expected: 2 * time.Minute,
		Uses: []engine.Use{{Item: "aws/nat-gateway", Quantity: price.HoursPerMonth}},
		Find: func(ctx context.Context) (engine.State[string], error) { return n.findNAT(ctx, name) },
		Create: func(ctx context.Context) error {
			in, err := subnet.Get(ctx)
			if err != nil {
				return err
			}
			with, err := address.Get(ctx)
			if err != nil {
				return err
			}
			_, err = n.ec2.CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{
				SubnetId: &in, AllocationId: &with, ConnectivityType: types.ConnectivityTypePublic,
				ClientToken: n.token(n.g, name, in, with), TagSpecifications: labelled(types.ResourceTypeNatgateway, n.g.Tags(name)),
			})
			return err
		},
		Delete: func(ctx context.Context, have engine.State[string]) error {
			_, err := n.ec2.DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: &have.Output})
			return err
		},
	}, subnet, address, after)
}

// addUnwantedNAT removes the gateway of a zone that goes through another one now, and its address, once nothing leads there.
func (n *network) addUnwantedNAT(zone string, after ...engine.Dependency) {
	gateway, address := "network/nat-"+zone, "network/address-"+zone
	add(n.amazon, n.g, engine.Resource[string]{
		Name: "network/unwanted-nat-" + zone, Kind: "unwanted NAT gateway", ID: zone, Part: true, Unwanted: true, Expected: time.Minute,
		Find: func(ctx context.Context) (engine.State[string], error) {
			found, err := n.findNAT(ctx, gateway)
			if err != nil || found.Condition != engine.Absent {
				return found, err
			}
			return n.findAddress(ctx, address)
		},
		Delete: func(ctx context.Context, have engine.State[string]) error {
			if have.Tags[engine.TagName] == address {
				_, err := n.ec2.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: &have.Output})
				return err
			}
			_, err := n.ec2.DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: &have.Output})
			return err
		},
	}, after...)
}

// findNAT leaves out those that are gone, which AWS shows for an hour more.
func (n *network) findNAT(ctx context.Context, name string) (engine.State[string], error) {
	answer, err := n.ec2.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{Filter: append(ours(n.g, name),
		filter("state", "pending", "available", "deleting", "failed"))})
	if err != nil {
		return engine.State[string]{}, err
	}
	return n.remember(name)(single(answer.NatGateways, func(i types.NatGateway) engine.State[string] {
		conditions := map[types.NatGatewayState]engine.Condition{
			types.NatGatewayStatePending: engine.Pending, types.NatGatewayStateAvailable: engine.Ready,
			types.NatGatewayStateDeleting: engine.Deleting, types.NatGatewayStateFailed: engine.Failed,
		}
		s := engine.State[string]{Condition: conditions[i.State], Output: *i.NatGatewayId, Tags: tagMap(i.Tags), Detail: string(i.State)}
		if why := aws.ToString(i.FailureMessage); why != "" {
			s.Detail += ": " + why
		}
		return s
	}))
}

func (n *network) addTable(part string) engine.Output[string] {
	name := "network/routes-" + part
	return add(n.amazon, n.g, engine.Resource[string]{
		Name: name, Kind: "route table", Expected: 2 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := n.ec2.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: ours(n.g, name)})
			if err != nil {
				return engine.State[string]{}, err
			}
			return single(answer.RouteTables, func(i types.RouteTable) engine.State[string] {
				return engine.State[string]{Condition: engine.Ready, Output: *i.RouteTableId, Tags: tagMap(i.Tags)}
			})
		},
		Create: func(ctx context.Context) error {
			vpc, err := n.vpc.Get(ctx)
			if err != nil {
				return err
			}
			_, err = n.ec2.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{
				VpcId: &vpc, ClientToken: n.token(n.g, name, vpc), TagSpecifications: labelled(types.ResourceTypeRouteTable, n.g.Tags(name)),
			})
			return err
		},
		Delete: func(ctx context.Context, have engine.State[string]) error {
			_, err := n.ec2.DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: &have.Output})
			return err
		},
	}, n.vpc)
}

// table is a route table as it is, for its parts.
func (n *network) table(ctx context.Context, table engine.Output[string]) (types.RouteTable, error) {
	id, err := table.Get(ctx)
	if err != nil {
		return types.RouteTable{}, err
	}
	answer, err := n.ec2.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{id}})
	if err != nil {
		return types.RouteTable{}, err
	}
	if len(answer.RouteTables) == 0 {
		return types.RouteTable{}, fmt.Errorf("the route table %s: %w", id, engine.ErrMissing)
	}
	return answer.RouteTables[0], nil
}

// route is where a table's way to everywhere leads: one of both.
type route struct{ gateway, nat string }

func (r route) pointers() (gateway, nat *string) {
	if r.gateway != "" {
		return &r.gateway, nil
	}
	return nil, &r.nat
}

// addRoute adds a table's way to everywhere.
func (n *network) addRoute(part string, table engine.Output[string], after engine.Dependency, to func(context.Context) (route, error)) engine.Dependency {
	both := func(ctx context.Context) (string, route, error) {
		id, err := table.Get(ctx)
		if err != nil {
			return "", route{}, err
		}
		want, err := to(ctx)
		return id, want, err
	}
	return add(n.amazon, n.g, engine.Resource[string]{
		Name: "network/route-" + part, Kind: "route", Part: true, Expected: 2 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			there, err := n.table(ctx, table)
			if err != nil {
				return engine.State[string]{}, err
			}
			want, err := to(ctx)
			return routeState(there, want), err
		},
		Create: func(ctx context.Context) error {
			id, want, err := both(ctx)
			if err != nil {
				return err
			}
			gateway, nat := want.pointers()
			_, err = n.ec2.CreateRoute(ctx, &ec2.CreateRouteInput{
				RouteTableId: &id, DestinationCidrBlock: aws.String(everywhere), GatewayId: gateway, NatGatewayId: nat,
			})
			return err
		},
		Reconcile: func(ctx context.Context, _ engine.State[string]) error {
			id, want, err := both(ctx)
			if err != nil {
				return err
			}
			gateway, nat := want.pointers()
			_, err = n.ec2.ReplaceRoute(ctx, &ec2.ReplaceRouteInput{
				RouteTableId: &id, DestinationCidrBlock: aws.String(everywhere), GatewayId: gateway, NatGatewayId: nat,
			})
			return err
		},
	}, table, after)
}

func routeState(table types.RouteTable, want route) engine.State[string] {
	for _, r := range table.Routes {
		if aws.ToString(r.DestinationCidrBlock) != everywhere {
			continue
		}
		s := engine.State[string]{Condition: engine.Ready, Output: aws.ToString(table.RouteTableId)}
		have := route{gateway: aws.ToString(r.GatewayId), nat: aws.ToString(r.NatGatewayId)}
		if have != want {
			s.Drift = []engine.Change{{Field: "target", Have: have.gateway + have.nat, Want: want.gateway + want.nat}}
		}
		return s
	}
	return engine.State[string]{}
}

// addAssociation lets a subnet use a table.
func (n *network) addAssociation(part string, subnet, table engine.Output[string]) engine.Dependency {
	return add(n.amazon, n.g, engine.Resource[string]{
		Name: "network/association-" + part, Kind: "association", Part: true, Expected: 2 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			there, err := n.table(ctx, table)
			if err != nil {
				return engine.State[string]{}, err
			}
			id, err := subnet.Get(ctx)
			if err != nil {
				return engine.State[string]{}, err
			}
			for _, association := range there.Associations {
				if aws.ToString(association.SubnetId) == id {
					return engine.State[string]{Condition: engine.Ready, Output: *association.RouteTableAssociationId}, nil
				}
			}
			return engine.State[string]{}, nil
		},
		Create: func(ctx context.Context) error {
			id, err := subnet.Get(ctx)
			if err != nil {
				return err
			}
			to, err := table.Get(ctx)
			if err != nil {
				return err
			}
			_, err = n.ec2.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{SubnetId: &id, RouteTableId: &to})
			return err
		},
		Delete: func(ctx context.Context, have engine.State[string]) error {
			_, err := n.ec2.DisassociateRouteTable(ctx, &ec2.DisassociateRouteTableInput{AssociationId: &have.Output})
			return err
		},
	}, subnet, table)
}

// addStorageEndpoint lets nodes reach S3 without the NAT gateways, which would charge for each byte.
func (n *network) addStorageEndpoint(tables []engine.Output[string]) engine.Dependency {
	const name = "network/storage-endpoint"
	return add(n.amazon, n.g, engine.Resource[string]{
		Name: name, Kind: "endpoint for S3", Expected: 5 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := n.ec2.DescribeVpcEndpoints(ctx, &ec2.DescribeVpcEndpointsInput{Filters: append(ours(n.g, name),
				filter("vpc-endpoint-state", "pending", "available", "deleting", "failed"))})
			if err != nil {
				return engine.State[string]{}, err
			}
			return single(answer.VpcEndpoints, func(i types.VpcEndpoint) engine.State[string] {
				conditions := map[string]engine.Condition{"pending": engine.Pending, "available": engine.Ready, "deleting": engine.Deleting, "failed": engine.Failed}
				state := strings.ToLower(string(i.State)) // "Pending" in documents, "pending" on the wire
				return engine.State[string]{Condition: conditions[state], Output: *i.VpcEndpointId, Tags: tagMap(i.Tags), Detail: state}
			})
		},
		Create: func(ctx context.Context) error {
			vpc, err := n.vpc.Get(ctx)
			if err != nil {
				return err
			}
			ids, err := all(ctx, tables)
			if err != nil {
				return err
			}
			_, err = n.ec2.CreateVpcEndpoint(ctx, &ec2.CreateVpcEndpointInput{
				VpcId: &vpc, RouteTableIds: ids, ServiceName: aws.String("com.amazonaws." + n.Cluster.Provider.Region + ".s3"),
				VpcEndpointType: types.VpcEndpointTypeGateway, ClientToken: n.token(n.g, name, ids...),
				TagSpecifications: labelled(types.ResourceTypeVpcEndpoint, n.g.Tags(name)),
			})
			return err
		},
		Delete: func(ctx context.Context, have engine.State[string]) error {
			answer, err := n.ec2.DeleteVpcEndpoints(ctx, &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{have.Output}})
			if err == nil && len(answer.Unsuccessful) > 0 && answer.Unsuccessful[0].Error != nil {
				return fmt.Errorf("delete the endpoint: %s", aws.ToString(answer.Unsuccessful[0].Error.Message))
			}
			return err
		},
	}, append(engine.After(tables), n.vpc)...)
}

// all are the outputs of several resources.
func all(ctx context.Context, outputs []engine.Output[string]) ([]string, error) {
	ids := make([]string, len(outputs))
	for i, o := range outputs {
		id, err := o.Get(ctx)
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}
