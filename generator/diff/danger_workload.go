package diff

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

func workloadRules() []rule {
	return []rule{
		{"stateful-removed", "A stateful workload is removed: what its pods hold in memory and have not stored yet is lost.", statefulRemoved},
		{"immutable-field", "A field changes that Kubernetes does not let change: the object cannot be applied, and Flux stops there.", immutableField},
		{"replicas-under-quorum", "A workload has fewer replicas than copies of data are written, or none at all.", underQuorum},
		{"disruption-budget-removed", "A PodDisruptionBudget is removed: draining nodes may stop all pods at once.", budgetRemoved},
		{"image-moved", "An image moves by a major version, or back: data and settings of one may not suit the other.", imageMoved},
	}
}

func statefulRemoved(s *scene, f *findings) error {
	for _, i := range s.gone("StatefulSet") {
		f.add(dataLoss, i.ID(), "the stateful workload is removed: its pods stop, and what they have not written to the bucket stays on claims that nobody reads any more.")
	}
	return nil
}

// immutable are the fields, by kind, that the API server refuses to change (kubernetes, pkg/apis/*/validation, 1.36).
func immutable(kind string) []string {
	return map[string][]string{
		"Deployment": {"spec.selector"}, "DaemonSet": {"spec.selector"}, "ReplicaSet": {"spec.selector"},
		"Job": {"spec.template", "spec.selector", "spec.completionMode"}, "Service": {"spec.clusterIP"},
		"PersistentVolumeClaim": {"spec.accessModes", "spec.storageClassName", "spec.selector", "spec.volumeName", "spec.volumeMode", "spec.dataSource"},
		"StorageClass":          {"provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"},
		"RoleBinding":           {"roleRef"}, "ClusterRoleBinding": {"roleRef"},
		"CustomResourceDefinition": {"spec.group", "spec.scope", "spec.names.kind", "spec.names.plural"},
	}[kind]
}

// mutable are the only fields of a StatefulSet's spec that may change (kubernetes, pkg/apis/apps/validation, 1.36).
func mutable() []string {
	return []string{
		"spec.replicas", "spec.ordinals", "spec.template", "spec.updateStrategy", "spec.minReadySeconds",
		"spec.revisionHistoryLimit", "spec.persistentVolumeClaimRetentionPolicy",
	}
}

func immutableField(s *scene, f *findings) error {
	for _, change := range s.kept() {
		var fields []string
		for _, field := range change.Fields {
			if name := frozen(change.after, field.Path); name != "" && !slices.Contains(fields, name) {
				fields = append(fields, name)
			}
		}
		switch {
		case len(fields) == 0:
		case change.after.GetAnnotations()["kustomize.toolkit.fluxcd.io/force"] == "enabled":
			f.add(outage, change.Object, fmt.Sprintf("it changes %s (immutable); its force annotation lets Flux delete it and make it anew.", strings.Join(fields, ", ")))
		default:
			f.add(cannotApply, change.Object, fmt.Sprintf("it changes %s (immutable). Flux would stop here, with everything that waits for it.", strings.Join(fields, ", ")))
		}
	}
	return nil
}

// frozen is the immutable field that a path is in; empty when it may change.
func frozen(i *item, fieldPath string) string {
	if i.GetKind() == "StatefulSet" {
		if !strings.HasPrefix(fieldPath, "spec.") || slices.ContainsFunc(mutable(), func(name string) bool { return within(fieldPath, name) }) {
			return ""
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(fieldPath, "spec."), ".")
		name, _, _ = strings.Cut(name, "[")
		return "spec." + name
	}
	if (i.GetKind() == "ConfigMap" || i.GetKind() == "Secret") && i.at("immutable") == true && (within(fieldPath, "data") || within(fieldPath, "binaryData")) {
		return "data"
	}
	for _, name := range immutable(i.GetKind()) {
		if within(fieldPath, name) {
			return name
		}
	}
	return ""
}

