package gcp

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/bootstrap/gcp/gcpfake"
)

// TestPreflight shows what is in the way before the first write, and writes nothing.
func TestPreflight(t *testing.T) {
	credentialsOf(t)
	for name, test := range map[string]struct {
		spoil func(*gcpfake.Cloud, *world)
		check string
		says  string
	}{
		"all is well":          {func(*gcpfake.Cloud, *world) {}, "", ""},
		"revoked credentials":  {func(c *gcpfake.Cloud, _ *world) { c.Refuse["oauth2:token"] = "invalid_grant" }, "credentials", "invalid_grant"},
		"another project":      {func(_ *gcpfake.Cloud, w *world) { w.Cluster.Provider.Account = "another" }, "project", "does not have permission"},
		"no API to begin with": {func(c *gcpfake.Cloud, _ *world) { c.Disabled["storage.googleapis.com"] = true }, "services", "storage.googleapis.com is not enabled"},
		"a right is missing":   {func(c *gcpfake.Cloud, _ *world) { c.Refuse["right:container.clusters.create"] = "no" }, "permissions", "container.clusters.create"},
		"no such zone":         {func(_ *gcpfake.Cloud, w *world) { w.Cluster.Provider.Zones[2] = "europe-west3-z" }, "zones", "europe-west3-z"},
		"another region's":     {func(_ *gcpfake.Cloud, w *world) { w.Cluster.Provider.Zones[2] = "us-central1-a" }, "zones", "us-central1-a"},
		"no such machines":     {func(c *gcpfake.Cloud, _ *world) { c.Broken["machines europe-west3-b"] = true }, "machines", "europe-west3-b has no"},
		"an old version":       {func(_ *gcpfake.Cloud, w *world) { w.Cluster.Kubernetes = "1.20" }, "Kubernetes", "does not offer"},
		"another channel's":    {func(_ *gcpfake.Cloud, w *world) { w.Cluster.Kubernetes = "1.37" }, "Kubernetes", "does not offer"},
		"a quota":              {func(c *gcpfake.Cloud, _ *world) { c.Quotas["N2_CPUS"] = 24 }, "quotas", "N2_CPUS: 24 of 34 are left, 48 are needed"},
		"a bucket's name": {func(c *gcpfake.Cloud, _ *world) {
			c.Put(gcpfake.Item{Kind: "buckets", ID: "acme-logs", Foreign: true})
		}, "bucket names", "acme-logs"},
		"a cluster's name": {func(c *gcpfake.Cloud, _ *world) {
			c.Put(gcpfake.Item{Kind: "clusters", ID: "projects/acme-observability/locations/europe-west3/clusters/prod", Body: map[string]any{"currentMasterVersion": "1.35.1-gke.1"}})
		}, "cluster name", "is not ours"},
		"a zone of another": {func(c *gcpfake.Cloud, _ *world) {
			c.Put(gcpfake.Item{Kind: "managedZones", ID: "projects/acme-observability/managedZones/theirs", Body: map[string]any{"name": "theirs", "dnsName": "obs.example.com."}})
		}, "DNS", "exists"},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := gcpfake.New(time.Second, time.Second)
			w, err := open(t.Context(), killtest.Direct(cloud))
			if err != nil {
				t.Fatal(err)
			}
			test.spoil(cloud, w)
			before := cloud.Snapshot()
			found := ""
			for _, check := range w.Preflight(t.Context()) {
				if check.Problem != "" && !check.Warning {
					found += check.Name + ": " + check.Problem + "\n"
				}
			}
			if (found != "") != (test.check != "") || !strings.HasPrefix(found, test.check) || !strings.Contains(found, test.says) {
				t.Errorf("found %q, want %s: %s", found, test.check, test.says)
			}
			if cloud.Snapshot() != before {
				t.Error("preflight changed something")
			}
		})
	}
}

// TestDelegation: the DNS of the world must ask the zone's name servers.
func TestDelegation(t *testing.T) {
	credentialsOf(t)
	for name, test := range map[string]struct {
		answer []*net.NS
		err    error
		zoneID string
		says   string
	}{
		"as it should be":   {answer: []*net.NS{{Host: "NS-cloud-a2.googledomains.com."}, {Host: "ns-cloud-a1.googledomains.com."}}},
		"not delegated":     {err: &net.DNSError{IsNotFound: true}, says: "zone above it: ns-cloud-a1.googledomains.com, ns-cloud-a2.googledomains.com."},
		"delegated to else": {answer: []*net.NS{{Host: "ns.elsewhere.com."}}, says: "is served by ns.elsewhere.com"},
		"no such zone":      {zoneID: "none", says: "there is no zone none"},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := gcpfake.New(time.Second, time.Second)
			cloud.Put(gcpfake.Item{Kind: "managedZones", ID: "projects/acme-observability/managedZones/opsgen-prod", Body: map[string]any{
				"name": "opsgen-prod", "dnsName": "obs.example.com.", "labels": map[string]any{labelCluster: "prod", labelName: "dns_zone"},
			}})
			w, err := open(t.Context(), killtest.Direct(cloud))
			if err != nil {
				t.Fatal(err)
			}
			w.LookupNS = func(context.Context, string) ([]*net.NS, error) { return test.answer, test.err }
			w.Cluster.DNS.ZoneID = test.zoneID
			check := w.checkDelegation(t.Context())
			if (check.Problem != "") != (test.says != "") || !strings.Contains(check.Problem+" "+check.Hint, test.says) {
				t.Errorf("it says %+v, want %q", check, test.says)
			}
		})
	}
}

// TestAnEmptyProject: with no API enabled but those that a new project has, preflight warns and up enables them.
func TestAnEmptyProject(t *testing.T) {
	credentialsOf(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := gcpfake.New(20*time.Second, 10*time.Second)
		for _, name := range []string{"compute", "container", "dns", "cloudkms", "iam"} {
			cloud.Disabled[name+".googleapis.com"] = true
		}
		line := killtest.Direct(cloud)
		w, err := open(t.Context(), line)
		if err != nil {
			t.Fatal(err)
		}
		warned := false
		for _, check := range w.Preflight(t.Context()) {
			if check.Problem != "" && !check.Warning {
				t.Errorf("%+v", check)
			}
			warned = warned || strings.Contains(check.Problem, "will be enabled")
		}
		if !warned {
			t.Error("preflight does not say that APIs will be enabled")
		}
		if err := errors.Join(up(t.Context(), line), settled(t.Context(), line)); err != nil {
			t.Error(err)
		}
	})
}
