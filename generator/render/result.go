package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/check"
	"github.com/opsgen/opsgen/generator/object"
	"github.com/opsgen/opsgen/generator/tree"
)

// result is a rendered unit as the cache keeps it: what is needed to know whether anything changed. The texts are an
// entry of their own, read only when they are written or checked.
type result struct {
	// Images are the images that the unit uses by name, as they were resolved. The entry is stale when one differs.
	Images map[string]string `json:"images"`
	// Files are SHA-256 sums by file name.
	Files map[string]string `json:"files"`
	// Objects is the number of objects.
	Objects int `json:"objects"`
	// Findings are what the checks of the unit by itself found.
	Findings []check.Finding `json:"findings"`
	// Scaled are the workloads that the unit's autoscalers decide on.
	Scaled []scaled `json:"scaled,omitempty"`
	// Patches are the overlays' patches that found an object in the unit, by folder and place.
	Patches []string `json:"patches,omitempty"`
	// Dropped are the hooks of charts that were left out.
	Dropped []string `json:"dropped"`

	// texts are set when the unit was rendered in this run.
	texts []text
}

// text is one file.
type text struct {
	Name   string `json:"name"`
	Origin string `json:"origin"`
	Text   string `json:"text"`
	// Object is the content of Text; reading it as JSON costs a tenth of reading the YAML. It is empty for the
	// kustomization.yaml.
	Object map[string]any `json:"object,omitempty"`
}

// empty says that the unit has no objects, so that it gets no folder and no Kustomization.
func (u *unit) empty() bool { return u.result == nil || u.result.Objects == 0 }

// writeTexts makes the files of a unit: one an object, and the kustomization.yaml that names them.
func writeTexts(objects []object.Object) ([]text, error) {
	object.Sort(objects)
	names := fileNames(objects)
	texts := make([]text, 0, len(objects)+1)
	for i, o := range objects {
		content, err := o.YAML()
		if err != nil {
			return nil, err
		}
		head := "# Rendered by opsgen from " + o.Origin + ". Change that, or add a patch: this file is overwritten.\n"
		texts = append(texts, text{Name: names[i], Origin: o.Origin, Text: head + string(content), Object: o.Object})
	}
	if len(objects) > 0 {
		texts = append(texts, kustomizationText(names))
	}
	return texts, nil
}

// fileNames are the objects' file names. Where two objects of a unit would share one (a Role in two namespaces), both get
// their namespace in it.
func fileNames(objects []object.Object) []string {
	count := map[string]int{}
	for _, o := range objects {
		count[o.FileName()]++
	}
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = o.FileName()
		if count[names[i]] > 1 {
			names[i] = strings.ToLower(o.GetKind()) + "-" + o.GetNamespace() + "-" + strings.TrimPrefix(names[i], strings.ToLower(o.GetKind())+"-")
		}
	}
	return names
}

func kustomizationText(names []string) text {
	sorted := slices.Sorted(slices.Values(names))
	lines := []string{
		"# Rendered by opsgen. Flux builds exactly these files.",
		"apiVersion: kustomize.config.k8s.io/v1beta1",
		"kind: Kustomization",
		"resources:",
	}
	for _, name := range sorted {
		lines = append(lines, "- "+name)
	}
	return text{Name: "kustomization.yaml", Text: strings.Join(lines, "\n") + "\n"}
}

func sums(texts []text) map[string]string {
	files := map[string]string{}
	for _, t := range texts {
		files[t.Name] = tree.Sum([]byte(t.Text))
	}
	return files
}

// loadTexts gives the unit's texts, from this run or from the cache.
func (u *unit) loadTexts(s *session) ([]text, error) {
	if u.result.texts != nil || u.result.Objects == 0 {
		return u.result.texts, nil
	}
	var texts []text
	if !s.cache.Get(textsKey(u.result.Files), &texts) {
		return nil, fmt.Errorf("the cache entry of %s is gone; run again", u.path())
	}
	u.result.texts = texts
	return texts, nil
}

// loadObjects gives the unit's objects, from this run or from the cache.
func (u *unit) loadObjects(s *session) ([]object.Object, error) {
	texts, err := u.loadTexts(s)
	if err != nil {
		return nil, err
	}
	var objects []object.Object
	for _, t := range texts {
		if t.Object != nil {
			objects = append(objects, object.New(t.Object, t.Origin))
		}
	}
	return objects, nil
}

// folder is the unit as the tree writes it.
func (u *unit) folder(s *session) tree.Folder {
	return tree.Folder{Path: u.path(), Files: u.result.Files, Content: func() (map[string][]byte, error) {
		texts, err := u.loadTexts(s)
		content := map[string][]byte{}
		for _, t := range texts {
			content[t.Name] = []byte(t.Text)
		}
		return content, err
	}}
}

// filesDigest is the units' content in one text, for keys.
func filesDigest(files map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		b.WriteString(name + " " + files[name] + "\n")
	}
	return b.String()
}
