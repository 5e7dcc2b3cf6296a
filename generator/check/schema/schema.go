package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	kjson "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/opsgen/opsgen/generator/object"
)

// Sort is the sort of a Problem.
type Sort int

// The sorts of problems.
const (
	// UnknownKind is an apiVersion and kind that neither Kubernetes nor a custom resource definition knows.
	UnknownKind Sort = iota
	// UnknownField is a field that the kind does not have; the server would refuse or drop it.
	UnknownField
	// WrongType is a value of another JSON type than the field's.
	WrongType
	// Value is a value of the right type that the server refuses.
	Value
	// Custom is a value that a custom resource definition's schema or CEL rule refuses.
	Custom
	// Prerelease is an alpha, beta or deprecated API version.
	Prerelease
	// Removed is an API version that the cluster's Kubernetes does not serve any more.
	Removed
	// Newer is an API or a field that the cluster's Kubernetes does not have yet.
	Newer
)

// Problem is one reason why the API server would refuse an object, or would not do what it says.
type Problem struct {
	Sort Sort
	// Path is the field ("spec.ports[0].name"), empty for the whole object.
	Path string
	// Message says what is wrong, Hint what to write instead; Hint may be empty.
	Message, Hint string
}

// MaxSize is the largest object that is accepted, in bytes of JSON: etcd refuses 1.5 MiB, and a ConfigMap's data may have
// 1 MiB. The server adds managed fields of its own, which are few for a large ConfigMap.
const MaxSize = 1000 << 10

// Schemas knows all built-in kinds and the custom ones it was made with. It is safe for concurrent use.
type Schemas struct {
	scheme  *runtime.Scheme
	strict  *kjson.Serializer
	customs map[kschema.GroupVersionKind]*custom
	// groupKinds are the custom kinds regardless of version, for better messages.
	groupKinds map[kschema.GroupKind][]string
	structs    sync.Map // reflect.Type → map[string]member
}

// New reads the custom resource definitions among crds. Their schemas are compiled when first used.
func New(crds []object.Object) (*Schemas, error) {
	s := &Schemas{
		scheme:     runtime.NewScheme(),
		customs:    map[kschema.GroupVersionKind]*custom{},
		groupKinds: map[kschema.GroupKind][]string{},
	}
	if err := scheme.AddToScheme(s.scheme); err != nil {
		return nil, fmt.Errorf("collect the built-in kinds: %w", err)
	}
	if err := apiextensionsv1.AddToScheme(s.scheme); err != nil {
		return nil, fmt.Errorf("collect the kinds of custom resource definitions: %w", err)
	}
	s.strict = kjson.NewSerializerWithOptions(kjson.DefaultMetaFactory, s.scheme, s.scheme, kjson.SerializerOptions{Strict: true})
	for _, crd := range crds {
		if crd.GetKind() != "CustomResourceDefinition" {
			continue
		}
		if err := s.add(crd); err != nil {
			return nil, fmt.Errorf("read %s from %s: %w", crd.ID(), crd.Origin, err)
		}
	}
	return s, nil
}

// Namespaced says whether objects of a kind live in a namespace; known is false for kinds that nobody defines.
func (s *Schemas) Namespaced(gvk kschema.GroupVersionKind) (namespaced, known bool) {
	if c, ok := s.customs[gvk]; ok {
		return c.namespaced, true
	}
	if !s.builtIn(gvk) {
		return false, false
	}
	return !clusterScoped[gvk.GroupKind()], true
}

// builtIn says that gvk is an object that can be stored, not a request or a list.
func (s *Schemas) builtIn(gvk kschema.GroupVersionKind) bool {
	t, ok := s.scheme.AllKnownTypes()[gvk]
	if !ok || strings.HasSuffix(gvk.Kind, "List") || gvk.Version == runtime.APIVersionInternal {
		return false
	}
	_, ok = reflect.New(t).Interface().(metav1.Object)
	return ok
}

// Check says what a cluster of the given minor version (35 for 1.35) would refuse. The typed object is returned for
// built-in kinds that could be decoded, nil otherwise.
func (s *Schemas) Check(o object.Object, minor int) (runtime.Object, []Problem) {
	text, err := json.Marshal(o.Object)
	if err != nil {
		return nil, []Problem{{Sort: WrongType, Message: fmt.Sprintf("cannot be written as JSON: %v", err)}}
	}
	if o.GetAPIVersion() == "" || o.GetKind() == "" {
		return nil, []Problem{{Sort: UnknownKind, Message: "apiVersion or kind is missing", Hint: "Every object names both."}}
	}
	var c checked
	if len(text) > MaxSize {
		c.add(Value, "", "Split it, or make it smaller.", "the object has %d KiB; at most %d KiB can be stored", len(text)>>10, MaxSize>>10)
	}
	gvk := o.GroupVersionKind()
	if definition, ok := s.customs[gvk]; ok {
		definition.check(&c, text)
		s.metadata(&c, o, definition.namespaced)
		return nil, c.problems
	}
	if !s.builtIn(gvk) {
		s.unknownKind(&c, gvk)
		return nil, c.problems
	}
	typed := s.decode(&c, o, gvk, text, minor)
	s.metadata(&c, o, !clusterScoped[gvk.GroupKind()])
	if typed != nil {
		lifecycle(&c, typed, gvk, minor)
		c.values(typed)
	}
	return typed, c.problems
}

func (s *Schemas) unknownKind(c *checked, gvk kschema.GroupVersionKind) {
	if versions := s.groupKinds[gvk.GroupKind()]; len(versions) > 0 {
		c.add(UnknownKind, "apiVersion", "Write one of them.", "%s has no version %s; its definition serves %s",
			gvk.GroupKind(), gvk.Version, strings.Join(versions, ", "))
		return
	}
	if strings.HasSuffix(gvk.Kind, "List") {
		c.add(UnknownKind, "kind", "Return its items.", "%s is a list, not an object", gvk.Kind)
		return
	}
	hint := "Correct apiVersion or kind, or render the custom resource definition in a crds.jsonnet."
	if versions := s.scheme.VersionsForGroupKind(gvk.GroupKind()); len(versions) > 0 {
		hint = fmt.Sprintf("Write apiVersion: %s.", versions[0])
	}
	c.add(UnknownKind, "apiVersion", hint, "no kind %s is known in %s", gvk.Kind, gvk.GroupVersion())
}

// checked collects the problems of one object.
type checked struct{ problems []Problem }

func (c *checked) add(sort Sort, path, hint, format string, args ...any) {
	c.problems = append(c.problems, Problem{Sort: sort, Path: path, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// value adds a Problem of sort Value.
func (c *checked) value(path, hint, format string, args ...any) {
	c.add(Value, path, hint, format, args...)
}

// refused adds what a validation function of apimachinery said about the value at path.
func (c *checked) refused(path string, value any, reasons []string) {
	for _, reason := range reasons {
		c.value(path, "", "%q: %s", fmt.Sprint(value), reason)
	}
}

func at(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
