package gcp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/compute/v1"
	"google.golang.org/api/dns/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/identity"
)

// Preflight implements provider.Provider. Without credentials, nothing else can be looked at.
func (c *cloud) Preflight(ctx context.Context) []provider.Check {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	credentials := c.checkCredentials()
	checks := []provider.Check{credentials}
	if credentials.Problem != "" {
		return checks
	}
	for _, check := range []func(context.Context) provider.Check{
		c.checkProject, c.checkServices, c.checkPermissions, c.checkZones, c.checkMachines, c.checkVersion, c.checkUpgrade, c.checkQuotas,
		c.checkBuckets, c.checkCluster, c.checkDNS, c.checkDelegation,
	} {
		checks = append(checks, check(ctx))
	}
	return checks
}

// failed is a check that could not be made. An API that is not enabled yet shows nothing, and that is told by another check.
func (c *cloud) failed(name string, err error) provider.Check {
	verdict := c.Classify(err)
	if verdict.Class == engine.Gone {
		return provider.Check{Name: name, Detail: "not looked at: the API is not enabled yet"}
	}
	hint := verdict.Hint
	if hint == "" {
		hint = "Mend this, and run the same command again."
	}
	return provider.Check{Name: name, Problem: err.Error(), Hint: hint}
}

func (c *cloud) checkCredentials() provider.Check {
	check := provider.Check{Name: "credentials", Detail: c.credentials.who}
	if _, err := c.credentials.Token(); err != nil {
		check = c.failed(check.Name, &unsentError{err})
		if check.Hint == "" {
			check.Hint = hintCredentials
		}
	}
	return check
}

func (c *cloud) checkProject(ctx context.Context) provider.Check {
	check := provider.Check{Name: "project", Detail: c.project()}
	found, err := c.findProject(ctx)
	switch {
	case err != nil && c.gone(err):
		check.Problem, check.Hint = "the project cannot be looked at: "+err.Error(), "Check provider.account in cluster.yaml, and enable cloudresourcemanager.googleapis.com in the project."
	case err != nil:
		return c.failed(check.Name, err)
	case found.Condition != engine.Ready:
		check.Problem, check.Hint = found.Detail, "Choose another project, or restore this one."
	}
	return check
}

// checkServices looks which APIs are not enabled. Up enables them, but for those that it needs itself before.
func (c *cloud) checkServices(ctx context.Context) provider.Check {
	check := provider.Check{Name: "services", Detail: fmt.Sprintf("%d enabled", len(neededServices()))}
	missing, err := c.missingServices(ctx)
	if err != nil {
		check.Problem = "it cannot be seen which are enabled: " + err.Error()
		check.Hint = "Enable serviceusage.googleapis.com in the project, or ask for the role roles/serviceusage.serviceUsageViewer."
		return check
	}
	if len(missing) == 0 {
		return check
	}
	check.Detail, check.Problem = "", strings.Join(missing, ", ")+" will be enabled"
	check.Hint = "That needs the right serviceusage.services.enable; they stay enabled after down."
	check.Warning = true
	for _, first := range firstServices() {
		if slices.Contains(missing, first) {
			check.Warning = false
			check.Problem = first + " is not enabled, and nothing can begin without it"
			check.Hint = "Run `gcloud services enable " + strings.Join(missing, " ") + " --project " + c.project() + "`, or enable them in the console."
		}
	}
	return check
}

// needed are the rights without which up would stop half-way: one or two of each service, and those that are most often denied.
func needed() []string {
	return []string{
		"cloudkms.cryptoKeys.create", "cloudkms.cryptoKeys.setIamPolicy", "cloudkms.keyRings.create",
		"compute.networks.create", "compute.networks.delete", "compute.routers.create", "compute.subnetworks.create", "compute.regions.get",
		"container.clusters.connect", "container.clusters.create", "container.clusters.delete", "container.clusters.list", "container.clusters.update",
		"dns.managedZones.create", "dns.managedZones.setIamPolicy", "dns.resourceRecordSets.list",
		"iam.serviceAccounts.actAs", "iam.serviceAccounts.create", "iam.serviceAccounts.delete",
		"resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy",
		"storage.buckets.create", "storage.buckets.setIamPolicy", "storage.objects.create", "storage.objects.delete",
	}
}

func (c *cloud) checkPermissions(ctx context.Context) provider.Check {
	check := provider.Check{Name: "permissions", Detail: fmt.Sprintf("%d rights", len(needed()))}
	asked := &cloudresourcemanager.TestIamPermissionsRequest{Permissions: needed()}
	answer, err := c.projects.Projects.TestIamPermissions("projects/"+c.project(), asked).Context(ctx).Do()
	if err != nil {
		return c.failed(check.Name, err)
	}
	denied := slices.DeleteFunc(needed(), func(right string) bool { return slices.Contains(answer.Permissions, right) })
	if len(denied) > 0 {
		check.Detail, check.Problem = "", "you may not "+strings.Join(denied, ", ")
		check.Hint = "Ask for these rights on the project (roles/owner has them all), or use other credentials."
	}
	return check
}

