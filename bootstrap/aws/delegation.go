package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/route53"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// delegationTime is the longest time for asking the DNS.
const delegationTime = 5 * time.Second

// nameServers are those that serve a zone.
func (a *amazon) nameServers(ctx context.Context, id string) ([]string, error) {
	answer, err := a.route53.GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: &id})
	if err != nil || answer.DelegationSet == nil {
		return nil, err
	}
	return sortedNames(answer.DelegationSet.NameServers), nil
}

// sortedNames are names as they are compared.
func sortedNames(names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = strings.ToLower(strings.TrimSuffix(name, "."))
	}
	slices.Sort(list)
	return list
}

// checkDelegation looks whether the world asks the name servers of the zone. Until it does, nobody finds the cluster, and no
// certificate is signed; everything else works, so it is a doubt and no problem.
func (a *amazon) checkDelegation(ctx context.Context) provider.Check {
	check := provider.Check{Name: "DNS delegation"}
	domain := strings.TrimSuffix(a.Cluster.DNS.Zone, ".")
	id := a.Cluster.DNS.ZoneID
	if id == "" {
		found, err := a.findZone(ctx, engine.NewGraph(a.Cluster.Name, a.Bundle.Version), zoneResource, domain+".")
		if err != nil {
			return a.failed(check.Name, err)
		}
		if found.Condition == engine.Absent || found.Tags == nil {
			check.Detail = "no zone yet"
			return check
		}
		id = found.Output
	}
	want, err := a.nameServers(ctx, id)
	switch {
	case a.gone(err):
		check.Problem = fmt.Sprintf("there is no zone %s in this account", id)
		check.Hint = "Check dns.zoneID in cluster.yaml, or leave it out, and a zone is made."
		return check
	case err != nil:
		return a.failed(check.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, delegationTime)
	defer cancel()
	answer, err := a.Target.NameServers(ctx, domain)
	have := sortedNames(answer)
	switch {
	case err == nil && slices.Equal(have, want):
		check.Detail = fmt.Sprintf("%d name servers", len(want))
		return check
	case err != nil || len(have) == 0:
		check.Problem = fmt.Sprintf("the DNS does not know who serves %s", domain)
	default:
		check.Problem = fmt.Sprintf("the DNS says that %s is served by %s", domain, strings.Join(have, ", "))
	}
	check.Warning = true
	check.Hint = fmt.Sprintf("Enter NS records for %s in the zone above it: %s.", domain, strings.Join(want, ", "))
	return check
}
