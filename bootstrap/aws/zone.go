package aws

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// zoneResource is the zone's name in the graph.
const zoneResource = "dns/zone"

// addZone adds the DNS zone: the one that cluster.yaml names by its ID, or one of our own. It is data: a zone that is made
// anew has other name servers, and whoever delegated it has to do that again.
func (a *amazon) addZone(g *engine.Graph, lease engine.Dependency) engine.Output[string] {
	const name = zoneResource
	domain := strings.TrimSuffix(a.Cluster.DNS.Zone, ".") + "."
	r := engine.Resource[string]{Name: name, Kind: "DNS zone", ID: strings.TrimSuffix(domain, "."), Expected: 5 * time.Second}
	if id := a.Cluster.DNS.ZoneID; id != "" {
		r.Given = true
		r.Find = func(ctx context.Context) (engine.State[string], error) {
			answer, err := a.route53.GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: &id})
			if err != nil {
				return engine.State[string]{}, err
			}
			found := engine.State[string]{Condition: engine.Ready, Output: id}
			if have := aws.ToString(answer.HostedZone.Name); have != domain {
				found.Drift = []engine.Change{{Field: "name", Have: have, Want: domain}}
			}
			return found, nil
		}
		return add(a, g, r)
	}
	r.Data, r.Uses = true, []engine.Use{{Item: "aws/dns-zone", Quantity: 1}}
	r.Find = func(ctx context.Context) (engine.State[string], error) { return a.findZone(ctx, g, name, domain) }
	r.Create = func(ctx context.Context) error {
		_, err := a.route53.CreateHostedZone(ctx, &route53.CreateHostedZoneInput{
			Name: &domain, CallerReference: aws.String(reference(g.Cluster) + a.run),
			HostedZoneConfig: &types.HostedZoneConfig{Comment: aws.String("opsgen: cluster " + g.Cluster)},
		})
		return err
	}
	r.Delete = func(ctx context.Context, have engine.State[string]) error {
		return a.deleteZone(ctx, have.Output, domain)
	}
	return add(a, g, r, lease)
}

// reference begins the caller references of a cluster's zones. Route 53 gives a zone tags only in a second call, before
// which a run may be killed; the reference is given with the zone and is shown with it, so it says whose the zone is.
func reference(cluster string) string { return "opsgen.io/" + cluster + "/" }

func (a *amazon) findZone(ctx context.Context, g *engine.Graph, name, domain string) (engine.State[string], error) {
	answer, err := a.route53.ListHostedZonesByName(ctx, &route53.ListHostedZonesByNameInput{DNSName: &domain})
	if err != nil {
		return engine.State[string]{}, err
	}
	var found engine.State[string]
	for _, zone := range answer.HostedZones {
		if aws.ToString(zone.Name) != domain || zone.Config != nil && zone.Config.PrivateZone {
			continue
		}
		found = engine.State[string]{
			Condition: engine.Ready, Output: strings.TrimPrefix(aws.ToString(zone.Id), "/hostedzone/"),
			Detail: "there is such a zone; to use it, write its ID as dns.zoneID in cluster.yaml",
		}
		if strings.HasPrefix(aws.ToString(zone.CallerReference), reference(g.Cluster)) {
			servers, err := a.nameServers(ctx, found.Output)
			found.Detail, found.Tags = strings.Join(servers, ", "), g.Tags(name)
			return found, err
		}
	}
	return found, nil
}

// deleteZone removes the records, which nobody serves any more, and the zone.
func (a *amazon) deleteZone(ctx context.Context, id, domain string) error {
	pages := route53.NewListResourceRecordSetsPaginator(a.route53, &route53.ListResourceRecordSetsInput{HostedZoneId: &id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		var changes []types.Change
		for _, set := range page.ResourceRecordSets {
			if aws.ToString(set.Name) == domain && (set.Type == types.RRTypeNs || set.Type == types.RRTypeSoa) {
				continue // these go with the zone
			}
			changes = append(changes, types.Change{Action: types.ChangeActionDelete, ResourceRecordSet: &set})
		}
		if len(changes) == 0 {
			continue
		}
		batch := &types.ChangeBatch{Changes: changes}
		if _, err := a.route53.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{HostedZoneId: &id, ChangeBatch: batch}); err != nil {
			return err
		}
	}
	_, err := a.route53.DeleteHostedZone(ctx, &route53.DeleteHostedZoneInput{Id: &id})
	return err
}
