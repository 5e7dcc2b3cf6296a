package schema

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	resourcev1 "k8s.io/api/resource/v1"
	"k8s.io/client-go/kubernetes/scheme"
)

// The table is searched by bisection, and a name that the pinned API does not have would never be found.
func TestTableOfNewFieldsFitsThePinnedAPI(t *testing.T) {
	structs := map[string]reflect.Type{}
	for _, typ := range scheme.Scheme.AllKnownTypes() {
		collect(typ, structs)
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[corev1.EphemeralContainerCommon](), reflect.TypeFor[resourcev1.CELDeviceSelector]()} {
		collect(typ, structs)
	}
	for _, release := range newFields {
		if !slices.IsSorted(release.fields) {
			t.Errorf("the fields of 1.%d are not sorted", release.minor)
		}
		for _, name := range release.fields {
			i := strings.LastIndex(name, ".")
			typ, ok := structs[name[:i]]
			if !ok {
				t.Errorf("%s: the pinned API has no struct %s; run go generate ./generator/check/schema", name, name[:i])
				continue
			}
			if !slices.ContainsFunc(reflect.VisibleFields(typ), func(f reflect.StructField) bool {
				tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				return tag == name[i+1:]
			}) {
				t.Errorf("%s: the pinned API has no such field; run go generate ./generator/check/schema", name)
			}
		}
	}
	if fieldSince("core/v1.PodSpec.hostnameOverride") != 34 || fieldSince("core/v1.PodSpec.nodeName") != 0 {
		t.Error("a new field is not found, or an old one is")
	}
}

func collect(t reflect.Type, structs map[string]reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		collect(t.Elem(), structs)
	case reflect.Struct:
		name := strings.TrimPrefix(t.PkgPath(), "k8s.io/api/") + "." + t.Name()
		if structs[name] != nil {
			return
		}
		structs[name] = t
		for _, f := range reflect.VisibleFields(t) {
			collect(f.Type, structs)
		}
	}
}
