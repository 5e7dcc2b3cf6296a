package repository

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/quantity"
)

// RemovedFile lists the tenants that `opsgen tenant remove` removed, so that nobody gets their data by chance.
const RemovedFile = "tenants/removed.yaml"

// Removed is a tenant that was removed and whose data may still be there.
type Removed struct {
	// Name was the folder's name.
	Name string `json:"name" jsonschema:"required"`
	// ID was the tenant's ID in Cortex and Loki.
	ID string `json:"id" jsonschema:"required"`
	// Clusters are those that it lived on; "*" is every cluster.
	Clusters []string `json:"clusters" jsonschema:"required"`
	// MetricsRetention and LogsRetention are what its tenant.yaml said; 0 where that was left to the cluster.
	MetricsRetention quantity.Duration `json:"metricsRetention,omitempty"`
	LogsRetention    quantity.Duration `json:"logsRetention,omitempty"`
	// Erase has the clusters delete the tenant's data now, and not when its retention ends.
	Erase bool `json:"erase,omitempty"`
}

// removedList is RemovedFile.
type removedList struct {
	// Tenants are sorted by name; of several with one name, the last one was removed last.
	Tenants []Removed `json:"tenants"`
}

// loadRemoved reads RemovedFile; there are none where it does not exist. The error is document.Problems.
func (r *Repository) loadRemoved() ([]Removed, error) {
	data, err := r.text(RemovedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, document.Problems{{File: RemovedFile, Message: "cannot be read: " + reason(err)}}
	}
	var list removedList
	if _, err := document.Decode(RemovedFile, data, &list); err != nil {
		return nil, err
	}
	return list.Tenants, nil
}

const removedHead = `# Tenants that were removed, by opsgen tenant remove. Their data stays until its retention, and no other tenant may
# have their ID: it would read that data. An entry may go when the longest retention has passed, or when
# opsgen tenant erased says that nothing is left.
`

// RemovedText is the text of RemovedFile with these entries.
func RemovedText(removed []Removed) (string, error) {
	sorted := slices.SortedStableFunc(slices.Values(removed), func(a, b Removed) int { return strings.Compare(a.Name, b.Name) })
	text, err := yaml.Marshal(removedList{Tenants: append([]Removed{}, sorted...)})
	return removedHead + string(text), err
}
