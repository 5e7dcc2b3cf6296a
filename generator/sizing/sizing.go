package sizing

import (
	"maps"
	"slices"
)

// Workload is the computed size of one workload.
type Workload struct {
	// Replicas is the number of pods; for a zonal workload, in each zone; for a tenant's workload, for each tenant.
	Replicas int `json:"replicas"`
	// MaxReplicas is how many pods an autoscaler may make of them; 0 where the number is fixed.
	MaxReplicas int `json:"maxReplicas,omitempty"`
	// Zones is the number of zones of a zonal workload, 0 for all others.
	Zones int `json:"zones,omitempty"`
	// Tenants is the number of tenants that each have these replicas, 0 for a workload that is there once.
	Tenants int `json:"tenants,omitempty"`
	// Sidecar says that the workload is a container in the pods of another workload, not a pod of its own.
	Sidecar bool `json:"sidecar,omitempty"`
	// CPU is the request in Kubernetes notation ("500m", "2"). There is no CPU limit.
	CPU string `json:"cpu"`
	// Memory is request and limit in Kubernetes notation ("512Mi", "16Gi").
	Memory string `json:"memory"`
	// MemoryBytes is Memory in bytes, for settings that are derived from it.
	MemoryBytes int64 `json:"memoryBytes"`
	// Storage is the size of each pod's volume in Kubernetes notation ("100Gi"); empty without a volume.
	Storage string `json:"storage,omitempty"`
	// Why is the arithmetic in one line, for `opsgen size`.
	Why string `json:"why"`
	// Overridden says that cluster.yaml changed the figure.
	Overridden bool `json:"overridden,omitempty"`
}

// Count is how many times the workload runs in the whole cluster, over all zones and tenants; where an autoscaler decides,
// it is the most: nodes are for that.
func (w Workload) Count() int {
	return max(w.Replicas, w.MaxReplicas) * max(w.Zones, 1) * max(w.Tenants, 1)
}

// Sizing is the size of every workload, by component and workload name.
type Sizing map[string]map[string]Workload

// Entry is one workload of a Sizing with its names.
type Entry struct {
	// Component is the component's name ("cortex").
	Component string
	// Name is the workload's name ("ingester").
	Name string
	Workload
}

// Entries are all workloads, sorted by component and name.
func (s Sizing) Entries() []Entry {
	var entries []Entry
	for _, component := range slices.Sorted(maps.Keys(s)) {
		for _, name := range slices.Sorted(maps.Keys(s[component])) {
			entries = append(entries, Entry{Component: component, Name: name, Workload: s[component][name]})
		}
	}
	return entries
}
