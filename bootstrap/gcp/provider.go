package gcp

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"google.golang.org/api/cloudkms/v1"
	"google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/compute/v1"
	"google.golang.org/api/container/v1"
	"google.golang.org/api/dns/v1"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/option"
	"google.golang.org/api/serviceusage/v1"
	"google.golang.org/api/storage/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// cloud is one cluster's place in one project and region.
type cloud struct {
	provider.Target
	credentials *credentials
	compute     *compute.Service
	container   *container.Service
	dns         *dns.Service
	iam         *iam.Service
	kms         *cloudkms.Service
	projects    *cloudresourcemanager.Service
	services    *serviceusage.Service
	storage     *storage.Service
	// begun are the operations that this run began and that have not ended.
	begun operations
	// leaseGoes says that this run removes the lease's bucket, which is the last that it does.
	leaseGoes atomic.Bool
	// hash is how GKE tells clusters apart, once ours was seen.
	hash atomic.Value
	// place and cluster are known after Resources.
	place   engine.Output[project]
	cluster engine.Output[controlPlane]
}

// New takes credentials as Google's own tools do: GOOGLE_APPLICATION_CREDENTIALS, `gcloud auth application-default login`,
// or the machine's service account. Nothing is called yet.
func New(ctx context.Context, t provider.Target) (provider.Provider, error) {
	c := &cloud{Target: t, credentials: findCredentials(ctx, t)}
	client := option.WithHTTPClient(c.credentials.client())
	var errs [8]error
	c.compute, errs[0] = compute.NewService(ctx, client)
	c.container, errs[1] = container.NewService(ctx, client)
	c.dns, errs[2] = dns.NewService(ctx, client)
	c.iam, errs[3] = iam.NewService(ctx, client)
	c.kms, errs[4] = cloudkms.NewService(ctx, client)
	c.projects, errs[5] = cloudresourcemanager.NewService(ctx, client)
	c.services, errs[6] = serviceusage.NewService(ctx, client)
	c.storage, errs[7] = storage.NewService(ctx, client)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("make the clients of Google Cloud: %w", err)
	}
	return c, nil
}

// project is the project's ID.
func (c *cloud) project() string { return c.Cluster.Provider.Account }

func (c *cloud) region() string { return c.Cluster.Provider.Region }

// called is the name of everything that has a name of its own in the project: it follows from the cluster, so that two
// runs cannot make two of a thing.
func (c *cloud) called() string { return "opsgen-" + c.Cluster.Name }

// Headline implements provider.Provider.
func (c *cloud) Headline() string {
	p := c.Cluster.Provider
	return fmt.Sprintf("gcp %s %s · GKE %s · %d zones", p.Account, p.Region, c.Cluster.Kubernetes, len(p.Zones))
}

// Leases implements provider.Provider.
func (c *cloud) Leases() engine.Leases { return leases{c} }

// Resources implements provider.Provider.
func (c *cloud) Resources(g *engine.Graph) (provider.Kubernetes, error) {
	if len(c.Cluster.Provider.Zones) == 0 || c.project() == "" || c.region() == "" {
		return provider.Kubernetes{}, errors.New("GKE needs a project, a region and at least one zone; write provider.account, provider.region and provider.zones in cluster.yaml")
	}
	enabled := c.addProject(g)
	network := c.addNetwork(g, enabled)
	buckets := c.addBuckets(g, enabled)
	zone := c.addZone(g, buckets.first, enabled)
	records := c.addRecords(g, zone)
	nodes := c.addNodeIdentity(g, enabled)
	key := c.addKey(g, enabled)
	volumes := c.addVolumes(g, enabled)
	ready := c.addCluster(g, network, nodes, key, records, volumes)
	ready = append(ready, network.way)
	ready = append(ready, c.addRights(g, buckets, zone)...)
	return provider.Kubernetes{After: ready, Config: c.restConfig, Kubeconfig: c.kubeconfig}, nil
}
