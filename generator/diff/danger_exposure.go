package diff

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func exposureRules() []rule {
	return []rule{
		{"network-opened", "A network policy lets more through than before, or is gone.", networkOpened},
		{"rule-deleted", "A recording or alerting rule is deleted: nobody is called any more.", ruleDeleted},
	}
}

func networkOpened(s *scene, f *findings) error {
	for _, i := range s.gone("NetworkPolicy") {
		f.add(exposure, i.ID(), "the network policy is removed: whatever no other policy forbids may now reach its pods, or be reached by them.")
	}
	for _, change := range s.changes {
		if change.after == nil || change.after.GetKind() != "NetworkPolicy" || change.Kind == Renamed {
			continue
		}
		var openings []string
		if change.Kind == Added {
			if s.isNew(change.after) {
				continue
			}
			openings = openedFlows(map[string]any{}, change.after)
		} else {
			openings = append(openedDirections(change.before, change.after), openedFlows(change.before.value, change.after)...)
		}
		for _, opening := range openings {
			f.add(exposure, change.Object, opening)
		}
	}
	return nil
}

// isNew says that a policy comes with the pods that it is for: with its namespace, or with a workload of its unit.
func (s *scene) isNew(policy *item) bool {
	return slices.ContainsFunc(s.changes, func(c Change) bool {
		if c.Kind != Added {
			return false
		}
		return c.after.GetKind() == "Namespace" && c.after.GetName() == policy.GetNamespace() ||
			slices.Contains(workloads(), c.after.GetKind()) && c.after.GetNamespace() == policy.GetNamespace() && c.after.folder == policy.folder
	})
}

// openedDirections finds directions that the policy no longer closes, and pods that it no longer is for.
func openedDirections(before, after *item) []string {
	var openings []string
	for _, direction := range list(before.at("spec", "policyTypes")) {
		if !slices.Contains(list(after.at("spec", "policyTypes")), direction) {
			openings = append(openings, fmt.Sprintf("it no longer restricts %s.", strings.ToLower(fmt.Sprint(direction))))
		}
	}
	if a, b := before.at("spec", "podSelector"), after.at("spec", "podSelector"); !equal(a, b) {
		openings = append(openings, fmt.Sprintf("it is for other pods than before: %s → %s.", short(a), short(b)))
	}
	return openings
}

// openedFlows finds what rules let through that none let through before.
func openedFlows(before map[string]any, after *item) []string {
	var openings []string
	for direction, peers := range map[string]string{"ingress": "from", "egress": "to"} {
		was := list(at(before, "spec", direction))
		for _, rule := range list(after.at("spec", direction)) {
			for _, flow := range flows(rule, peers) {
				if !slices.ContainsFunc(was, func(r any) bool { return covers(r, peers, flow) }) && !frontDoor(after, flow) {
					openings = append(openings, fmt.Sprintf("%s is opened %s %s, %s.", direction, peers, flow.who(), flow.ports()))
				}
			}
		}
	}
	slices.Sort(openings)
	return slices.Compact(openings)
}

// flow is one peer on one port; nil stands for all of them.
type flow struct{ peer, port any }

func flows(rule any, peers string) []flow {
	from, ports := list(at(rule, peers)), list(at(rule, "ports"))
	if len(from) == 0 {
		from = []any{nil}
	}
	if len(ports) == 0 {
		ports = []any{nil}
	}
	var all []flow
	for _, peer := range from {
		for _, port := range ports {
			all = append(all, flow{peer, port})
		}
	}
	return all
}

// covers says that a rule lets a flow through.
func covers(rule any, peers string, f flow) bool {
	holds := func(all []any, one any) bool {
		return len(all) == 0 || one != nil && slices.ContainsFunc(all, func(other any) bool { return equal(other, one) })
	}
	return holds(list(at(rule, peers)), f.peer) && holds(list(at(rule, "ports")), f.port)
}

func (f flow) who() string {
	switch peer, _ := f.peer.(map[string]any); {
	case peer == nil:
		return "everywhere"
	case at(peer, "ipBlock", "cidr") == "0.0.0.0/0" || at(peer, "ipBlock", "cidr") == "::/0":
		return "the whole internet"
	default:
		return short(peer)
	}
}

func (f flow) ports() string {
	if f.port == nil {
		return "on every port"
	}
	return fmt.Sprintf("on port %s", short(at(f.port, "port")))
}

// namespaceLabel is the label by which Kubernetes names each namespace.
const namespaceLabel = "kubernetes.io/metadata.name"

// frontDoor says that a unit that lists tenants lets one named namespace to the proxy, as a tenant's access asks for. The
// proxy asks for a token there all the same, so that a new tenant is not a danger.
func frontDoor(policy *item, f flow) bool {
	if !strings.HasSuffix(policy.folder, "-tenants") || f.port == nil {
		return false
	}
	labels, _ := at(f.peer, "namespaceSelector", "matchLabels").(map[string]any)
	name, _ := labels[namespaceLabel].(string)
	return name != ""
}

func ruleDeleted(s *scene, f *findings) error {
	before, after := map[string]map[string]bool{}, map[string]map[string]bool{}
	for _, change := range s.changes {
		if change.before != nil && !s.removedTenant(change.before) {
			collect(before, change.before)
		}
		if change.after != nil {
			collect(after, change.after)
		}
	}
	for _, owner := range slices.Sorted(maps.Keys(before)) {
		var deleted []string
		for name := range before[owner] {
			if !after[owner][name] {
				deleted = append(deleted, name)
			}
		}
		slices.Sort(deleted)
		switch len(deleted) {
		case 0:
		case 1:
			f.add(silence, owner, deleted[0]+" is deleted.")
		default:
			f.add(silence, owner, fmt.Sprintf("%d rules are deleted: %s.", len(deleted), short(strings.Join(deleted, ", "))))
		}
	}
	return nil
}

// collect adds the rules of an object, by their owner: the tenant, or the namespace.
func collect(into map[string]map[string]bool, i *item) {
	owner := "namespace " + i.GetNamespace()
	if name := i.tenant(); name != "" {
		owner = "tenants/" + name
	}
	var walk func(value any)
	walk = func(value any) {
		switch v := value.(type) {
		case map[string]any:
			for _, kind := range []string{"alert", "record"} {
				name, isName := v[kind].(string)
				if _, isRule := v["expr"].(string); isName && isRule {
					if into[owner] == nil {
						into[owner] = map[string]bool{}
					}
					into[owner][kind+" "+name] = true
				}
			}
			for _, field := range v {
				walk(field)
			}
		case []any:
			for _, element := range v {
				walk(element)
			}
		}
	}
	switch i.GetKind() {
	case "ConfigMap":
		walk(anyDocuments(i))
	case "PrometheusRule":
		walk(i.at("spec", "groups"))
	}
}

func anyDocuments(i *item) any {
	documents := []any{}
	for _, document := range i.documents() {
		documents = append(documents, document)
	}
	return documents
}
