package diff

import (
	"cmp"
	"slices"
	"time"
)

// Info describes a rule for the documentation.
type Info struct {
	// Name is what a danger's Rule says.
	Name string `json:"name"`
	// Explains says in a sentence what the rule finds, and why it matters.
	Explains string `json:"explains"`
}

type rule struct {
	name, explains string
	find           func(*scene, *findings) error
}

// rules are all rules about a cluster, those that lose data first: dangers are reported in this order.
func rules() []rule {
	return slices.Concat(dataRules(), schemaRules(), workloadRules(), fluxRules(), exposureRules())
}

// kubernetesRange is the one rule about the whole bundle.
const kubernetesRange = "kubernetes-range"

// Rules describes all rules, in the order in which dangers are reported.
func Rules() []Info {
	list := []Info{{kubernetesRange, "The range of Kubernetes minors in versions.yaml no longer has one that it had: a cluster may be outside now."}}
	for _, r := range rules() {
		list = append(list, Info{r.name, r.explains})
	}
	return list
}

// scene is what the rules look at: one cluster's changes, and both trees for what stayed the same.
type scene struct {
	cluster  *Cluster
	changes  []Change
	old, new *Tree
	usage    map[string]Used
	// now is when the change is looked at.
	now time.Time
	// oldIDs and newIDs are the tenants' IDs in Cortex and Loki by name.
	oldIDs, newIDs map[string]string
	// names are the tenants' names by ID.
	names map[string]string
}

// removedTenant says that an object goes with its tenant, which is a danger of its own.
func (s *scene) removedTenant(i *item) bool {
	return i.tenant() != "" && slices.Contains(s.cluster.TenantsRemoved, i.tenant())
}

// gone are the objects of a kind that are no longer there, renamed ones included, but for those of removed tenants.
func (s *scene) gone(kind string) []*item {
	var items []*item
	for _, change := range s.changes {
		if (change.Kind == Removed || change.Kind == Renamed) && change.before.GetKind() == kind && !s.removedTenant(change.before) {
			items = append(items, change.before)
		}
	}
	return items
}

// kept are the changes of objects that are there before and after.
func (s *scene) kept() []Change {
	return slices.DeleteFunc(slices.Clone(s.changes), func(c Change) bool { return c.Kind == Added || c.Kind == Removed || c.Kind == Renamed })
}

// findings are the dangers that one rule found; what is true of several objects is one danger.
type findings struct {
	rule    string
	dangers []Danger
}

func (f *findings) add(effect, object, message string) {
	for i := range f.dangers {
		if d := &f.dangers[i]; d.Effect == effect && d.Message == message {
			d.Objects = append(d.Objects, object)
			return
		}
	}
	f.dangers = append(f.dangers, Danger{Rule: f.rule, Effect: effect, Objects: []string{object}, Message: message})
}

// dangers applies all rules.
func dangers(s *scene) ([]Danger, error) {
	all := []Danger{}
	if s.cluster.State == Removed {
		return append(all, Danger{
			Rule: "cluster-removed", Effect: outage, Objects: []string{"clusters/" + s.cluster.Name},
			Message: "the cluster's folder goes; Flux deletes nothing and fails from then on, and whatever runs is nobody's. " +
				"Take the cluster down first (bootstrap down), then remove the folder.",
		}), nil
	}
	if err := s.identify(); err != nil {
		return nil, err
	}
	for _, r := range rules() {
		f := &findings{rule: r.name}
		if err := r.find(s, f); err != nil {
			return nil, err
		}
		for _, d := range f.dangers {
			slices.Sort(d.Objects)
		}
		slices.SortStableFunc(f.dangers, func(a, b Danger) int { return cmp.Compare(a.Objects[0], b.Objects[0]) })
		all = append(all, f.dangers...)
	}
	slices.SortStableFunc(all, func(a, b Danger) int {
		return cmp.Compare(slices.Index(effectOrder(), a.Effect), slices.Index(effectOrder(), b.Effect))
	})
	return all, nil
}

// What is at stake.
const (
	dataLoss      = "Data loss"
	cannotApply   = "Cannot be applied"
	outage        = "Outage"
	exposure      = "Exposure"
	silence       = "Silence"
	refusal       = "Refused writes"
	compatibility = "Compatibility"
)

// effectOrder is the order in which dangers are reported.
func effectOrder() []string {
	return []string{dataLoss, cannotApply, outage, exposure, silence, refusal, compatibility}
}
