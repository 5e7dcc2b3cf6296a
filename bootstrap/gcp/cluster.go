package gcp

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/container/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/price"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// controlPlane is how GKE's API server is reached, and what it runs.
type controlPlane struct {
	endpoint string
	ca       []byte
	// version is the whole version of the control plane ("1.35.2-gke.1010").
	version string
	// network is the name of the network that it is in.
	network string
	// aged says that it is no new cluster any more, coming that it never ran.
	aged, coming bool
}

// How long things take, for progress and the longest path. GKE makes the first nodes with the cluster.
const (
	controlPlaneTime = 10 * time.Minute
	nodesTime        = 3 * time.Minute
)

// newCluster is for how long a cluster that fails is taken for one that never ran.
const newCluster = 2 * time.Hour

// What of a cluster can differ; only a person can mend its status.
const (
	fieldStatus   = "status"
	fieldEndpoint = "endpoint"
)

// location is the region as APIs name it.
func (c *cloud) location() string {
	return "projects/" + c.project() + "/locations/" + c.region()
}

func (c *cloud) clusterPath() string { return c.location() + "/clusters/" + c.Cluster.Name }

// addCluster adds GKE. What it gives must be ready before pods can run.
func (c *cloud) addCluster(g *engine.Graph, n *network, nodes nodeIdentity, key clusterKey, before ...engine.Dependency) []engine.Dependency {
	const name = provider.ControlPlane
	after := append([]engine.Dependency{n.subnet, n.swept, nodes.account, nodes.rights, key.name, key.rights}, before...)
	c.cluster = add(c, g, engine.Resource[controlPlane]{
		Name: name, Kind: "GKE cluster", ID: g.Cluster, Expected: controlPlaneTime + nodesTime, Limit: 50 * time.Minute,
		Uses: []engine.Use{{Item: "gcp/cluster", Quantity: price.HoursPerMonth}},
		Find: c.findCluster,
		Create: func(ctx context.Context) error {
			account, err := nodes.account.Get(ctx)
			if err != nil {
				return err
			}
			secrets, err := key.name.Get(ctx)
			if err != nil {
				return err
			}
			op, err := c.container.Projects.Locations.Clusters.Create(c.location(), &container.CreateClusterRequest{
				Cluster: c.wantedCluster(g, account, secrets),
			}).Context(ctx).Do()
			return c.clusterOperation(name, engine.Pending, op, err)
		},
		Reconcile: func(ctx context.Context, have engine.State[controlPlane]) error {
			switch have.Drift[0].Field {
			case fieldEndpoint:
				return c.openEndpoint(ctx, name)
			case fieldStatus:
				return &failedError{code: "FAILED_PRECONDITION", message: "GKE says of the cluster: " + have.Detail +
					"; mend that, or give up what is only in its volumes: run `bootstrap down`, then up"}
			}
			return c.upgrade(ctx, name, have.Output.version)
		},
		Delete: func(ctx context.Context, _ engine.State[controlPlane]) error {
			op, err := c.container.Projects.Locations.Clusters.Delete(c.clusterPath()).Context(ctx).Do()
			return c.clusterOperation(name, engine.Deleting, op, err)
		},
	}, after...)
	return c.addNodes(g, nodes.account)
}

// wantedCluster is a regional cluster: its API server runs in three zones, and its nodes have no public addresses.
func (c *cloud) wantedCluster(g *engine.Graph, account, key string) *container.Cluster {
	var pools []*container.NodePool
	for _, zone := range c.Cluster.Provider.Zones {
		pools = append(pools, c.wantedPool(g, zone, account))
	}
	return &container.Cluster{
		Name: g.Cluster, Description: description(g.Tags(provider.ControlPlane)), ResourceLabels: labels(g.Tags(provider.ControlPlane)),
		InitialClusterVersion: c.Cluster.Kubernetes, ReleaseChannel: &container.ReleaseChannel{Channel: "REGULAR"},
		Locations: c.Cluster.Provider.Zones, Network: c.vpcName(), Subnetwork: c.subnetName(),
		IpAllocationPolicy: &container.IPAllocationPolicy{
			UseIpAliases: true, ClusterSecondaryRangeName: podsName, ServicesSecondaryRangeName: servicesName,
		},
		NodePools: pools,
		// Dataplane V2 keeps network policies; without it, nothing does.
		NetworkConfig: &container.NetworkConfig{
			DatapathProvider: "ADVANCED_DATAPATH", DefaultEnablePrivateNodes: true,
			// The bundle's policies let pods ask kube-dns and the node's cache; with Cloud DNS they would have to ask the metadata server.
			DnsConfig: &container.DNSConfig{ClusterDns: "KUBE_DNS"},
		},
		ControlPlaneEndpointsConfig: c.wantedEndpoints(),
		WorkloadIdentityConfig:      &container.WorkloadIdentityConfig{WorkloadPool: c.project() + ".svc.id.goog"},
		ShieldedNodes:               &container.ShieldedNodes{Enabled: true},
		DatabaseEncryption:          &container.DatabaseEncryption{State: "ENCRYPTED", KeyName: key},
		// Threat: rights and passwords of the time before RBAC, which are valid as long as the cluster lives.
		LegacyAbac: &container.LegacyAbac{Enabled: false, ForceSendFields: []string{"Enabled"}},
		MasterAuth: &container.MasterAuth{ClientCertificateConfig: &container.ClientCertificateConfig{
			IssueClientCertificate: false, ForceSendFields: []string{"IssueClientCertificate"},
		}},
		AddonsConfig: &container.AddonsConfig{
			DnsCacheConfig:                   &container.DnsCacheConfig{Enabled: true}, // as GKE's default is since 1.34
			GcePersistentDiskCsiDriverConfig: &container.GcePersistentDiskCsiDriverConfig{Enabled: true},
			// The front door is a load balancer of this add-on (its annotation is cloud.google.com/l4-rbs).
			HttpLoadBalancing: &container.HttpLoadBalancing{Disabled: false, ForceSendFields: []string{"Disabled"}},
		},
		// With it, the disks of volumes are labelled with the cluster; else nobody could tell later whose they were.
		CostManagementConfig: &container.CostManagementConfig{Enabled: true},
		// The bundle brings its own metrics and logs. Google's own are for the system's parts only; all would be paid for twice.
		LoggingConfig: &container.LoggingConfig{ComponentConfig: &container.LoggingComponentConfig{EnableComponents: []string{"SYSTEM_COMPONENTS"}}},
		MonitoringConfig: &container.MonitoringConfig{
			ComponentConfig:         &container.MonitoringComponentConfig{EnableComponents: []string{"SYSTEM_COMPONENTS"}},
			ManagedPrometheusConfig: &container.ManagedPrometheusConfig{Enabled: false, ForceSendFields: []string{"Enabled"}},
		},
		MaintenancePolicy: minorStays(time.Now()),
	}
}

