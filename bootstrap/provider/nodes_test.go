package provider_test

import (
	"testing"

	"github.com/opsgen/opsgen/bootstrap/price"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/cluster"
)

// TestNodesInZone: fewer nodes than the capacity needs, or more than cluster.yaml allows, would be somebody's bad night.
func TestNodesInZone(t *testing.T) {
	for name, test := range map[string]struct {
		nodes, mostNodes, allowed, zones int
		want                             string
	}{
		"nothing is asked for":               {0, 0, 0, 3, "1-2"},
		"zones are alike":                    {5, 5, 0, 3, "2-3"},
		"pods that are scaled":               {6, 11, 0, 3, "2-5"},
		"a bound":                            {6, 11, 10, 3, "2-3"},
		"a bound with room":                  {6, 6, 24, 3, "2-8"},
		"a bound that is exactly the need":   {6, 6, 6, 3, "2-2"},
		"a bound below the need of one zone": {6, 6, 3, 3, "2-2"},
		"one zone":                           {2, 2, 0, 1, "2-3"},
	} {
		c := &cluster.Cluster{Provider: cluster.Provider{Zones: make([]string, test.zones), MaxNodes: test.allowed}}
		target := provider.Target{Cluster: c, Amounts: price.Amounts{Nodes: test.nodes, MostNodes: test.mostNodes}}
		if got := target.NodesInZone().String(); got != test.want {
			t.Errorf("%s: %s nodes in a zone, want %s", name, got, test.want)
		}
	}
}
