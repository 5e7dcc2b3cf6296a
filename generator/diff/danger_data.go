package diff

import (
	"fmt"
	"regexp"
	"strings"
)

func dataRules() []rule {
	return []rule{
		{"cluster-removed", "A cluster's folder is removed while the cluster may still run.", func(*scene, *findings) error { return nil }},
		{"tenant-removed", "A tenant is removed from a cluster: its endpoint, rules and Grafana go, its data stays until its retention.", tenantRemoved},
		{"tenant-erased", "A removed tenant is marked to be erased: all that it wrote is deleted.", tenantErased},
		{"tenant-id-changed", "A tenant's ID in Cortex and Loki changes: it no longer finds its data.", identityChanged},
		{"retention-shortened", "Metrics or logs are kept shorter than before: the next compaction deletes what is older.", retentionShortened},
		{"bucket-changed", "A component reads and writes another bucket: what is in the old one is no longer found.", bucketChanged},
		{"object-removed", "A claim, a namespace or a custom resource definition is removed: everything in it goes with it.", objectRemoved},
		{"definition-version-removed", "A version of a custom resource definition is no longer served: objects of that version cannot be read.", versionRemoved},
		{"limit-lowered", "A tenant's limit is lowered, below its usage where --usage tells it: what is above is refused.", limitLowered},
		{"shard-size-lowered", "A tenant's shard size becomes smaller: queries no longer ask ingesters that still hold its newest data.", shardSizeLowered},
	}
}

func tenantRemoved(s *scene, f *findings) error {
	for _, name := range s.cluster.TenantsRemoved {
		f.add(dataLoss, "tenants/"+name, fmt.Sprintf("the tenant is removed from %s: its endpoint, Grafana, rules and alerts stop at once. "+
			"Its metrics and logs stay in the buckets until their retention.", s.cluster.Name))
	}
	return nil
}

// buckets are the fields that name a bucket, in Cortex (cortex, config-file-reference, 1.21), Loki (loki, configure, 3.7)
// and the syncer.
var buckets = regexp.MustCompile(`(^|[.\]])(bucket_name|bucketnames|bucket_names|bucket|buckets)$`)

func bucketChanged(s *scene, f *findings) error {
	for _, change := range s.kept() {
		for _, field := range change.Fields {
			if change.after.GetKind() == "ConfigMap" && buckets.MatchString(field.Path) && field.Old != nil && field.New != nil {
				f.add(dataLoss, change.Object, fmt.Sprintf("%s changes from %s to %s: what was written to the first is no longer found, and nothing moves it.",
					field.Path, short(field.Old), short(field.New)))
			}
		}
	}
	return nil
}

// pruneDisabled is the annotation by which Flux leaves an object alone that is no longer in Git.
const pruneDisabled = "kustomize.toolkit.fluxcd.io/prune"

func objectRemoved(s *scene, f *findings) error {
	holds := map[string]string{
		"PersistentVolumeClaim":    "the data of its volume",
		"Namespace":                "everything in it",
		"CustomResourceDefinition": "every object of its kind",
	}
	for kind, what := range holds {
		for _, i := range s.gone(kind) {
			if i.GetAnnotations()[pruneDisabled] == "disabled" {
				f.add(dataLoss, i.ID(), fmt.Sprintf("it is no longer in Git. Flux leaves it in the cluster (prune: disabled), where it is nobody's; deleting it by hand deletes %s.", what))
				continue
			}
			f.add(dataLoss, i.ID(), fmt.Sprintf("it is no longer in Git, so Flux deletes it, and with it %s.", what))
		}
	}
	return nil
}

func versionRemoved(s *scene, f *findings) error {
	for _, change := range s.kept() {
		if change.after.GetKind() != "CustomResourceDefinition" {
			continue
		}
		serves := served(change.after)
		var lost []string
		for _, version := range served(change.before) {
			if !contains(serves, version) {
				lost = append(lost, version)
			}
		}
		if len(lost) > 0 {
			f.add(cannotApply, change.Object, fmt.Sprintf("it no longer serves %s. Objects that are stored in it must be written anew in another version first, "+
				"or the API server refuses the definition.", strings.Join(lost, ", ")))
		}
	}
	return nil
}

func served(definition *item) []string {
	var names []string
	for _, version := range list(definition.at("spec", "versions")) {
		if name, ok := at(version, "name").(string); ok && at(version, "served") == true {
			names = append(names, name)
		}
	}
	return names
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}
