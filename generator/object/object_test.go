package object_test

import (
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/object"
)

func TestIdentity(t *testing.T) {
	o := object.New(map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": map[string]any{"name": "system:Reader/x"},
	}, "bases/x/main.jsonnet")
	if o.ID() != "ClusterRole system:Reader/x" || o.FileName() != "clusterrole-system-reader-x.yaml" {
		t.Errorf("%s in %s", o.ID(), o.FileName())
	}
	other := object.New(map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1beta1", "kind": "ClusterRole", "metadata": map[string]any{"name": "system:Reader/x"},
	}, "")
	if o.Key() != other.Key() {
		t.Error("two versions of one object count as two objects")
	}
}

func TestYAMLHasSortedKeysAndWholeNumbers(t *testing.T) {
	o := object.New(map[string]any{"kind": "X", "apiVersion": "v1", "data": map[string]any{"b": int64(30000000), "a": "on"}}, "")
	text, err := o.YAML()
	if want := "apiVersion: v1\ndata:\n  a: \"on\"\n  b: 30000000\nkind: X\n"; err != nil || string(text) != want {
		t.Errorf("got %s (%v)", text, err)
	}
}

func TestSortIsByKindNamespaceName(t *testing.T) {
	var objects []object.Object
	for _, id := range []string{"Service b x", "Service a y", "ConfigMap z z", "Service a x"} {
		f := strings.Fields(id)
		objects = append(objects, object.New(map[string]any{"kind": f[0], "metadata": map[string]any{"namespace": f[1], "name": f[2]}}, ""))
	}
	object.Sort(objects)
	var got []string
	for _, o := range objects {
		got = append(got, o.ID())
	}
	if want := "ConfigMap z/z, Service a/x, Service a/y, Service b/x"; strings.Join(got, ", ") != want {
		t.Errorf("got %s", strings.Join(got, ", "))
	}
}
