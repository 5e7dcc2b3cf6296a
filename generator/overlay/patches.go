package overlay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/object"
)

// A component is several units, and an overlay's folder is applied to each. What it adds would be made once in each, and a
// patch that finds its object in one unit would fail in all others; so it is narrowed to the unit first.

// entry is one patch of a kustomization.yaml with its place: "patches[0]".
type entry struct {
	place string
	patch types.Patch
}

// entries are all patches, in the order in which Kustomize applies them.
func entries(k *types.Kustomization) []entry {
	var list []entry
	for i, text := range k.PatchesStrategicMerge { //nolint:staticcheck // deprecated, and still written
		list = append(list, entry{fmt.Sprintf("patchesStrategicMerge[%d]", i), types.Patch{Patch: string(text)}})
	}
	for i, p := range k.Patches {
		list = append(list, entry{fmt.Sprintf("patches[%d]", i), p})
	}
	for i, p := range k.PatchesJson6902 { //nolint:staticcheck // deprecated, and still written
		list = append(list, entry{fmt.Sprintf("patchesJson6902[%d]", i), p})
	}
	return list
}

// Patches are the places of the patches in the folder's kustomization.yaml ("patches[0]"), of which each should find an
// object in one of the component's units.
func (f Folder) Patches() []string {
	var k types.Kustomization
	if err := yaml.Unmarshal(f.Files["kustomization.yaml"], &k); err != nil {
		return nil
	}
	var places []string
	for _, e := range entries(&k) {
		places = append(places, e.place)
	}
	return places
}

// narrow is the folder for one unit: without what it adds unless the unit is the one for that, and with patches that pass
// over the unit when their object is in another one. found are the places of the patches that have an object here.
func (f Folder) narrow(objects []object.Object, adds bool) (Folder, []string, error) {
	narrowed := Folder{Path: f.Path, Files: map[string][]byte{}}
	var found []string
	for name, text := range f.Files {
		narrowed.Files[name] = text
		if path.Base(name) != "kustomization.yaml" {
			continue
		}
		var k types.Kustomization
		if err := yaml.Unmarshal(text, &k); err != nil {
			return f, nil, fmt.Errorf("%s: %s", path.Join(f.Path, name), readable(err))
		}
		candidates := slices.Clone(objects)
		if adds {
			for _, file := range k.Resources {
				candidates = append(candidates, documents(f.Files[path.Join(path.Dir(name), file)])...)
			}
		} else {
			k.Resources, k.ConfigMapGenerator, k.SecretGenerator = nil, nil, nil
		}
		var patches []types.Patch
		for _, e := range entries(&k) {
			for _, p := range f.targeted(e.patch, path.Dir(name)) {
				patches = append(patches, p)
				if name == "kustomization.yaml" && finds(p, candidates) {
					found = append(found, e.place)
				}
			}
		}
		k.Patches, k.PatchesStrategicMerge, k.PatchesJson6902 = patches, nil, nil //nolint:staticcheck // see entries
		var err error
		if narrowed.Files[name], err = yaml.Marshal(k); err != nil {
			return f, nil, fmt.Errorf("%s: %w", path.Join(f.Path, name), err)
		}
	}
	return narrowed, slices.Compact(found), nil
}

// targeted gives each document of a patch that names its object by itself a target: Kustomize stops where an object that is
// named so is missing, and passes over a target that is.
func (f Folder) targeted(p types.Patch, folder string) []types.Patch {
	text := []byte(p.Patch)
	file := p.Path
	if _, isFile := f.Files[path.Join(folder, p.Patch)]; p.Path == "" && isFile { // patchesStrategicMerge names files so
		file = p.Patch
	}
	if file != "" {
		text = f.Files[path.Join(folder, file)]
	}
	named := documents(text)
	if p.Target != nil || len(named) == 0 {
		return []types.Patch{p} // where it can not be read, Kustomize says so
	}
	var list []types.Patch
	for _, o := range named {
		content, err := yaml.Marshal(o.Object)
		if err != nil {
			return []types.Patch{p}
		}
		target := types.Selector{ResId: resid.ResId{
			Gvk:  resid.Gvk{Group: exactly(o.GroupVersionKind().Group), Kind: exactly(o.GetKind())},
			Name: exactly(o.GetName()), Namespace: exactly(o.GetNamespace()),
		}}
		list = append(list, types.Patch{Patch: string(content), Target: &target, Options: p.Options})
	}
	return list
}

// exactly is a text as a pattern; targets are patterns.
func exactly(text string) string { return regexp.QuoteMeta(text) }

// documents are the objects of a file; none where one of them has no kind and name, as in a list of JSON patches.
func documents(text []byte) []object.Object {
	var list []object.Object
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), len(text)+1)
	for {
		var content map[string]any
		err := decoder.Decode(&content)
		if errors.Is(err, io.EOF) {
			return list
		}
		o := object.New(content, "")
		if err != nil || content != nil && (o.GetKind() == "" || o.GetName() == "") {
			return nil
		}
		if content != nil {
			list = append(list, o)
		}
	}
}

// finds says whether a patch has an object. One that cannot be read has: Kustomize says what is wrong with it.
func finds(p types.Patch, objects []object.Object) bool {
	if p.Target == nil {
		return true
	}
	pattern, err := types.NewSelectorRegex(p.Target)
	if err != nil {
		return true
	}
	onLabels, errLabels := labels.Parse(p.Target.LabelSelector)
	onAnnotations, errAnnotations := labels.Parse(p.Target.AnnotationSelector)
	if errLabels != nil || errAnnotations != nil {
		return true
	}
	return slices.ContainsFunc(objects, func(o object.Object) bool {
		gvk := o.GroupVersionKind()
		return pattern.MatchGvk(resid.Gvk{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind}) &&
			pattern.MatchName(o.GetName()) && pattern.MatchNamespace(o.GetNamespace()) &&
			onLabels.Matches(labels.Set(o.GetLabels())) && onAnnotations.Matches(labels.Set(o.GetAnnotations()))
	})
}
