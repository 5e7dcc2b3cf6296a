package alerting

import (
	"reflect"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/config"
	commoncfg "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"

	"github.com/opsgen/opsgen/generator/document"
)

// walk follows Alertmanager's own types through the file: so it knows each field that may be written, each that reads a
// file, and each that is a secret, also those that a newer Alertmanager adds.
func (t *text) walk() {
	t.value(t.root, reflect.TypeFor[config.Config](), "")
	t.misplacedReferences()
}

// opaque are types that Alertmanager reads in a way of its own: they hold neither files nor secrets.
func opaque(typ reflect.Type) bool {
	return strings.HasSuffix(typ.PkgPath(), "/timeinterval") || typ == reflect.TypeFor[config.HostPort]() || typ == reflect.TypeFor[config.Matchers]()
}

func (t *text) value(node *yaml.Node, typ reflect.Type, path string) {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch {
	case isSecret(typ):
		t.secret(node, typ, path)
	case isURL(typ):
		t.address(node, path)
	case opaque(typ):
	case typ.Kind() == reflect.Struct && node.Kind == yaml.MappingNode:
		t.structure(node, typ, path)
	case typ.Kind() == reflect.Slice && node.Kind == yaml.SequenceNode:
		for _, item := range node.Content {
			t.value(item, typ.Elem(), path)
		}
	case typ.Kind() == reflect.Map && node.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			t.value(node.Content[i+1], typ.Elem(), join(path, node.Content[i].Value))
		}
	case node.Kind == yaml.ScalarNode:
		t.plain(node, path)
	}
}

func (t *text) structure(node *yaml.Node, typ reflect.Type, path string) {
	fields, rest := fieldsOf(typ)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		here := join(path, key.Value)
		field, known := fields[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode:
			// The threat: an alias called like a harmless field that stands for the name of another one.
			t.fail(key, "Write the name out.", "a field's name cannot be an alias")
		case key.Value == "<<" && key.Tag == "!!merge":
			t.merged(value, typ, path)
		case !known && rest != nil:
			t.value(value, rest, here)
		case !known:
			t.unknown(key, fields, path)
		case readsFile(key.Value, typ):
			// The threat: Alertmanager serves all tenants. A file that one names is read with its rights, and sent
			// wherever the tenant likes. Cortex refuses most of these fields (pkg/alertmanager/api.go, v1.21.1), but
			// not http_headers.*.files.
			t.fail(key, "Put the value into a Secret and write ${secret:NAME/KEY} in the field without \"_file\".",
				"%s reads a file of the Alertmanager, which tenants may not", here)
		case key.Value == "proxy_from_environment" && value.Value == "true":
			t.fail(key, "Name the proxy in proxy_url.", "%s uses the Alertmanager's own environment, which tenants may not", here)
		case path == "" && key.Value == "tracing":
			t.fail(key, "Leave it out.", "tracing belongs to whoever runs the Alertmanager")
		case value.Tag != "!!null":
			t.value(value, field, here)
		}
	}
}

// merged walks what is merged into a mapping: another one, or several.
func (t *text) merged(node *yaml.Node, typ reflect.Type, path string) {
	if node = resolved(node); node.Kind != yaml.SequenceNode {
		t.value(node, typ, path)
		return
	}
	for _, item := range node.Content {
		t.value(item, typ, path)
	}
}

func readsFile(name string, in reflect.Type) bool {
	return strings.HasSuffix(name, "_file") || in == reflect.TypeFor[commoncfg.Header]() && name == "files"
}

func (t *text) unknown(key *yaml.Node, fields map[string]reflect.Type, path string) {
	names := make([]string, 0, len(fields))
	for name := range fields {
		if !strings.HasSuffix(name, "_file") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	in := ""
	if path != "" {
		in = " in " + path
	}
	if near := document.Nearest(key.Value, names); near != "" {
		t.fail(key, "", "unknown field %q%s; did you mean %q?", key.Value, in, near)
		return
	}
	t.fail(key, "Fields here are: "+strings.Join(names, ", ")+".", "unknown field %q%s", key.Value, in)
}

// fieldsOf are the fields of a struct by the name that is written in YAML, and the type of whatever else may be written.
func fieldsOf(typ reflect.Type) (fields map[string]reflect.Type, rest reflect.Type) {
	fields = map[string]reflect.Type{}
	for i := range typ.NumField() {
		f := typ.Field(i)
		if !f.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "-":
		case strings.Contains(options, "inline") && f.Type.Kind() == reflect.Map:
			rest = f.Type.Elem()
		case strings.Contains(options, "inline"):
			inner, more := fieldsOf(f.Type)
			for n, typ := range inner {
				fields[n] = typ
			}
			if more != nil {
				rest = more
			}
		case name == "":
			fields[strings.ToLower(f.Name)] = f.Type
		default:
			fields[name] = f.Type
		}
	}
	return fields, rest
}

func join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}
