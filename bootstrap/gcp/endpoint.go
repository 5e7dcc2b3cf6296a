package gcp

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/api/container/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// wantedEndpoints are the ways to the API server. Nodes use its address in their network in any case.
//
// Threat: an API server that everybody can reach. By default ours has no public address, and is reached by a name at which
// Google asks for an identity with the right container.clusters.connect before it lets anything through to Kubernetes. That
// name knows no blocks of addresses: where cluster.yaml names some, it is closed, and a public address opened to these only,
// and to nobody else in Google Cloud.
func (c *cloud) wantedEndpoints() *container.ControlPlaneEndpointsConfig {
	e := c.Cluster.Provider.Endpoint
	numbers := &container.IPEndpointsConfig{Enabled: true, EnablePublicEndpoint: len(e.CIDRs) > 0, ForceSendFields: []string{"EnablePublicEndpoint"}}
	numbers.AuthorizedNetworksConfig = &container.MasterAuthorizedNetworksConfig{
		Enabled: len(e.CIDRs) > 0, ForceSendFields: []string{"Enabled", "GcpPublicCidrsAccessEnabled"},
	}
	for _, block := range e.CIDRs {
		numbers.AuthorizedNetworksConfig.CidrBlocks = append(numbers.AuthorizedNetworksConfig.CidrBlocks, &container.CidrBlock{CidrBlock: block})
	}
	return &container.ControlPlaneEndpointsConfig{
		DnsEndpointConfig: &container.DNSEndpointConfig{
			AllowExternalTraffic: !e.Private && len(e.CIDRs) == 0, ForceSendFields: []string{"AllowExternalTraffic"},
		},
		IpEndpointsConfig: numbers,
	}
}

// endpointText says from where a cluster is reached.
func endpointText(e *container.ControlPlaneEndpointsConfig) string {
	var ways []string
	if named(e) {
		ways = append(ways, "from everywhere")
	}
	if e != nil && e.IpEndpointsConfig != nil && e.IpEndpointsConfig.EnablePublicEndpoint {
		ways = append(ways, blocksText(e.IpEndpointsConfig.AuthorizedNetworksConfig))
	}
	if len(ways) == 0 {
		return "from its network"
	}
	return strings.Join(ways, ", and ")
}

// named says whether the cluster's name leads to it. Where it does not, it leads nowhere from inside of the network either:
// Google refuses everybody there.
func named(e *container.ControlPlaneEndpointsConfig) bool {
	return e != nil && e.DnsEndpointConfig != nil && e.DnsEndpointConfig.AllowExternalTraffic
}

func blocksText(networks *container.MasterAuthorizedNetworksConfig) string {
	if networks == nil || !networks.Enabled {
		return "by a public address from everywhere"
	}
	var blocks []string
	for _, block := range networks.CidrBlocks {
		blocks = append(blocks, block.CidrBlock)
	}
	slices.Sort(blocks)
	if networks.GcpPublicCidrsAccessEnabled {
		blocks = append(blocks, "all of Google Cloud")
	}
	return "from " + strings.Join(blocks, " ")
}

func (c *cloud) openEndpoint(ctx context.Context, resource string) error {
	op, err := c.container.Projects.Locations.Clusters.Update(c.clusterPath(), &container.UpdateClusterRequest{
		Update: &container.ClusterUpdate{DesiredControlPlaneEndpointsConfig: c.wantedEndpoints()},
	}).Context(ctx).Do()
	return c.clusterOperation(resource, engine.Pending, op, err)
}

// address is how the API server is reached: by its name, whose certificate is a public one, or by an address, public or in
// its network.
func address(there *container.Cluster) (url string, ca []byte, err error) {
	e := there.ControlPlaneEndpointsConfig
	if named(e) && e.DnsEndpointConfig.Endpoint != "" {
		return "https://" + e.DnsEndpointConfig.Endpoint, nil, nil
	}
	host := there.Endpoint
	if e != nil && e.IpEndpointsConfig != nil {
		switch numbers := e.IpEndpointsConfig; {
		case numbers.EnablePublicEndpoint && numbers.PublicEndpoint != "":
			host = numbers.PublicEndpoint
		case numbers.PrivateEndpoint != "":
			host = numbers.PrivateEndpoint
		}
	}
	if host == "" || there.MasterAuth == nil {
		return "", nil, nil
	}
	if ca, err = base64.StdEncoding.DecodeString(there.MasterAuth.ClusterCaCertificate); err != nil {
		return "", nil, fmt.Errorf("read the cluster's certificate authority: %w", err)
	}
	return "https://" + host, ca, nil
}
