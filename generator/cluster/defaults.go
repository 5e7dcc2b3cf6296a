package cluster

import (
	"time"

	"github.com/opsgen/opsgen/generator/identity"
	"github.com/opsgen/opsgen/generator/quantity"
)

// Providers.
const (
	AWS      = "aws"
	GCP      = "gcp"
	Existing = "existing"
)

// Topologies.
const (
	Microservices = "microservices"
	SingleBinary  = "single-binary"
)

// Certificate issuers.
const (
	ACME        = "acme"
	ACMEStaging = "acme-staging"
	SelfSigned  = "self-signed"
)

// day is 24 hours.
const day = quantity.Duration(24 * time.Hour)

// SetDefaults fills every field that was left out. newest is the newest Kubernetes minor that the bundle supports.
func (c *Cluster) SetDefaults(newest string) {
	orString(&c.Kubernetes, newest)
	orString(&c.Provider.Storage.Metrics, identity.Bucket(c.Name, identity.Metrics))
	orString(&c.Provider.Storage.Logs, identity.Bucket(c.Name, identity.Logs))
	orString(&c.Provider.Storage.Rules, identity.Bucket(c.Name, identity.Rules))
	orString(&c.Options.Topology, Microservices)
	orString(&c.DNS.Zone, c.Domain)
	if c.Options.Replication == 0 {
		c.Options.Replication = 3
		if c.Options.Topology == SingleBinary {
			c.Options.Replication = 1
		}
	}
	if c.Provider.Name == Existing {
		orString(&c.Certificates.Issuer, SelfSigned)
	}
	orString(&c.Certificates.Issuer, ACME)
	orDuration(&c.Source.Interval, quantity.Duration(time.Minute))
	if c.Login != nil {
		orString(&c.Login.GroupsClaim, "groups")
		orDuration(&c.Login.SessionLifetime, quantity.Duration(12*time.Hour))
		if len(c.Login.Scopes) == 0 {
			c.Login.Scopes = []string{"openid", "profile", "email"}
		}
	}
	c.Capacity.setDefaults()
}

func (c *Capacity) setDefaults() {
	orDuration(&c.Metrics.ScrapeInterval, quantity.Duration(30*time.Second))
	orDuration(&c.Metrics.MaxQueryRange, c.Metrics.Retention)
	orDuration(&c.Logs.MaxQueryRange, min(c.Logs.Retention, 30*day))
	if c.Metrics.QueriesPerSecond == 0 {
		c.Metrics.QueriesPerSecond = 5
	}
	if c.Logs.QueriesPerSecond == 0 {
		c.Logs.QueriesPerSecond = 1
	}
}

// BundledStorage says whether the cluster runs its own small S3 server.
func (c *Cluster) BundledStorage() bool {
	return c.Provider.Name == Existing && c.Provider.Storage.Endpoint == ""
}

// Zone is one of the zones that replicated stateful workloads are split into and rolled by, one after the other.
type Zone struct {
	// ID is "a", "b" or "c": part of names, so that they do not depend on the cloud.
	ID string `json:"id"`
	// Name is the availability zone ("eu-central-1a"); empty where the nodes have no zones.
	Name string `json:"name"`
}

// Zones are the zones of replicated stateful workloads: one for each replica of the data. A single binary has none.
func (c *Cluster) Zones() []Zone {
	if c.Options.Topology == SingleBinary {
		return nil
	}
	zones := make([]Zone, c.Options.Replication)
	for i := range zones {
		zones[i].ID = string(rune('a' + i))
		if i < len(c.Provider.Zones) {
			zones[i].Name = c.Provider.Zones[i]
		}
	}
	return zones
}

func orString(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

func orDuration(field *quantity.Duration, value quantity.Duration) {
	if *field == 0 {
		*field = value
	}
}
