package diff

import (
	"fmt"
	"slices"
	"strings"
)

// effects says for each change what happens in the cluster, beyond that the object is applied.
func effects(changes []Change) {
	for i := range changes {
		change := &changes[i]
		if change.before == nil || change.after == nil || change.Kind == Renamed {
			continue
		}
		switch kind := change.after.GetKind(); {
		case slices.Contains(workloads(), kind):
			change.Effect = rollout(change)
		case kind == "ConfigMap":
			change.Effect = reload(change, changes)
		}
	}
}

// workloads are the kinds that keep pods running.
func workloads() []string { return []string{"Deployment", "StatefulSet", "DaemonSet"} }

// rollout is what a workload does: Kubernetes replaces pods when anything of their template changes.
func rollout(change *Change) string {
	if slices.ContainsFunc(change.Fields, func(f Field) bool { return strings.HasPrefix(f.Path, "spec.template") }) {
		if change.after.GetKind() == "DaemonSet" {
			return "restarts its pods"
		}
		return "restarts " + counted(replicas(change.after), "pod")
	}
	if before, after := replicas(change.before), replicas(change.after); before != after {
		return fmt.Sprintf("%d → %s", before, counted(after, "pod"))
	}
	return ""
}

// reload is how a changed ConfigMap takes effect. Bases put a hash of what is read at start into the pods' template, so
// a workload whose template stays reads the file again by itself.
func reload(change *Change, all []Change) string {
	if len(change.Fields) == 0 {
		return ""
	}
	for _, other := range all {
		if other.before == nil || other.after == nil || !slices.Contains(workloads(), other.after.GetKind()) || !restarts(&other) {
			continue
		}
		if other.after.GetNamespace() == change.after.GetNamespace() && mounts(other.after, change.after.GetName()) {
			return "read at the restart"
		}
	}
	return "reloaded live"
}

func restarts(change *Change) bool { return strings.HasPrefix(rollout(change), "restarts") }

// mounts says that a workload's pods use a ConfigMap.
func mounts(workload *item, configMap string) bool {
	spec, _ := workload.at("spec", "template", "spec").(map[string]any)
	for _, v := range list(spec["volumes"]) {
		if at(v, "configMap", "name") == configMap {
			return true
		}
		for _, source := range list(at(v, "projected", "sources")) {
			if at(source, "configMap", "name") == configMap {
				return true
			}
		}
	}
	for _, container := range list(spec["containers"]) {
		for _, from := range list(at(container, "envFrom")) {
			if at(from, "configMapRef", "name") == configMap {
				return true
			}
		}
	}
	return false
}

func list(value any) []any {
	l, _ := value.([]any)
	return l
}

// replicas is the number of a workload's pods; Kubernetes makes one unless told otherwise.
func replicas(workload *item) int {
	if n, ok := number(workload.at("spec", "replicas")); ok {
		return int(n)
	}
	return 1
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// are is a number of things with its verb: "1 replica is", "2 replicas are".
func are(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return counted(n, noun) + " are"
}
