package sizing

// Workload is the computed size of one workload.
type Workload struct {
	// Replicas is the number of pods; for a zonal workload, in each zone.
	Replicas int `json:"replicas"`
	// Zones is the number of zones of a zonal workload, 0 for all others.
	Zones int `json:"zones,omitempty"`
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

// Sizing is the size of every workload, by component and workload name.
type Sizing map[string]map[string]Workload
