package gcp

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/api/compute/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// strays are what Kubernetes made in the network and left: load balancers in parts. Each list holds names; groups are in
// zones.
type strays struct {
	rules, services, pools, checks, firewalls []string
	groups                                    []stray
}

// stray is something in a zone.
type stray struct{ zone, name string }

func (s strays) count() int {
	return len(s.rules) + len(s.services) + len(s.pools) + len(s.checks) + len(s.firewalls) + len(s.groups)
}

// addSweep removes what Kubernetes left behind. The network cannot be deleted before.
func (c *cloud) addSweep(g *engine.Graph, vpc, subnet engine.Output[string]) engine.Dependency {
	return add(c, g, engine.Resource[strays]{
		Name: "network/left-by-kubernetes", Kind: "what Kubernetes made in the network", Part: true,
		Find: func(ctx context.Context) (engine.State[strays], error) {
			network, err := vpc.Get(ctx)
			if err != nil {
				return engine.State[strays]{}, err
			}
			found, err := c.findStrays(ctx, network)
			if err != nil || found.count() == 0 {
				return engine.State[strays]{}, err
			}
			return engine.State[strays]{Condition: engine.Ready, Output: found, Detail: fmt.Sprintf("%d left", found.count())}, nil
		},
		Delete: func(ctx context.Context, have engine.State[strays]) error { return c.deleteStrays(ctx, have.Output) },
	}, vpc, subnet)
}

// sweepAgain removes what is found now, and fails until nothing is.
func (c *cloud) sweepAgain(ctx context.Context, network string) error {
	found, err := c.findStrays(ctx, network)
	if err != nil || found.count() == 0 {
		return err
	}
	if err := c.deleteStrays(ctx, found); err != nil {
		return err
	}
	return errMore
}

// findStrays begins with the firewall rules of the network: parts of an outer load balancer do not say which network they are
// for, but each balancer has a rule there. In the cluster's own network, a rule with another name is somebody's, and stays; in
// one of the user's, every rule stays that is not for this cluster's nodes.
func (c *cloud) findStrays(ctx context.Context, network string) (strays, error) {
	var found strays
	by, err := c.balancers(ctx, network, &found)
	if err != nil {
		return found, err
	}
	if len(by.clusters)+len(by.names) > 0 {
		if err := c.findParts(ctx, by, &found); err != nil {
			return found, err
		}
	}
	groups := c.compute.NetworkEndpointGroups.AggregatedList(c.project()).ReturnPartialSuccess(true)
	err = groups.Pages(ctx, func(page *compute.NetworkEndpointGroupAggregatedList) error {
		for _, scope := range page.Items {
			for _, group := range scope.NetworkEndpointGroups {
				ours := !c.Cluster.Provider.Network.Given() || by.have(group.Name)
				if ours && samePlace(group.Network, network) && strings.HasPrefix(group.Name, "k8s") && group.Zone != "" {
					found.groups = append(found.groups, stray{last(group.Zone), group.Name})
				}
			}
		}
		return nil
	})
	return found, err
}

// balancers are those of the network: names of the older kind, and the digits by which the newer controller tells clusters
// apart.
type balancers struct{ names, clusters []string }

// byController is how GKE's controller names parts of load balancers: "k8s2-<cluster>-<namespace>-<service>-<hash>", and
// "k8s2-tcp-…" for forwarding rules (ingress-gce, pkg/utils/namer/l4_namer.go, 2025).
var byController = regexp.MustCompile(`^k8s2-(?:tcp-|udp-|l3-)?([a-z0-9]{8})-`)

// have says whether a part is one of theirs.
func (b balancers) have(name string) bool {
	part := byController.FindStringSubmatch(name)
	return slices.Contains(b.names, name) || part != nil && slices.Contains(b.clusters, part[1])
}