func within(fieldPath, name string) bool {
	rest, ok := strings.CutPrefix(fieldPath, name)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[' || rest[0] == ' ')
}

func budgetRemoved(s *scene, f *findings) error {
	for _, i := range s.gone("PodDisruptionBudget") {
		gone := func(kind string) bool {
			return slices.ContainsFunc(s.gone(kind), func(w *item) bool {
				name, _, _ := strings.Cut(w.GetName(), "-zone-")
				return w.GetNamespace() == i.GetNamespace() && name == i.GetName()
			})
		}
		if !slices.ContainsFunc(workloads(), gone) {
			f.add(outage, i.ID(), "the budget is removed: draining nodes may stop all of its pods at once.")
		}
	}
	return nil
}

// copies are where a component's configuration says how many copies of data it writes, by workload (cortex,
// config-file-reference, 1.21; loki, configure, 3.7).
func copies(workload string) [][]string {
	return map[string][][]string{
		"ingester":      {{"ingester", "lifecycler", "ring", "replication_factor"}, {"common", "replication_factor"}, {"common", "ring", "replication_factor"}},
		"store-gateway": {{"store_gateway", "sharding_ring", "replication_factor"}},
		"alertmanager":  {{"alertmanager", "sharding_ring", "replication_factor"}},
		"index-gateway": {{"index_gateway", "ring", "replication_factor"}, {"common", "replication_factor"}},
	}[workload]
}

func underQuorum(s *scene, f *findings) error {
	seen := map[string]bool{}
	for _, change := range s.changes {
		if change.before == nil || !slices.Contains(workloads(), change.before.GetKind()) || s.removedTenant(change.before) {
			continue
		}
		name, _, _ := strings.Cut(change.before.GetName(), "-zone-")
		id := fmt.Sprintf("%s %s/%s", change.before.GetKind(), change.before.GetNamespace(), name)
		fewer := change.after == nil || replicas(change.after) < replicas(change.before)
		if seen[id] || !fewer || change.Kind == Renamed {
			continue
		}
		seen[id] = true
		left, err := s.replicasOf(change.before, name)
		if err != nil {
			return err
		}
		needed, err := s.copiesOf(change.before.GetNamespace(), name)
		if err != nil {
			return err
		}
		if left == 0 && change.after == nil {
			continue // removed: other rules say what that means
		}
		if message := tooFew(left, needed); message != "" {
			f.add(outage, id, message)
		}
	}
	return nil
}

// tooFew says what is wrong with the number of replicas that are left; empty when nothing is.
func tooFew(left, copies int) string {
	switch quorum := copies/2 + 1; {
	case left == 0:
		return "it is scaled to no pod at all."
	case left < quorum:
		return fmt.Sprintf("%s left, fewer than the quorum of %d of %d copies: writes are refused.", are(left, "replica"), quorum, copies)
	case left < copies:
		return fmt.Sprintf("%s left for %d copies of data: none may fail or restart any more.", are(left, "replica"), copies)
	default:
		return ""
	}
}

// replicasOf is how many pods all zones of a workload have from now on.
func (s *scene) replicasOf(was *item, name string) (int, error) {
	prefix := strings.ToLower(was.GetKind()) + "-" + name
	zones, err := s.new.find(func(file string) bool {
		base := strings.TrimSuffix(path.Base(file), ".yaml")
		return base == prefix || strings.HasPrefix(base, prefix+"-zone-")
	})
	count := 0
	for _, zone := range zones {
		if zone.GetNamespace() == was.GetNamespace() {
			count += replicas(zone)
		}
	}
	return count, err
}

// copiesOf is how many copies of data a workload holds; 0 for one that holds none.
func (s *scene) copiesOf(namespace, workload string) (int, error) {
	places := copies(workload)
	if places == nil {
		return 0, nil
	}
	configurations, err := s.new.find(func(file string) bool {
		return strings.HasPrefix(file, "platform/") && strings.HasPrefix(path.Base(file), "configmap-")
	})
	if err != nil {
		return 0, err
	}
	for _, i := range configurations {
		for _, document := range i.documents() {
			for _, place := range places {
				if n, ok := number(at(document, place...)); ok && i.GetNamespace() == namespace {
					return int(n), nil
				}
			}
		}
	}
	return 0, nil
}

func imageMoved(s *scene, f *findings) error {
	for _, change := range s.kept() {
		before, after := images(change.before), images(change.after)
		var told []string
		for _, container := range slices.Sorted(maps.Keys(after)) {
			if message := moved(before[container], after[container]); message != "" && !slices.Contains(told, message) {
				told = append(told, message)
				f.add(compatibility, change.Object, message)
			}
		}
	}
	return nil
}

// images are a workload's images by container.
func images(i *item) map[string]string {
	all := map[string]string{}
	for _, kind := range []string{"containers", "initContainers"} {
		for _, container := range list(i.at("spec", "template", "spec", kind)) {
			name, _ := at(container, "name").(string)
			image, _ := at(container, "image").(string)
			all[kind+" "+name] = image
		}
	}
	return all
}

// moved says what is dangerous about another image in a container's place; empty when nothing is.
func moved(old, current string) string {
	nameOld, tagOld := reference(old)
	name, tag := reference(current)
	a, errOld := semver.NewVersion(tagOld)
	b, err := semver.NewVersion(tag)
	switch {
	case errOld != nil || err != nil || path.Base(nameOld) != path.Base(name):
		return ""
	case core(b).LessThan(core(a)):
		return fmt.Sprintf("image %s goes back from %s to %s: an older version may not read what the newer one wrote.", name, tagOld, tag)
	case b.Major() != a.Major():
		return fmt.Sprintf("image %s moves by a major version, from %s to %s: read its release notes first.", name, tagOld, tag)
	default:
		return ""
	}
}

// core is a version without what follows its three numbers: the variant of an image is not an age.
func core(v *semver.Version) *semver.Version {
	return semver.New(v.Major(), v.Minor(), v.Patch(), "", "")
}

// reference splits an image into repository and tag.
func reference(image string) (repository, tag string) {
	image, _, _ = strings.Cut(image, "@")
	colon := strings.LastIndex(image, ":")
	if colon <= strings.LastIndex(image, "/") {
		return image, ""
	}
	return image[:colon], image[colon+1:]
}