func (c *cloud) checkZones(ctx context.Context) provider.Check {
	check := provider.Check{Name: "zones"}
	var there, missing []string
	err := c.compute.Zones.List(c.project()).Pages(ctx, func(page *compute.ZoneList) error {
		for _, zone := range page.Items {
			if last(zone.Region) == c.region() && zone.Status == "UP" {
				there = append(there, zone.Name)
			}
		}
		return nil
	})
	if err != nil {
		return c.failed(check.Name, err)
	}
	for _, zone := range c.Cluster.Provider.Zones {
		if !slices.Contains(there, zone) {
			missing = append(missing, zone)
		}
	}
	if len(missing) > 0 {
		check.Problem = fmt.Sprintf("%s: not a working zone of %s", strings.Join(missing, ", "), c.region())
		check.Hint = "Write some of " + strings.Join(there, ", ") + " in provider.zones."
		return check
	}
	check.Detail = fmt.Sprintf("%d of %d", len(c.Cluster.Provider.Zones), len(there))
	return check
}

// checkMachines makes sure that each zone has machines of the nodes' type at all. Whether one is free is known only by trying.
func (c *cloud) checkMachines(ctx context.Context) provider.Check {
	check := provider.Check{Name: "machines", Detail: fmt.Sprintf("%s %s a zone", c.NodesInZone(), nodeType)}
	for _, zone := range c.Cluster.Provider.Zones {
		_, err := c.compute.MachineTypes.Get(c.project(), zone, nodeType).Context(ctx).Do()
		switch {
		case err != nil && hasReason(err, "notFound"):
			check.Problem, check.Hint = fmt.Sprintf("%s has no %s", zone, nodeType), "Choose another zone in cluster.yaml."
			return check
		case err != nil:
			return c.failed(check.Name, err)
		}
	}
	return check
}

func (c *cloud) checkVersion(ctx context.Context) provider.Check {
	check := provider.Check{Name: "Kubernetes", Detail: c.Cluster.Kubernetes}
	answer, err := c.container.Projects.Locations.GetServerConfig(c.location()).Context(ctx).Do()
	if err != nil {
		return c.failed(check.Name, err)
	}
	var offered []string
	for _, channel := range answer.Channels {
		if channel.Channel != "REGULAR" {
			continue
		}
		for _, version := range channel.ValidVersions {
			if !slices.Contains(offered, minor(version)) {
				offered = append(offered, minor(version))
			}
		}
	}
	if !slices.Contains(offered, c.Cluster.Kubernetes) {
		check.Problem = fmt.Sprintf("GKE does not offer Kubernetes %s in the channel REGULAR", c.Cluster.Kubernetes)
		check.Hint = "Write one of " + strings.Join(offered, ", ") + " as kubernetes in cluster.yaml, and render again."
	}
	return check
}

// checkBuckets looks whether names that all of Google Cloud shares are free, or ours.
func (c *cloud) checkBuckets(ctx context.Context) provider.Check {
	check := provider.Check{Name: "bucket names"}
	if c.Cluster.Provider.Storage.Given {
		check.Detail = "yours"
		return check
	}
	for _, use := range identity.Uses() {
		name := c.bucketName(use)
		found, err := c.findBucket(ctx, name, use)
		switch {
		case err != nil && c.gone(err):
		case err != nil:
			return c.failed(check.Name, err)
		case found.Tags[engine.TagCluster] != c.Cluster.Name:
			check.Problem, check.Hint = fmt.Sprintf("%s exists and is not this cluster's", name), "Choose another name (provider.storage in cluster.yaml); it is left as it is."
			return check
		}
	}
	return check
}

func (c *cloud) checkCluster(ctx context.Context) provider.Check {
	check := provider.Check{Name: "cluster name"}
	found, err := c.findCluster(ctx)
	switch {
	case err != nil && c.gone(err):
	case err != nil:
		return c.failed(check.Name, err)
	case found.Tags[engine.TagCluster] != c.Cluster.Name:
		check.Problem, check.Hint = "a GKE cluster "+c.Cluster.Name+" exists and is not ours", "Give the folder below clusters/ another name; that cluster is left as it is."
	case found.Condition == engine.Ready && found.Output.network != "" && found.Output.network != c.vpcName():
		check.Problem = fmt.Sprintf("the cluster is in the network %s, and cannot be moved to %s", found.Output.network, c.vpcName())
		check.Hint = "Change provider.network back, or remove the cluster (`bootstrap down`) and make it anew."
	}
	return check
}

// checkDNS looks for public zones of the name. Cloud DNS allows several, of which only one is delegated to.
func (c *cloud) checkDNS(ctx context.Context) provider.Check {
	check := provider.Check{Name: "DNS", Detail: c.Cluster.DNS.Zone}
	if c.Cluster.DNS.ZoneID != "" {
		return check
	}
	theirs, ours := "", false
	err := c.dns.ManagedZones.List(c.project()).DnsName(c.domain()).Pages(ctx, func(page *dns.ManagedZonesListResponse) error {
		for _, zone := range page.ManagedZones {
			switch {
			case zone.DnsName != c.domain() || zone.Visibility == "private":
			case tags(zone.Labels)[engine.TagCluster] == c.Cluster.Name:
				ours = true
			default:
				theirs = zone.Name
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return c.failed(check.Name, err)
	case theirs != "" && !ours:
		check.Problem = "the zone " + c.Cluster.DNS.Zone + " exists and is not this cluster's"
		check.Hint = "To use it, write dns.zoneID: " + theirs + " in cluster.yaml."
	case !ours:
		check.Warning, check.Problem = true, "the zone "+c.Cluster.DNS.Zone+" will be made, and is reached once the zone above it delegates to its name servers"
		check.Hint = "up shows the new zone's name servers: enter them there; certificates wait for that."
	}
	return check
}