// minorStays lets Google bring patches, and leaves the minor version to cluster.yaml until its support ends.
func minorStays(now time.Time) *container.MaintenancePolicy {
	return &container.MaintenancePolicy{Window: &container.MaintenanceWindow{
		MaintenanceExclusions: map[string]container.TimeWindow{"opsgen-minor-version": {
			StartTime:                   now.UTC().Format(time.RFC3339),
			MaintenanceExclusionOptions: &container.MaintenanceExclusionOptions{Scope: "NO_MINOR_UPGRADES", EndTimeBehavior: "UNTIL_END_OF_SUPPORT"},
		}},
	}}
}

func (c *cloud) findCluster(ctx context.Context) (engine.State[controlPlane], error) {
	there, err := c.container.Projects.Locations.Clusters.Get(c.clusterPath()).Context(ctx).Do()
	if err != nil {
		return engine.State[controlPlane]{}, err
	}
	if tags(there.ResourceLabels)[engine.TagCluster] == c.Cluster.Name {
		c.remember(there)
	}
	conditions := map[string]engine.Condition{
		"RUNNING": engine.Ready, "DEGRADED": engine.Ready, "STOPPING": engine.Deleting, "ERROR": engine.Failed,
	}
	found := engine.State[controlPlane]{Condition: engine.Pending, Detail: there.Status + conditionText(there.Conditions), Tags: tags(there.ResourceLabels)}
	if condition, known := conditions[there.Status]; known {
		found.Condition = condition
	}
	// Threat: up deletes what failed and makes it anew, and a cluster that has run for long holds what is nowhere else.
	made, err := time.Parse(time.RFC3339, there.CreateTime)
	found.Output.coming = there.Status == "PROVISIONING"
	found.Output.aged = err != nil || time.Since(made) > newCluster
	if there.Status == "ERROR" && found.Output.aged {
		found.Condition, found.Drift = engine.Ready, []engine.Change{{Field: fieldStatus, Have: found.Detail, Want: "RUNNING"}}
		return found, nil
	}
	found.Output.version, found.Output.network = there.CurrentMasterVersion, last(there.Network)
	if found.Condition == engine.Ready {
		found.Drift = c.clusterDrift(there)
	}
	found.Output.endpoint, found.Output.ca, err = address(there)
	return found, err
}

func (c *cloud) clusterDrift(there *container.Cluster) []engine.Change {
	var drift []engine.Change
	if have, want := endpointText(there.ControlPlaneEndpointsConfig), endpointText(c.wantedEndpoints()); have != want {
		drift = append(drift, engine.Change{Field: fieldEndpoint, Have: have, Want: want})
	}
	if have := minor(there.CurrentMasterVersion); have != c.Cluster.Kubernetes {
		drift = append(drift, engine.Change{Field: "Kubernetes", Have: have, Want: c.Cluster.Kubernetes})
	}
	return drift
}

// conditionText is why a cluster or pool is as it is.
func conditionText(conditions []*container.StatusCondition) string {
	var parts []string
	for _, condition := range conditions {
		parts = append(parts, strings.TrimPrefix(condition.Code+": "+condition.Message, ": "))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, "; ")
}

// minor is the version as cluster.yaml writes it: "1.35" of "1.35.2-gke.1010".
func minor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// upgrade moves the control plane to the version of cluster.yaml, which may be one minor above and no more.
func (c *cloud) upgrade(ctx context.Context, resource, have string) error {
	if err := nextMinor(minor(have), c.Cluster.Kubernetes); err != nil {
		return err
	}
	op, err := c.container.Projects.Locations.Clusters.Update(c.clusterPath(), &container.UpdateClusterRequest{
		Update: &container.ClusterUpdate{DesiredMasterVersion: c.Cluster.Kubernetes},
	}).Context(ctx).Do()
	return c.clusterOperation(resource, engine.Pending, op, err)
}

// nextMinor refuses what Kubernetes cannot do: to go back, or to leave a version out.
func nextMinor(have, want string) error {
	h, w := minorNumber(have), minorNumber(want)
	switch {
	case w < h:
		return &failedError{code: "INVALID_ARGUMENT", message: fmt.Sprintf("Kubernetes cannot go back from %s to %s; write kubernetes: %q in cluster.yaml", have, want, have)}
	case w > h+1:
		return &failedError{code: "INVALID_ARGUMENT", message: fmt.Sprintf("Kubernetes goes up one minor version at a time; write kubernetes: \"1.%d\" in cluster.yaml first", h+1)}
	}
	return nil
}

// minorNumber is 35 of "1.35", and -1 where there is none.
func minorNumber(version string) int {
	_, text, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}
