package provider

import (
	"fmt"
	"time"
)

// NodeRange is how many nodes a zone has. Which number between the two it is, an autoscaler decides by load.
type NodeRange struct {
	// Least is what the stated capacity needs, and at least one.
	Least int
	// Most is what provider.maxNodes leaves. Where that says nothing, it is what the workloads need that HorizontalPodAutoscalers
	// may make more of, and one more, for pods that do not divide evenly.
	Most int
}

// String is "2-4".
func (r NodeRange) String() string { return fmt.Sprintf("%d-%d", r.Least, r.Most) }

// UpgradeLimit is how long an upgrade of a zone's nodes may take. Both clouds empty one node after the other, and wait for
// disruption budgets; 5 minutes a node are usual.
func (r NodeRange) UpgradeLimit() time.Duration {
	return time.Hour + time.Duration(r.Most)*20*time.Minute
}

// NodesInZone says how many nodes each zone has.
func (t *Target) NodesInZone() NodeRange {
	zones := len(t.Cluster.Provider.Zones)
	share := func(nodes int) int { return max(1, (nodes+zones-1)/zones) }
	least := share(t.Amounts.Nodes)
	if most := t.Cluster.Provider.MaxNodes; most > 0 {
		return NodeRange{Least: least, Most: max(least, most/zones)}
	}
	return NodeRange{Least: least, Most: max(least, share(t.Amounts.MostNodes)) + 1}
}