// balancers looks at the firewall rules, and finds those that are Kubernetes' own.
func (c *cloud) balancers(ctx context.Context, network string, found *strays) (balancers, error) {
	// The digits tell apart "prod" and "prod-eu".
	clusters := regexp.MustCompile("^gke-" + regexp.QuoteMeta(c.Cluster.Name) + "-[0-9a-f]{8}-")
	var by balancers
	marked, err := c.mark(ctx)
	if err != nil {
		return by, err
	}
	err = c.compute.Firewalls.List(c.project()).Pages(ctx, func(page *compute.FirewallList) error {
		for _, rule := range page.Items {
			if !samePlace(rule.Network, network) || !marked(rule) {
				continue
			}
			name, older := strings.CutPrefix(rule.Name, "k8s-fw-")
			part := byController.FindStringSubmatch(rule.Name)
			switch {
			case older:
				by.names = append(by.names, name)
			case part != nil:
				by.clusters = append(by.clusters, part[1])
			case !clusters.MatchString(rule.Name) && !strings.HasPrefix(rule.Name, "k8s-"):
				continue
			}
			found.firewalls = append(found.firewalls, rule.Name)
		}
		return nil
	})
	return by, err
}

// findParts finds what belongs to load balancers.
func (c *cloud) findParts(ctx context.Context, by balancers, found *strays) error {
	project, region := c.project(), c.region()
	take := func(list *[]string, name string) {
		if by.have(name) {
			*list = append(*list, name)
		}
	}
	return errors.Join(
		c.compute.ForwardingRules.List(project, region).Pages(ctx, func(page *compute.ForwardingRuleList) error {
			for _, rule := range page.Items {
				take(&found.rules, rule.Name)
			}
			return nil
		}),
		c.compute.RegionBackendServices.List(project, region).Pages(ctx, func(page *compute.BackendServiceList) error {
			for _, service := range page.Items {
				take(&found.services, service.Name)
			}
			return nil
		}),
		c.compute.TargetPools.List(project, region).Pages(ctx, func(page *compute.TargetPoolList) error {
			for _, pool := range page.Items {
				take(&found.pools, pool.Name)
			}
			return nil
		}),
		c.compute.RegionHealthChecks.List(project, region).Pages(ctx, func(page *compute.HealthCheckList) error {
			for _, check := range page.Items {
				take(&found.checks, check.Name)
			}
			return nil
		}),
	)
}

// samePlace compares two addresses of a resource, which differ by the server's name and the API's version.
func samePlace(a, b string) bool {
	path := func(address string) string {
		_, rest, _ := strings.Cut(address, "/projects/")
		return rest
	}
	return a != "" && path(a) == path(b)
}

// deleteStrays deletes one layer; the next look finds the others. The firewall rules go last: they are what the rest is
// found by.
func (c *cloud) deleteStrays(ctx context.Context, s strays) error {
	project, region := c.project(), c.region()
	for _, layer := range []struct {
		names  []string
		remove func(name string) (*compute.Operation, error)
	}{
		{s.rules, func(name string) (*compute.Operation, error) {
			return c.compute.ForwardingRules.Delete(project, region, name).Context(ctx).Do()
		}},
		{s.services, func(name string) (*compute.Operation, error) {
			return c.compute.RegionBackendServices.Delete(project, region, name).Context(ctx).Do()
		}},
		{s.pools, func(name string) (*compute.Operation, error) {
			return c.compute.TargetPools.Delete(project, region, name).Context(ctx).Do()
		}},
		{s.checks, func(name string) (*compute.Operation, error) {
			return c.compute.RegionHealthChecks.Delete(project, region, name).Context(ctx).Do()
		}},
	} {
		for _, name := range layer.names {
			if err := c.deleteStray(layer.remove(name)); err != nil {
				return err
			}
		}
		if len(layer.names) > 0 {
			return errMore
		}
	}
	for _, group := range s.groups {
		if err := c.deleteStray(c.compute.NetworkEndpointGroups.Delete(project, group.zone, group.name).Context(ctx).Do()); err != nil {
			return err
		}
	}
	if len(s.groups) > 0 {
		return errMore
	}
	for _, name := range s.firewalls {
		if err := c.deleteStray(c.compute.Firewalls.Delete(project, name).Context(ctx).Do()); err != nil {
			return err
		}
	}
	return nil
}

