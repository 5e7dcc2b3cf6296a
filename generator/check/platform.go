package check

import (
	"fmt"
	"slices"
	"strings"
)

// Platform checks what the units of the platform say about each other. external are objects that are promised to be in
// the cluster without being rendered, as "Secret/namespace/name" ("ClusterIssuer/name" without a namespace). The Index
// answers the same questions for each tenant.
func (c *Checker) Platform(units []Unit, external ...string) (*Index, []Finding) {
	x := newIndex(c, nil, units, external)
	r := &report{}
	x.check(r)
	x.kustomizations(r)
	x.sharedLabels(r)
	x.settledSettings(r)
	return x, settle(r, units, platformScope)
}

// Tenant checks what the units of one tenant say about each other and about the platform. Its cost depends on these
// units only. It is safe for concurrent use.
func (x *Index) Tenant(units ...Unit) []Finding {
	t := newIndex(x.checker, x, units, nil)
	r := &report{}
	t.boundaries(r)
	t.applied(r)
	t.check(r)
	t.flowsToTenant(r)
	return settle(r, units, platformScope)
}

// check applies the rules that hold for platform and tenants alike.
func (x *Index) check(r *report) {
	x.duplicates(r)
	for u, o := range objectsOf(x.units) {
		s := subject{r, u, o}
		x.namespace(s)
		x.layer(s)
		x.references(s)
		x.addresses(s)
		x.dnsAnnotations(s)
	}
	x.certificateSecrets(r)
	x.decryption(r)
	for _, namespace := range sortedKeys(x.spaces) {
		space := x.spaces[namespace]
		for _, p := range space.pods {
			s := subject{r, p.unit, p.object}
			x.podSecurity(s, p)
			x.fenced(s, p)
			x.budgeted(s, p)
			x.flows(s, p)
		}
		for _, name := range sortedKeys(space.services) {
			x.backends(r, space.services[name])
		}
		for i, p := range space.policies {
			x.idlePolicy(subject{r, space.policyEntries[i].unit, space.policyEntries[i].object}, p)
		}
		for _, b := range space.budgets {
			x.drains(subject{r, b.unit, b.object}, b)
		}
	}
}

// duplicates finds objects that two units, or one unit twice, would make.
func (x *Index) duplicates(r *report) {
	for u, o := range objectsOf(x.units) {
		first := x.keys[o.Key()]
		if x.parent != nil && x.parent.keys[o.Key()] != nil {
			first = x.parent.keys[o.Key()]
		}
		if first.object == o {
			continue
		}
		where := "the same unit"
		if first.unit.folder() != u.folder() {
			where = first.unit.folder()
		}
		if first.object.Origin != "" {
			where += ", from " + first.object.Origin
		}
		r.add(u, o, ruleDuplicate, "", "Make it once, from one base.", "is made by %s too", where)
	}
}

// always are the namespaces of every cluster.
var always = []string{"default", "kube-system", "kube-public", "kube-node-lease"}

// namespace finds objects in namespaces that nothing makes.
func (x *Index) namespace(s subject) {
	namespace := s.object.GetNamespace()
	if namespace == "" || slices.Contains(always, namespace) || x.exists("Namespace", "", namespace) {
		return
	}
	if s.unit.Tenant != "" && namespace == tenantPrefix+s.unit.Tenant {
		return // made by a shard, which need not be among the platform's units
	}
	s.add(ruleNamespace, "metadata.namespace", "Correct the name, or let a component have that namespace.", "no unit makes the namespace %s", namespace)
}

// layerIndex knows who serves which custom kinds.
type layerIndex struct {
	// definers are the components whose crds unit has a definition of the group.
	definers map[string]string
	// controllers are the layers in which components have workloads, the last one where there are several.
	controllers map[string]int
}

func newLayerIndex() layerIndex {
	return layerIndex{definers: map[string]string{}, controllers: map[string]int{}}
}

// layerNames are the layers in the order in which Flux applies them.
var layerNames = []string{"crds", "controllers", "config", "platform", "tenants"}

func (l layerIndex) learn(e *entry) {
	switch e.object.GetKind() {
	case "CustomResourceDefinition":
		l.definers[text(e.object.Object, "spec", "group")] = e.unit.Component
	case "Deployment":
		if n := slices.Index(layerNames, e.unit.Layer); n > l.controllers[e.unit.Component] {
			l.controllers[e.unit.Component] = n
		}
	}
}

// layer finds custom resources that would be applied before their controller's webhook answers.
func (x *Index) layer(s subject) {
	if s.unit.Layer == clusterLayer {
		return
	}
	top := x
	for top.parent != nil {
		top = top.parent
	}
	group, _, found := strings.Cut(s.object.GetAPIVersion(), "/")
	component, custom := top.layers.definers[group]
	if !found || !custom {
		return
	}
	after := top.layers.controllers[component]
	if n := slices.Index(layerNames, s.unit.Layer); n >= 0 && n <= after {
		s.add(ruleLayerOrder, "", fmt.Sprintf("Put it into a later layer than %s, such as config.", layerNames[after]),
			"a %s must come after %s, whose controller is in layer %s", s.object.GetKind(), component, layerNames[after])
	}
}
