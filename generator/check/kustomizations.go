package check

import (
	"path"
	"slices"
	"strings"
)

// fluxIndex is what Flux is told to apply.
type fluxIndex struct {
	// byName are Kustomizations by "namespace/name", byFolder by the folder "<layer>/<unit>" that they apply.
	byName, byFolder map[string]*kustomization
}

type kustomization struct {
	entry
	// folder is "<layer>/<unit>", or "cluster" for the root.
	folder string
	// after are the Kustomizations that it waits for, "namespace/name".
	after []string
}

func newFluxIndex() fluxIndex {
	return fluxIndex{byName: map[string]*kustomization{}, byFolder: map[string]*kustomization{}}
}

func (f fluxIndex) learn(e *entry) {
	o := e.object
	if o.GetKind() != "Kustomization" || !strings.HasPrefix(o.GetAPIVersion(), kustomizationGroup+"/") {
		return
	}
	k := &kustomization{entry: *e, folder: folderOf(text(o.Object, "spec", "path"))}
	depends, _ := field(o.Object, "spec", "dependsOn")
	list, _ := depends.([]any)
	for _, item := range list {
		ref, _ := item.(map[string]any)
		namespace := text(ref, "namespace")
		if namespace == "" {
			namespace = o.GetNamespace()
		}
		k.after = append(k.after, namespace+"/"+text(ref, "name"))
	}
	f.byName[o.GetNamespace()+"/"+o.GetName()] = k
	f.byFolder[k.folder] = k
}

// folderOf is what follows "rendered" in a Kustomization's path.
func folderOf(applied string) string {
	clean := path.Clean(strings.TrimPrefix(applied, "./"))
	if _, folder, ok := strings.Cut(clean, "rendered/"); ok {
		return folder
	}
	return clean
}

// kustomizations checks that Flux applies all that is rendered, in an order that ends.
func (x *Index) kustomizations(r *report) {
	if len(x.flux.byName) == 0 {
		return // Flux's own objects are not among the units
	}
	folders := map[string]bool{}
	for i := range x.units {
		u := &x.units[i]
		folders[u.folder()] = true
		if u.Layer == clusterLayer {
			folders[clusterLayer] = true
		}
		if len(u.Objects) > 0 && x.flux.byFolder[u.folder()] == nil && u.folder() != clusterLayer && x.flux.byFolder[clusterLayer] != nil {
			r.add(u, &u.Objects[0], ruleKustomizationPath, "", "Give it one in bases/flux/sync.jsonnet.", "no Kustomization applies the folder %s", u.folder())
		}
	}
	for _, name := range sortedKeys(x.flux.byName) {
		k := x.flux.byName[name]
		s := subject{r, k.unit, k.object}
		if !folders[k.folder] && !strings.HasPrefix(k.folder, "tenants/") {
			s.add(ruleKustomizationPath, "spec.path", "Correct the path, or remove the Kustomization.", "nothing is rendered into the folder %s", k.folder)
		}
		for _, after := range k.after {
			if x.flux.byName[after] == nil {
				s.add(ruleKustomizationOrder, "spec.dependsOn", "Correct the name.", "waits for the Kustomization %s, which does not exist", after)
			}
		}
		if slices.ContainsFunc(k.after, func(after string) bool { return x.flux.waits(after, name, map[string]bool{}) }) {
			s.add(ruleKustomizationOrder, "spec.dependsOn", "Remove one of the dependencies.", "waits for itself, by way of %s", strings.Join(k.after, ", "))
		}
	}
	x.zoneOrder(r)
}

// waits says that one Kustomization waits for another, directly or not.
func (f fluxIndex) waits(one, other string, seen map[string]bool) bool {
	if one == other {
		return true
	}
	k := f.byName[one]
	if k == nil || seen[one] {
		return false
	}
	seen[one] = true
	return slices.ContainsFunc(k.after, func(after string) bool { return f.waits(after, other, seen) })
}

// zoneOrder finds zones that Flux would roll at the same time (C1).
func (x *Index) zoneOrder(r *report) {
	zones := map[string][]*podSet{}
	for _, namespace := range sortedKeys(x.spaces) {
		for _, p := range x.spaces[namespace].pods {
			if p.stateful != nil && p.zonal() {
				key := strings.Join([]string{namespace, p.template.Labels[nameLabel], p.template.Labels[componentLabel]}, "/")
				zones[key] = append(zones[key], p)
			}
		}
	}
	for _, key := range sortedKeys(zones) {
		sets := zones[key]
		for i, p := range sets {
			for _, other := range sets[:i] {
				if p.unit.folder() != other.unit.folder() && !x.ordered(p.unit, other.unit) {
					r.add(p.unit, p.object, ruleZoneOrder, "", "Let one Kustomization depend on the other.",
						"rolls at the same time as %s: the Kustomizations of %s and %s do not wait for each other", other.object.ID(), p.unit.folder(), other.unit.folder())
				}
			}
		}
	}
}

func (x *Index) ordered(one, other *Unit) bool {
	a, b := x.flux.byFolder[one.folder()], x.flux.byFolder[other.folder()]
	if a == nil || b == nil {
		return true // that nothing applies them is reported already
	}
	name := func(k *kustomization) string { return k.object.GetNamespace() + "/" + k.object.GetName() }
	return x.flux.waits(name(a), name(b), map[string]bool{}) || x.flux.waits(name(b), name(a), map[string]bool{})
}

// decryption finds SOPS secrets that would be applied as they are.
func (x *Index) decryption(r *report) {
	top := x
	for top.parent != nil {
		top = top.parent
	}
	for u, o := range objectsOf(x.units) {
		k := top.flux.byFolder[u.folder()]
		if k == nil || !encrypted(o) || text(k.object.Object, "spec", "decryption", "provider") == "sops" {
			continue
		}
		r.add(u, o, ruleDecryption, "sops", "Add spec.decryption with provider sops to it.", "the Kustomization %s does not decrypt, so that Flux would refuse the Secret", k.object.GetName())
	}
}

// fluxReferences follows what sources and Kustomizations name.
func (x *Index) fluxReferences(s subject) {
	o := s.object
	namespace := o.GetNamespace()
	for _, keys := range [][]string{
		{"spec", "secretRef", "name"},
		{"spec", "verify", "secretRef", "name"},
		{"spec", "proxySecretRef", "name"},
		{"spec", "decryption", "secretRef", "name"},
		{"spec", "kubeConfig", "secretRef", "name"},
	} {
		x.refer(s, strings.Join(keys[:len(keys)-1], "."), "Secret", namespace, text(o.Object, keys...))
	}
	x.refer(s, "spec.serviceAccountName", "ServiceAccount", namespace, text(o.Object, "spec", "serviceAccountName"))
	if o.GetKind() != "Kustomization" {
		return
	}
	source := func(key string) string { return text(o.Object, "spec", "sourceRef", key) }
	if source("namespace") != "" {
		namespace = source("namespace")
	}
	x.refer(s, "spec.sourceRef", source("kind"), namespace, source("name"))
}
