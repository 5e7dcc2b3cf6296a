package diff

import (
	"fmt"
	"slices"
	"strings"
)

func fluxRules() []rule {
	return []rule{
		{"kustomization-removed", "A Flux Kustomization is removed or renamed: unless it orphans them, Flux deletes all of its objects.", kustomizationRemoved},
		{"kustomization-changed", "A Flux Kustomization's path, prune, deletion policy or source changes: Flux may delete what it no longer sees.", kustomizationChanged},
		{"object-moved", "An object moves to another Flux Kustomization: the first may delete it before the second makes it again.", objectMoved},
	}
}

func isKustomization(i *item) bool {
	return i != nil && i.GetKind() == "Kustomization" && strings.HasPrefix(i.GetAPIVersion(), "kustomize.toolkit.fluxcd.io/")
}

func kustomizationRemoved(s *scene, f *findings) error {
	for _, i := range s.gone("Kustomization") {
		switch {
		case !isKustomization(i), s.emptied(i):
		case i.text("spec", "deletionPolicy") == "Orphan" && s.adopted(i):
		case i.text("spec", "deletionPolicy") == "Orphan":
			f.add(outage, i.ID(), "Flux stops looking after everything in "+i.text("spec", "path")+"; the objects stay (deletionPolicy: Orphan).")
		case i.at("spec", "prune") == true:
			f.add(dataLoss, i.ID(), "Flux deletes everything that it applied from "+i.text("spec", "path")+".")
		}
	}
	return nil
}

// emptied says that a Kustomization goes because all that it applied belongs to removed tenants, which is said of these.
func (s *scene) emptied(kustomization *item) bool {
	_, folder, _ := strings.Cut(kustomization.text("spec", "path"), "/rendered/")
	had := false
	for _, change := range s.changes {
		if change.before != nil && change.before.folder == folder {
			if change.Kind != Removed || !s.removedTenant(change.before) {
				return false
			}
			had = true
		}
	}
	return had
}

// adopted says that all that a Kustomization applied is applied by others from now on.
func (s *scene) adopted(kustomization *item) bool {
	_, folder, _ := strings.Cut(kustomization.text("spec", "path"), "/rendered/")
	moved := false
	for _, change := range s.changes {
		if change.before != nil && change.before.folder == folder {
			if change.Kind != Moved {
				return false
			}
			moved = true
		}
	}
	return moved
}

// orphaned says that the Kustomization which applied a folder goes, and leaves everything in the cluster.
func (s *scene) orphaned(folder string) bool {
	return slices.ContainsFunc(s.gone("Kustomization"), func(i *item) bool {
		return isKustomization(i) && i.text("spec", "deletionPolicy") == "Orphan" && strings.HasSuffix(i.text("spec", "path"), "/rendered/"+folder)
	})
}

// guarded are the fields of a Kustomization that decide what Flux deletes.
func guarded() []string {
	return []string{"spec.path", "spec.prune", "spec.deletionPolicy", "spec.sourceRef", "spec.targetNamespace", "spec.suspend", "spec.force"}
}

func kustomizationChanged(s *scene, f *findings) error {
	for _, change := range s.kept() {
		if !isKustomization(change.after) {
			continue
		}
		for _, field := range change.Fields {
			if !slices.ContainsFunc(guarded(), func(name string) bool { return within(field.Path, name) }) {
				continue
			}
			f.add(outage, change.Object, fmt.Sprintf("%s changes from %s to %s: %s", field.Path, short(field.Old), short(field.New), consequence(field)))
		}
	}
	return nil
}

func consequence(field Field) string {
	switch {
	case field.Path == "spec.prune" && field.New == true:
		return "Flux deletes from now on what is no longer in Git."
	case field.Path == "spec.prune":
		return "what is removed from Git stays in the cluster from now on."
	case field.Path == "spec.suspend":
		return "Flux no longer applies what is in Git."
	case field.Path == "spec.force":
		return "Flux may delete objects to make them anew."
	case field.Path == "spec.deletionPolicy":
		return "removing the Kustomization later deletes or leaves its objects accordingly."
	default:
		return "Flux deletes what was at the old place and is not at the new one."
	}
}

func objectMoved(s *scene, f *findings) error {
	for _, change := range s.changes {
		if change.Kind == Moved && change.before.GetAnnotations()[pruneDisabled] != "disabled" && !s.orphaned(change.From) {
			f.add(outage, change.Object, fmt.Sprintf("moved from %s to %s: the Flux Kustomization that applied it so far may delete it before the other one makes it again.",
				change.From, change.Folder))
		}
	}
	return nil
}
