package gcp

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/dns/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
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
			ours := written(all, recordsOwner(c.Cluster.Name, c.Cluster.Domain))
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

// recordsOwner is the owner that the renderer tells external-dns to write beside its records (bases/external-dns); a test
// compares both.
func recordsOwner(cluster, domain string) string {
	sum := sha256.Sum256([]byte(domain))
	return cluster + "-" + hex.EncodeToString(sum[:])[:8]
}

// written are the records of one owner. Beside each of its records, external-dns writes a TXT record with its owner, whose
// name begins with the record's type (external-dns 0.22, registry/txt; the prefix and the word for * are bases/external-dns').
func written(all []*dns.ResourceRecordSet, owner string) []*dns.ResourceRecordSet {
	var ours []*dns.ResourceRecordSet
	for _, mark := range all {
		kind, name, found := strings.Cut(mark.Name, "-edns.")
		// The owner ends with a comma or a quote: another's name may begin with ours.
		isOurs := slices.ContainsFunc(mark.Rrdatas, func(text string) bool {
			return strings.Contains(text, "heritage=external-dns,") &&
				(strings.Contains(text, "external-dns/owner="+owner+",") || strings.Contains(text, "external-dns/owner="+owner+`"`))
		})
		if mark.Type != "TXT" || !found || !isOurs {
			continue
		}
		if rest, isWildcard := strings.CutPrefix(name, "wildcard."); isWildcard {
			name = "*." + rest
		}
		ours = append(ours, mark)
		for _, record := range all {
			if record.Name == name && record.Type == strings.ToUpper(kind) {
				ours = append(ours, record)
			}
		}
	}
	return ours
}
