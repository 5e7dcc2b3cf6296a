package schema

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/component"
	"github.com/opsgen/opsgen/generator/exporter"
	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/generator/tenant"
)

// input is one kind of file that people write.
type input struct {
	file  string
	value any
	// sources are the texts of the files with the types, each of a package beside the value's own.
	sources []string
}

var inputs = map[string]input{
	"cluster":   {"clusters/<name>/cluster.yaml", &cluster.Cluster{}, []string{cluster.Types}},
	"tenant":    {"tenants/<name>/tenant.yaml", &tenant.Tenant{}, []string{tenant.Types, exporter.Types}},
	"versions":  {"versions.yaml", &bundle.Bundle{}, []string{bundle.Types}},
	"component": {"bases/<name>/component.yaml", &component.Component{}, []string{component.Types}},
}

// Names are the kinds of files that have a schema, sorted.
func Names() []string { return slices.Sorted(maps.Keys(inputs)) }

// JSON is the JSON Schema (draft 2020-12) of one kind of file.
func JSON(name string) ([]byte, error) {
	s, err := reflectInput(name)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write schema %s: %w", name, err)
	}
	return append(text, '\n'), nil
}

func reflectInput(name string) (*jsonschema.Schema, error) {
	in, ok := inputs[name]
	if !ok {
		return nil, fmt.Errorf("there is no schema %q; schemas are: %s", name, strings.Join(Names(), ", "))
	}
	comments, err := commentsOf(in)
	if err != nil {
		return nil, err
	}
	r := jsonschema.Reflector{
		RequiredFromJSONSchemaTags: true, ExpandedStruct: true, Anonymous: true, CommentMap: comments, Mapper: quantities,
	}
	s := r.Reflect(in.value)
	s.Title, s.Description = in.file, comments[typeName(reflect.TypeOf(in.value).Elem())]
	return s, nil
}

// quantities describes the values that are written with a unit.
func quantities(t reflect.Type) *jsonschema.Schema {
	number := &jsonschema.Schema{Type: "number", Minimum: "0"}
	switch t {
	case reflect.TypeFor[quantity.Count]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string", Pattern: `^[0-9]+(\.[0-9]+)?(k|M|G)?$`}, number}, Examples: []any{"150k", "5M"}}
	case reflect.TypeFor[quantity.Bytes]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string", Pattern: `^[0-9]+(\.[0-9]+)?(B|[kKMGTP]B|[KMGTP]iB)?$`}, number}, Examples: []any{"500GB", "64MiB"}}
	case reflect.TypeFor[quantity.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9]+(d|w|y)|([0-9]+(\.[0-9]+)?(h|m|s|ms))+)$`, Examples: []any{"30d", "12h"}}
	}
	return nil
}

func typeName(t reflect.Type) string { return t.PkgPath() + "." + t.Name() }

// commentsOf reads the comments of types and fields, by "package.Type" and "package.Type.Field".
func commentsOf(in input) (map[string]string, error) {
	comments := map[string]string{}
	for _, source := range in.sources {
		file, err := parser.ParseFile(token.NewFileSet(), "types.go", source, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("read the comments of %s: %w", in.file, err)
		}
		typeComments(comments, path.Join(path.Dir(reflect.TypeOf(in.value).Elem().PkgPath()), file.Name.Name), file)
	}
	return comments, nil
}

// typeComments collects the comments of one file's types and fields.
func typeComments(comments map[string]string, pkg string, file *ast.File) {
	for _, declaration := range file.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok || general.Tok != token.TYPE {
			continue
		}
		for _, spec := range general.Specs {
			typeSpec, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			name := pkg + "." + typeSpec.Name.Name
			comments[name] = sentence(general.Doc.Text())
			if structure, ok := typeSpec.Type.(*ast.StructType); ok {
				fieldComments(comments, name, structure)
			}
		}
	}
}

// fieldComments collects the fields' comments. A field without one shares that of the field above.
func fieldComments(comments map[string]string, typeName string, structure *ast.StructType) {
	last := ""
	for _, field := range structure.Fields.List {
		if text := sentence(field.Doc.Text()); text != "" {
			last = text
		}
		for _, fieldName := range field.Names {
			comments[typeName+"."+fieldName.Name] = last
		}
	}
}

// sentence is a comment on one line.
func sentence(comment string) string { return strings.Join(strings.Fields(comment), " ") }
