package diff

// Report says what differs between two states of the repository.
type Report struct {
	// From and To are the two states as the user called them; To is "working tree" for the files on disk.
	From string `json:"from"`
	To   string `json:"to"`
	// Dangers are those of the whole bundle; each cluster has its own.
	Dangers []Danger `json:"dangers"`
	// Clusters are the clusters in which something differs, sorted by name.
	Clusters []Cluster `json:"clusters"`
	// Unchanged are the names of all others.
	Unchanged []string `json:"unchanged"`
}

// Cluster says what differs in one cluster.
type Cluster struct {
	Name string `json:"name"`
	// State is "added" or "removed" for a whole cluster, and empty otherwise.
	State string `json:"state,omitempty"`
	// Dangers are what a reviewer must see first.
	Dangers []Danger `json:"dangers"`
	// TenantsAdded and TenantsRemoved are names of tenants.
	TenantsAdded   []string `json:"tenantsAdded"`
	TenantsRemoved []string `json:"tenantsRemoved"`
	// Restarts are the workloads whose pods are replaced, as IDs of objects.
	Restarts []string `json:"restarts"`
	// Pods is the number of pods that are replaced, those of DaemonSets not counted.
	Pods int `json:"pods"`
	// Capacity is what the change costs; nil where it costs nothing.
	Capacity *Capacity `json:"capacity,omitempty"`
	// Groups are the changes by layer and component, in the order in which Flux applies the layers.
	Groups []Group `json:"groups"`
}

// Group is what changes in one component of a layer, or in one tenant.
type Group struct {
	// Name is "<layer>/<component>" or "tenants/<tenant>".
	Name string `json:"name"`
	// Added, Changed and Removed count objects; moved and renamed ones are changed.
	Added   int `json:"added"`
	Changed int `json:"changed"`
	Removed int `json:"removed"`
	// Changes are the objects.
	Changes []Change `json:"changes"`
}

// Kinds of changes.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
	// Moved is an object that another Flux Kustomization applies from now on.
	Moved = "moved"
	// Renamed is an object that goes while one of the same content comes.
	Renamed = "renamed"
)

// Change is one object that differs.
type Change struct {
	Kind string `json:"kind"`
	// Object is "Kind namespace/name", as it is called now.
	Object string `json:"object"`
	// From is the object's ID before a rename, or its folder before a move.
	From string `json:"from,omitempty"`
	// Folder is the folder of its file, "<layer>/<unit>".
	Folder string `json:"folder"`
	// Fields are the differences; none for objects that come or go.
	Fields []Field `json:"fields,omitempty"`
	// Effect says what happens in the cluster: "restarts 7 pods", "reloaded live"; empty where it is only applied.
	Effect string `json:"effect,omitempty"`

	before, after *item
}

// Danger is something that a reviewer must see, in words.
type Danger struct {
	// Rule is the rule's name; Rules explains it.
	Rule string `json:"rule"`
	// Effect is what is at stake: "Data loss", "Cannot be applied", "Outage", "Exposure", "Silence" or "Compatibility".
	Effect string `json:"effect"`
	// Objects are the IDs of objects, or tenants' folders, that the message is true of.
	Objects []string `json:"objects"`
	// Message is one or two sentences.
	Message string `json:"message"`
}

// String is the danger on one line: what is at stake, whose, and the message.
func (d Danger) String() string { return d.Effect + ": " + d.who() + ": " + d.Message }

// Count is the number of all dangers.
func (r *Report) Count() int {
	count := len(r.Dangers)
	for _, c := range r.Clusters {
		count += len(c.Dangers)
	}
	return count
}
