package schema

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/object"
)

// member is one JSON field of an API struct; since is the minor version that brought it, 0 for an old one.
type member struct {
	name  string
	typ   reflect.Type
	since int
}

// decode compares the object with its Go type field by field, which gives the exact path of everything wrong, and then
// decodes it by the API server's own strict decoder, so that nothing that the comparison might miss gets through.
func (s *Schemas) decode(c *checked, o object.Object, gvk kschema.GroupVersionKind, text []byte, minor int) runtime.Object {
	before := len(c.problems)
	s.compare(c, o.Object, s.scheme.AllKnownTypes()[gvk], "", minor)
	typed, _, err := s.strict.Decode(text, nil, nil)
	if err != nil && !hasErrors(c.problems[before:]) {
		c.add(WrongType, "", "", "%v", strings.TrimPrefix(err.Error(), "strict decoding error: "))
	}
	if err != nil && !runtime.IsStrictDecodingError(err) {
		return nil
	}
	return typed
}

func hasErrors(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Sort != Newer })
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// compare walks value along type t.
func (s *Schemas) compare(c *checked, value any, t reflect.Type, path string, minor int) {
	if value == nil {
		return // null is the same as leaving the field out
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(unmarshaler) {
		compareText(c, value, t, path)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		if m, ok := value.(map[string]any); ok {
			s.compareStruct(c, m, t, path, minor)
			return
		}
		wrong(c, path, "a mapping", value)
	case reflect.Map:
		m, ok := value.(map[string]any)
		if !ok {
			wrong(c, path, "a mapping", value)
			return
		}
		for _, key := range sortedKeys(m) {
			s.compare(c, m[key], t.Elem(), join(path, key), minor)
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			compareText(c, value, t, path)
			return
		}
		list, ok := value.([]any)
		if !ok {
			wrong(c, path, "a list", value)
			return
		}
		for i, item := range list {
			s.compare(c, item, t.Elem(), at(path, i), minor)
		}
	default:
		compareScalar(c, value, t, path)
	}
}

func (s *Schemas) compareStruct(c *checked, m map[string]any, t reflect.Type, path string, minor int) {
	fields := s.fields(t)
	for _, key := range sortedKeys(m) {
		f, ok := fields[key]
		if !ok {
			hint := ""
			if near := document.Nearest(key, sortedKeys(fields)); near != "" {
				hint = fmt.Sprintf("Did you mean %q?", near)
			}
			c.add(UnknownField, join(path, key), hint, "unknown field %q in %s", key, t.Name())
			continue
		}
		if f.since > minor && m[key] != nil {
			c.add(Newer, join(path, key), "Leave it out, or raise the cluster's Kubernetes version.",
				"field %q of %s exists from Kubernetes 1.%d on; the cluster runs 1.%d, which drops it", key, t.Name(), f.since, minor)
		}
		s.compare(c, m[key], f.typ, join(path, key), minor)
	}
}

func compareScalar(c *checked, value any, t reflect.Type, path string) {
	switch t.Kind() {
	case reflect.String:
		if _, ok := value.(string); !ok {
			wrong(c, path, "a string", value)
		}
	case reflect.Bool:
		if _, ok := value.(bool); !ok {
			wrong(c, path, "true or false", value)
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		n, ok := number(value)
		switch {
		case !ok || n != math.Trunc(n):
			wrong(c, path, "a whole number", value)
		case t.Kind() == reflect.Int32 && (n > math.MaxInt32 || n < math.MinInt32):
			c.add(WrongType, path, "", "%.0f does not fit into 32 bits", n)
		}
	}
}

func number(value any) (float64, bool) {
	switch n := value.(type) {
	case int64:
		return float64(n), true
	case int:
		return float64(n), true
	case float64:
		return n, true
	default:
		return 0, false
	}
}

// compareText is for types with a text form of their own, such as quantities and durations.
func compareText(c *checked, value any, t reflect.Type, path string) {
	text, err := json.Marshal(value)
	if err != nil {
		wrong(c, path, "a "+t.Name(), value)
		return
	}
	if err := json.Unmarshal(text, reflect.New(t).Interface()); err != nil {
		what := t.Name()
		if what == "" {
			what = "base64 text"
		}
		c.add(WrongType, path, "", "%s is not a valid %s: %v", shorten(string(text)), what, err)
	}
}

func wrong(c *checked, path, want string, value any) {
	hint := ""
	if want == "a string" {
		if _, mapping := value.(map[string]any); !mapping {
			hint = "Put it in quotes."
		}
	}
	c.add(WrongType, path, hint, "must be %s, but is %s", want, describe(value))
}

func describe(value any) string {
	switch v := value.(type) {
	case string:
		return fmt.Sprintf("the string %q", shorten(v))
	case bool:
		return fmt.Sprint(v)
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	default:
		return fmt.Sprintf("the number %v", v)
	}
}

func shorten(text string) string {
	if len(text) > 100 {
		return text[:100] + "…"
	}
	return text
}

// fields are the JSON fields of struct t, those of inlined structs included.
func (s *Schemas) fields(t reflect.Type) map[string]member {
	if known, ok := s.structs.Load(t); ok {
		if fields, ok := known.(map[string]member); ok {
			return fields
		}
	}
	fields := map[string]member{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" && (f.Anonymous || options == "inline") {
			inlined := f.Type
			if inlined.Kind() == reflect.Pointer {
				inlined = inlined.Elem()
			}
			for key, value := range s.fields(inlined) {
				fields[key] = value
			}
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		key := strings.TrimPrefix(t.PkgPath(), "k8s.io/api/") + "." + t.Name() + "." + name
		fields[name] = member{name: name, typ: f.Type, since: fieldSince(key)}
	}
	s.structs.Store(t, fields)
	return fields
}

func join(path, key string) string {
	if strings.ContainsAny(key, "./") {
		return path + "[" + key + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
