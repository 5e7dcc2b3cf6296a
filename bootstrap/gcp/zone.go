package gcp

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/dns/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// domain is the zone's name as DNS writes it.
func (c *cloud) domain() string { return strings.TrimSuffix(c.Cluster.DNS.Zone, ".") + "." }

// zoneName is what the zone is called in the project: the one that cluster.yaml names, or ours.
func (c *cloud) zoneName() string { return cmp.Or(c.Cluster.DNS.ZoneID, c.called()) }

// addZone adds the DNS zone: the one that cluster.yaml names, or one of our own. It is data: a zone that is made anew has
// other name servers, and whoever delegated it has to do that again.
func (c *cloud) addZone(g *engine.Graph, lease, enabled engine.Dependency) engine.Output[string] {
	const name = "dns/zone"
	r := engine.Resource[string]{Name: name, Kind: "DNS zone", ID: c.domain(), Expected: 5 * time.Second}
	r.Find = func(ctx context.Context) (engine.State[string], error) {
		zone, err := c.dns.ManagedZones.Get(c.project(), c.zoneName()).Context(ctx).Do()
		if err != nil {
			return engine.State[string]{}, err
		}
		found := engine.State[string]{Condition: engine.Ready, Output: zone.Name, Tags: tags(zone.Labels), Detail: strings.Join(sortedNames(zone.NameServers), ", ")}
		if zone.DnsName != c.domain() {
			found.Drift = []engine.Change{{Field: "name", Have: zone.DnsName, Want: c.domain()}}
		}
		return found, nil
	}
	if c.Cluster.DNS.ZoneID != "" {
		r.Given = true
		return add(c, g, r, enabled)
	}
	r.Data, r.Uses = true, []engine.Use{{Item: "gcp/dns-zone", Quantity: 1}}
	r.Create = func(ctx context.Context) error {
		_, err := c.dns.ManagedZones.Create(c.project(), &dns.ManagedZone{
			Name: c.zoneName(), DnsName: c.domain(), Description: "opsgen: cluster " + g.Cluster, Visibility: "public", Labels: labels(g.Tags(name)),
		}).Context(ctx).Do()
		return err
	}
	r.Delete = func(ctx context.Context, _ engine.State[string]) error { return c.deleteZone(ctx) }
	return add(c, g, r, lease, enabled)
}

// deleteZone removes the records, which nobody serves any more, and the zone.
func (c *cloud) deleteZone(ctx context.Context) error {
	records, err := c.records(ctx)
	if err != nil {
		return err
	}
	records = slices.DeleteFunc(records, func(r *dns.ResourceRecordSet) bool {
		return r.Name == c.domain() && (r.Type == "NS" || r.Type == "SOA") // these go with the zone
	})
	if err := c.deleteRecords(ctx, records); err != nil {
		return err
	}
	return c.dns.ManagedZones.Delete(c.project(), c.zoneName()).Context(ctx).Do()
}

// records are all of the zone.
func (c *cloud) records(ctx context.Context) ([]*dns.ResourceRecordSet, error) {
	var records []*dns.ResourceRecordSet
	err := c.dns.ResourceRecordSets.List(c.project(), c.zoneName()).Pages(ctx, func(page *dns.ResourceRecordSetsListResponse) error {
		records = append(records, page.Rrsets...)
		return nil
	})
	return records, err
}

// mostRecords is how many records one change may hold.
const mostRecords = 200

func (c *cloud) deleteRecords(ctx context.Context, records []*dns.ResourceRecordSet) error {
	for part := range slices.Chunk(records, mostRecords) {
		if _, err := c.dns.Changes.Create(c.project(), c.zoneName(), &dns.Change{Deletions: part}).Context(ctx).Do(); err != nil {
			return err
		}
	}
	return nil
}

// addRecords adds what external-dns wrote into the zone, also into one that is not ours: it never removes anything itself.
// It depends on the zone, and the cluster depends on it: nothing to do on the way up, and gone before the zone on the way
// down, when nobody is left who would write them again.
func (c *cloud) addRecords(g *engine.Graph, zone engine.Output[string]) engine.Output[[]*dns.ResourceRecordSet] {
	return add(c, g, engine.Resource[[]*dns.ResourceRecordSet]{
		Name: "dns/records", Kind: "records that external-dns wrote", Part: true,
		Find: func(ctx context.Context) (engine.State[[]*dns.ResourceRecordSet], error) {
			all, err := c.records(ctx)
			if err != nil {
				return engine.State[[]*dns.ResourceRecordSet]{}, err
			}
			ours := c.written(all)
			if len(ours) == 0 {
				return engine.State[[]*dns.ResourceRecordSet]{}, nil
			}
			return engine.State[[]*dns.ResourceRecordSet]{Condition: engine.Ready, Output: ours, Detail: fmt.Sprintf("%d records", len(ours))}, nil
		},
		Delete: func(ctx context.Context, have engine.State[[]*dns.ResourceRecordSet]) error {
			return c.deleteRecords(ctx, have.Output)
		},
	}, zone)
}

// written are the records that external-dns wrote for this cluster.
func (c *cloud) written(all []*dns.ResourceRecordSet) []*dns.ResourceRecordSet {
	records := make([]provider.Record, len(all))
	for i, r := range all {
		records[i] = provider.Record{Name: r.Name, Type: r.Type, Texts: r.Rrdatas}
	}
	var ours []*dns.ResourceRecordSet
	for _, at := range provider.Written(records, provider.RecordsOwner(c.Cluster.Name, c.Cluster.Domain)) {
		ours = append(ours, all[at])
	}
	return ours
}
