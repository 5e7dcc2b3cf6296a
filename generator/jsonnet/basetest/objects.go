package basetest

import (
	"encoding/json"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/opsgen/opsgen/generator/jsonnet"
)

// Objects are those of a base by "Kind/name".
type Objects map[string]unstructured.Unstructured

// Evaluate calls the function of a Jsonnet file, whose path begins at the repository's top, with arguments in Jsonnet. The
// test runs in the base's own folder.
func Evaluate(t *testing.T, path string, arguments map[string]string) Objects {
	t.Helper()
	text, err := jsonnet.New("../..", nil).Evaluate(path, arguments, nil)
	if err != nil {
		t.Fatal(err)
	}
	var list any
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	found := Objects{}
	found.collect(list)
	return found
}

// collect takes the objects out of lists in lists.
func (o Objects) collect(value any) {
	switch value := value.(type) {
	case []any:
		for _, entry := range value {
			o.collect(entry)
		}
	case map[string]any:
		object := unstructured.Unstructured{Object: value}
		o[object.GetKind()+"/"+object.GetName()] = object
	}
}

// File is an entry of a ConfigMap.
func (o Objects) File(t *testing.T, configMap, key string) string {
	t.Helper()
	text, found, err := unstructured.NestedString(o["ConfigMap/"+configMap].Object, "data", key)
	if err != nil || !found {
		t.Fatalf("ConfigMap %s has no %s", configMap, key)
	}
	return text
}
