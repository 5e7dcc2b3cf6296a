package aws

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/opsgen/opsgen/bootstrap/provider"
)

// accessField is the name of the API server's public address among what can differ.
const accessField = "public endpoint"

// noAccess is an API server without a public address.
const noAccess = "off"

// accessText describes who reaches the API server from outside.
func accessText(public bool, blocks []string) string {
	if !public {
		return noAccess
	}
	if len(blocks) == 0 {
		blocks = []string{everywhere}
	}
	return strings.Join(slices.Sorted(slices.Values(blocks)), " ")
}

// access is what cluster.yaml asks for.
func (a *amazon) access() string {
	e := a.Cluster.Provider.Endpoint
	return accessText(!e.Private, e.CIDRs)
}

// accessRequest is what cluster.yaml asks for, as EKS takes it. Nodes reach the API server inside of the network, whoever
// else does.
//
// Threat: a credential that was stolen, or a hole in the API server. Whoever has one must be at one of these addresses, too.
func (a *amazon) accessRequest(subnets []string) *types.VpcConfigRequest {
	e := a.Cluster.Provider.Endpoint
	request := &types.VpcConfigRequest{SubnetIds: subnets, EndpointPrivateAccess: aws.Bool(true), EndpointPublicAccess: aws.Bool(!e.Private)}
	if !e.Private {
		request.PublicAccessCidrs = strings.Fields(a.access())
	}
	return request
}

func (a *amazon) changeAccess(ctx context.Context) error {
	_, err := a.eks.UpdateClusterConfig(ctx, &eks.UpdateClusterConfigInput{
		Name: &a.Cluster.Name, ResourcesVpcConfig: a.accessRequest(nil), ClientRequestToken: aws.String(tokenOf(a.run, accessField, a.access())),
	})
	return err
}

// checkAccess reminds of what a private address asks of the one who runs this.
func (a *amazon) checkAccess() provider.Check {
	check := provider.Check{Name: "endpoint", Detail: strings.ReplaceAll(a.access(), everywhere, "everywhere")}
	if a.Cluster.Provider.Endpoint.Private {
		check.Warning, check.Problem = true, "the Kubernetes API will have no public address, and bootstrap speaks with it"
		check.Hint = "Run this inside of the network, or over a VPN into it; with `--until cluster`, everything before Flux is made from anywhere."
	}
	return check
}
