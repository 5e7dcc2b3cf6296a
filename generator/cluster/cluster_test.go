package cluster_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/cluster"
)

func TestDefaultsOfACloud(t *testing.T) {
	c := cluster.Cluster{Name: "prod", Domain: "obs.example.com", Provider: cluster.Provider{Name: cluster.AWS, Zones: []string{"x1", "x2", "x3"}}}
	c.Capacity.Metrics.Retention = 90 * 24 * 3600e9
	c.Capacity.Logs.Retention = 60 * 24 * 3600e9
	c.SetDefaults("1.36")
	for field, pair := range map[string][2]string{
		"kubernetes": {c.Kubernetes, "1.36"}, "metrics bucket": {c.Provider.Storage.Metrics, "prod-metrics"},
		"topology": {c.Options.Topology, cluster.Microservices}, "issuer": {c.Certificates.Issuer, cluster.ACME},
		"zone": {c.DNS.Zone, "obs.example.com"}, "metrics range": {c.Capacity.Metrics.MaxQueryRange.String(), "90d"},
		"logs range": {c.Capacity.Logs.MaxQueryRange.String(), "30d"}, "interval": {c.Source.Interval.String(), "1m"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", field, pair[0], pair[1])
		}
	}
	want := []cluster.Zone{{ID: "a", Name: "x1"}, {ID: "b", Name: "x2"}, {ID: "c", Name: "x3"}}
	if diff := cmp.Diff(want, c.Zones()); diff != "" || c.BundledStorage() {
		t.Error(diff, c.BundledStorage())
	}
}

func TestDefaultsOfASmallCluster(t *testing.T) {
	c := cluster.Cluster{Name: "lab", Provider: cluster.Provider{Name: cluster.Existing}, Options: cluster.Options{Topology: cluster.SingleBinary}}
	c.SetDefaults("1.36")
	if c.Options.Replication != 1 || len(c.Zones()) != 0 || c.Certificates.Issuer != cluster.SelfSigned || !c.BundledStorage() {
		t.Errorf("got %+v", c)
	}
	c.Provider.Storage.Endpoint = "s3.example.com"
	if c.BundledStorage() {
		t.Error("a cluster with its own object storage gets the bundled one too")
	}
}

func TestZonesWithoutNames(t *testing.T) {
	c := cluster.Cluster{Options: cluster.Options{Topology: cluster.Microservices, Replication: 3}}
	if zones := c.Zones(); len(zones) != 3 || zones[2].ID != "c" || zones[2].Name != "" {
		t.Errorf("got %v", zones)
	}
}
