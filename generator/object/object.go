package object

import (
	"fmt"
	"sort"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Object is one Kubernetes object. Content must hold JSON types only (map[string]any, []any, string, int64,
// float64, bool, nil).
type Object struct {
	unstructured.Unstructured
	// Origin is the file that made the object, relative to the repository ("bases/cortex/main.jsonnet"), or a
	// source's file ("cert-manager/deploy/crds/…").
	Origin string
}

// New wraps content that Origin made.
func New(content map[string]any, origin string) Object {
	return Object{Unstructured: unstructured.Unstructured{Object: content}, Origin: origin}
}

// ID is "Kind namespace/name", or "Kind name" for an object without a namespace.
func (o Object) ID() string {
	if ns := o.GetNamespace(); ns != "" {
		return o.GetKind() + " " + ns + "/" + o.GetName()
	}
	return o.GetKind() + " " + o.GetName()
}

// Key identifies the object in a cluster: group, kind, namespace and name. The version does not matter.
func (o Object) Key() string {
	group, _, found := strings.Cut(o.GetAPIVersion(), "/")
	if !found {
		group = ""
	}
	return strings.Join([]string{group, o.GetKind(), o.GetNamespace(), o.GetName()}, "|")
}

// FileName is the file that holds the object: "<kind>-<name>.yaml" in lower case, with every character that is
// awkward in a path (such as the colon in RBAC names) replaced by a dash.
func (o Object) FileName() string {
	safe := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '.':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		default:
			return '-'
		}
	}
	return strings.Map(safe, o.GetKind()+"-"+o.GetName()) + ".yaml"
}

// YAML is the object's text with sorted keys.
func (o Object) YAML() ([]byte, error) {
	text, err := yaml.Marshal(o.Object)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", o.ID(), err)
	}
	return text, nil
}

// Sort puts objects into the one order in which they are listed and written: by kind, namespace and name.
func Sort(objects []Object) {
	sort.SliceStable(objects, func(i, j int) bool {
		a, b := objects[i], objects[j]
		if a.GetKind() != b.GetKind() {
			return a.GetKind() < b.GetKind()
		}
		if a.GetNamespace() != b.GetNamespace() {
			return a.GetNamespace() < b.GetNamespace()
		}
		return a.GetName() < b.GetName()
	})
}