// errMore says that one layer is on its way out and that the next cannot be deleted yet.
var errMore = &busyError{errors.New("parts of load balancers are being deleted, the others follow")}

// deleteStray is the error of a deletion; that it is under way already, or done, is none.
func (c *cloud) deleteStray(_ *compute.Operation, err error) error {
	if err == nil || c.gone(err) || hasReason(err, "resourceNotReady") {
		return nil
	}
	return err
}

// hasReason says whether an error has one of Google's reasons.
func hasReason(err error, reason string) bool {
	_, codes, _ := anatomy(err)
	return slices.Contains(codes, reason)
}

// addVolumes adds the disks that are left of volumes. They are data, and belong to nothing else.
func (c *cloud) addVolumes(g *engine.Graph, enabled engine.Dependency) engine.Output[[]*compute.Disk] {
	return add(c, g, engine.Resource[[]*compute.Disk]{
		Name: "cluster/volumes", Kind: "volumes that Kubernetes made", Part: true, Data: true,
		Find: func(ctx context.Context) (engine.State[[]*compute.Disk], error) {
			disks, err := c.volumes(ctx)
			if err != nil || len(disks) == 0 {
				return engine.State[[]*compute.Disk]{}, err
			}
			return engine.State[[]*compute.Disk]{Condition: engine.Ready, Output: disks, Detail: fmt.Sprintf("%d disks", len(disks))}, nil
		},
		Delete: func(ctx context.Context, have engine.State[[]*compute.Disk]) error {
			for _, disk := range have.Output {
				if err := c.deleteStray(c.compute.Disks.Delete(c.project(), last(disk.Zone), disk.Name).Context(ctx).Do()); err != nil {
					return err
				}
			}
			return nil
		},
	}, enabled)
}

// Labels that GKE gives a volume's disk. It names the cluster only where costs are told apart by it.
const (
	labelVolume   = "goog-gke-volume"
	labelGKE      = "goog-k8s-cluster-name"
	labelLocation = "goog-k8s-cluster-location"
)

// volumes are the disks of the cluster's volumes. Those that are in use are among them: data that is there when a run begins
// is kept by it.
func (c *cloud) volumes(ctx context.Context) ([]*compute.Disk, error) {
	return c.disks(ctx, func(disk *compute.Disk) bool {
		return disk.Labels[labelGKE] == c.Cluster.Name && disk.Labels[labelLocation] == c.region()
	})
}

// orphans are disks of volumes in the cluster's zones that nothing uses, and that do not say whose they were.
func (c *cloud) orphans(ctx context.Context) ([]*compute.Disk, error) {
	return c.disks(ctx, func(disk *compute.Disk) bool {
		return disk.Labels[labelGKE] == "" && len(disk.Users) == 0 && slices.Contains(c.Cluster.Provider.Zones, last(disk.Zone))
	})
}

// disks are those of volumes that fit.
func (c *cloud) disks(ctx context.Context, fits func(*compute.Disk) bool) ([]*compute.Disk, error) {
	var disks []*compute.Disk
	list := c.compute.Disks.AggregatedList(c.project()).Filter("labels." + labelVolume + ":*").ReturnPartialSuccess(true)
	err := list.Pages(ctx, func(page *compute.DiskAggregatedList) error {
		for _, scope := range page.Items {
			for _, disk := range scope.Disks {
				if _, volume := disk.Labels[labelVolume]; volume && disk.Zone != "" && fits(disk) {
					disks = append(disks, disk)
				}
			}
		}
		return nil
	})
	return disks, err
}
