package aws

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// addRecords adds what external-dns wrote into the zone, also into one of the user's. The cluster depends on it: nothing to
// do on the way up; on the way down it goes when nobody is left who would write it again.
func (a *amazon) addRecords(g *engine.Graph, zone engine.Output[string]) engine.Dependency {
	return add(a, g, engine.Resource[[]types.ResourceRecordSet]{
		Name: "dns/records", Kind: "records that external-dns wrote", Part: true,
		Find: func(ctx context.Context) (engine.State[[]types.ResourceRecordSet], error) {
			id, err := zone.Get(ctx)
			if err != nil {
				return engine.State[[]types.ResourceRecordSet]{}, err
			}
			ours, err := a.writtenRecords(ctx, id)
			if err != nil || len(ours) == 0 {
				return engine.State[[]types.ResourceRecordSet]{}, err
			}
			return engine.State[[]types.ResourceRecordSet]{Condition: engine.Ready, Output: ours, Detail: fmt.Sprintf("%d records", len(ours))}, nil
		},
		Delete: func(ctx context.Context, have engine.State[[]types.ResourceRecordSet]) error {
			id, err := zone.Get(ctx)
			if err != nil {
				return err
			}
			return a.deleteRecords(ctx, id, have.Output)
		},
	}, zone)
}

// writtenRecords are those of this cluster's external-dns.
func (a *amazon) writtenRecords(ctx context.Context, zone string) ([]types.ResourceRecordSet, error) {
	var sets []types.ResourceRecordSet
	var records []provider.Record
	pages := route53.NewListResourceRecordSetsPaginator(a.route53, &route53.ListResourceRecordSetsInput{HostedZoneId: &zone})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, set := range page.ResourceRecordSets {
			record := provider.Record{Name: strings.ReplaceAll(aws.ToString(set.Name), `\052`, "*"), Type: string(set.Type)}
			for _, value := range set.ResourceRecords {
				record.Texts = append(record.Texts, aws.ToString(value.Value))
			}
			sets, records = append(sets, set), append(records, record)
		}
	}
	var ours []types.ResourceRecordSet
	for _, at := range provider.Written(records, provider.RecordsOwner(a.Cluster.Name, a.Cluster.Domain)) {
		ours = append(ours, sets[at])
	}
	return ours, nil
}

// mostChanges is how many records are deleted in one call; Route 53 takes a thousand.
const mostChanges = 500

// deleteRecords deletes records as they were listed: Route 53 refuses the whole batch when one of them changed meanwhile,
// and they are listed anew then.
func (a *amazon) deleteRecords(ctx context.Context, zone string, sets []types.ResourceRecordSet) error {
	for len(sets) > 0 {
		n := min(len(sets), mostChanges)
		changes := make([]types.Change, n)
		for i := range changes {
			changes[i] = types.Change{Action: types.ChangeActionDelete, ResourceRecordSet: &sets[i]}
		}
		batch := &types.ChangeBatch{Changes: changes}
		if _, err := a.route53.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{HostedZoneId: &zone, ChangeBatch: batch}); err != nil {
			return err
		}
		sets = sets[n:]
	}
	return nil
}
