package document

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxSize bounds what is read from one file: no input that a person writes comes near it.
const maxSize = 4 << 20

// Decode reads exactly one YAML document into the struct that into points to, whose fields are named by their json
// tags. Fields without a json name or tagged `jsonschema:"-"` cannot be written in a file. Unknown and repeated fields, values of a
// wrong type and missing fields tagged `jsonschema:"required"` are refused. The error is Problems, all of them at once; the
// Document is returned also then, unless the text is not YAML at all.
func Decode(file string, data []byte, into any) (*Document, error) {
	doc := &Document{File: file, text: strings.Split(string(data), "\n")}
	if len(data) > maxSize {
		return nil, Problems{{File: file, Message: fmt.Sprintf("the file has %d bytes; at most %d are read", len(data), maxSize)}}
	}
	root, err := parse(data)
	if err != nil {
		return nil, Problems{doc.syntaxProblem(err)}
	}
	if root == nil {
		return doc, Problems{{File: file, Line: 1, Message: "the file is empty", Hint: "Write at least its required fields."}}
	}
	doc.root = root
	d := decoder{doc: doc}
	d.value(root, reflect.ValueOf(into).Elem(), "")
	return doc, d.problems.Err()
}

// parse returns the first document's top node, nil for an empty file.
func parse(data []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var node, second yaml.Node
	if err := dec.Decode(&node); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("line %d: a second YAML document begins; one file holds one", second.Line)
	}
	if len(node.Content) == 0 || node.Content[0].Tag == "!!null" {
		return nil, nil
	}
	return node.Content[0], nil
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)

// syntaxProblem finds the line in the parser's message, so that it is shown like any other problem.
func (d *Document) syntaxProblem(err error) Problem {
	p := Problem{File: d.File, Message: "not valid YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.Message = "not valid YAML: " + m[2]
		p.Excerpt = d.excerpt(p.Line)
	}
	return p
}

type decoder struct {
	doc      *Document
	problems Problems
	depth    int
	values   int
}

// Bounds on what is read, aliases followed: a few lines of nested aliases can stand for billions of values.
const (
	maxDepth  = 50
	maxValues = 200_000
)

func (d *decoder) fail(node *yaml.Node, hint, format string, args ...any) {
	d.problems = append(d.problems, Problem{
		File: d.doc.File, Line: node.Line, Column: node.Column,
		Message: fmt.Sprintf(format, args...), Hint: hint, Excerpt: d.doc.excerpt(node.Line),
	})
}

// value decodes node into v; path is where it stands, for messages.
func (d *decoder) value(node *yaml.Node, v reflect.Value, path string) {
	d.depth++
	defer func() { d.depth-- }()
	if d.values++; d.values >= maxValues || d.depth > maxDepth {
		if d.values <= maxValues {
			d.fail(node, "Write out what the aliases stand for.", "%s is nested too deeply or stands for too many values", name(path))
		}
		d.values = maxValues // one problem is enough; nothing more is read
		return
	}
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if v.CanAddr() {
		if text, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
			d.text(node, text, path)
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(node, v.Elem(), path)
	case reflect.Struct:
		d.structure(node, v, path)
	case reflect.Map:
		d.mapping(node, v, path)
	case reflect.Slice:
		d.list(node, v, path)
	case reflect.Interface:
		d.anything(node, v, path)
	default:
		d.scalar(node, v, path)
	}
}

func (d *decoder) text(node *yaml.Node, into encoding.TextUnmarshaler, path string) {
	if node.Kind != yaml.ScalarNode {
		d.fail(node, "", "%s must be a single value", name(path))
		return
	}
	if err := into.UnmarshalText([]byte(node.Value)); err != nil {
		d.fail(node, "", "%s: %v", name(path), err)
	}
}

func (d *decoder) structure(node *yaml.Node, v reflect.Value, path string) {
	if node.Kind != yaml.MappingNode {
		d.fail(node, "Its fields are: "+strings.Join(fieldNames(v.Type()), ", ")+".", "%s must be a mapping with fields", name(path))
		return
	}
	fields := fieldsOf(v.Type())
	seen := map[string]int{}
	meant := map[string]bool{} // fields whose name is misspelt are not missing as well
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if !d.firstTime(seen, key, path) {
			continue
		}
		f, ok := fields[key.Value]
		if !ok {
			meant[d.unknown(key, v.Type(), path)] = true
			continue
		}
		if value.Tag == "!!null" {
			continue // a field left empty is a field left out
		}
		before := len(d.problems)
		d.value(value, v.Field(f.index), join(path, key.Value))
		if len(d.problems) == before {
			d.enumeration(value, f.allowed, join(path, key.Value))
		}
	}
	for _, fieldName := range fieldNames(v.Type()) {
		f := fields[fieldName]
		if f.required && v.Field(f.index).IsZero() && !meant[fieldName] && !d.failedAt(node, fieldName) {
			d.fail(node, "", "%s is missing", name(join(path, fieldName)))
		}
	}
}

// enumeration refuses what is not one of the field's values; in a list, each item.
func (d *decoder) enumeration(node *yaml.Node, allowed []string, path string) {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch {
	case len(allowed) == 0 || node.Kind == yaml.ScalarNode && slices.Contains(allowed, node.Value):
	case node.Kind == yaml.SequenceNode:
		for i, item := range node.Content {
			d.enumeration(item, allowed, fmt.Sprintf("%s[%d]", path, i))
		}
	default:
		if near := Nearest(node.Value, allowed); near != "" {
			d.fail(node, "", "%s is %q; did you mean %q?", name(path), node.Value, near)
			return
		}
		d.fail(node, "Write one of: "+strings.Join(allowed, ", ")+".", "%s is %q", name(path), node.Value)
	}
}

// failedAt says that the field is written but could not be read: then one problem about it is enough.
func (d *decoder) failedAt(node *yaml.Node, field string) bool {
	written := child(node, field)
	if written == nil || written.Tag == "!!null" {
		return false
	}
	for _, p := range d.problems {
		if p.Line >= written.Line {
			return true
		}
	}
	return false
}

func (d *decoder) firstTime(seen map[string]int, key *yaml.Node, path string) bool {
	if line, repeated := seen[key.Value]; repeated {
		d.fail(key, "Keep one of the two.", "%s is written twice; first in line %d", name(join(path, key.Value)), line)
		return false
	}
	seen[key.Value] = key.Line
	return true
}

// unknown reports a field that does not exist, and answers which one was meant, if that can be guessed.
func (d *decoder) unknown(key *yaml.Node, t reflect.Type, path string) (meant string) {
	in := ""
	if path != "" {
		in = " in " + path
	}
	names := fieldNames(t)
	if near := Nearest(key.Value, names); near != "" {
		d.fail(key, "", "unknown field %q%s; did you mean %q?", key.Value, in, near)
		return near
	}
	d.fail(key, "Fields here are: "+strings.Join(names, ", ")+".", "unknown field %q%s", key.Value, in)
	return ""
}

func (d *decoder) mapping(node *yaml.Node, v reflect.Value, path string) {
	if node.Kind != yaml.MappingNode {
		d.fail(node, "", "%s must be a mapping", name(path))
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(node.Content)/2))
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if !d.firstTime(seen, key, path) {
			continue
		}
		element := reflect.New(v.Type().Elem()).Elem()
		if value.Tag != "!!null" || element.Kind() == reflect.Interface {
			d.value(value, element, join(path, key.Value))
		}
		v.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), element)
	}
}

func (d *decoder) list(node *yaml.Node, v reflect.Value, path string) {
	if node.Kind != yaml.SequenceNode {
		d.fail(node, "", "%s must be a list", name(path))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(node.Content), len(node.Content)))
	for i, item := range node.Content {
		d.value(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

// anything decodes free-form content, such as chart values, into JSON types.
func (d *decoder) anything(node *yaml.Node, v reflect.Value, path string) {
	switch node.Kind {
	case yaml.MappingNode:
		m := reflect.New(reflect.TypeFor[map[string]any]()).Elem()
		d.mapping(node, m, path)
		v.Set(m)
	case yaml.SequenceNode:
		l := reflect.New(reflect.TypeFor[[]any]()).Elem()
		d.list(node, l, path)
		v.Set(l)
	default:
		var value any
		if err := node.Decode(&value); err != nil {
			d.fail(node, "", "%s: %v", name(path), err)
			return
		}
		switch n := value.(type) {
		case nil:
			return
		case int:
			value = int64(n)
		case bool, string, int64, float64:
		default: // a date, say: what was written is what is meant
			value = node.Value
		}
		v.Set(reflect.ValueOf(value))
	}
}

func (d *decoder) scalar(node *yaml.Node, v reflect.Value, path string) {
	if node.Kind != yaml.ScalarNode {
		d.fail(node, "", "%s must be a single value, %s", name(path), kindName(v.Kind()))
		return
	}
	if v.Kind() == reflect.String {
		if node.Tag != "!!str" { // "1.30" without quotes would lose its zero: the text as written is what is meant
			d.fail(node, fmt.Sprintf("Write it in quotes: %q.", node.Value), "%s must be a text", name(path))
			return
		}
		v.SetString(node.Value)
		return
	}
	// The library would cut 1.5 to 1 without a word.
	fraction := node.Tag == "!!float" && (v.Kind() == reflect.Int || v.Kind() == reflect.Int64)
	if err := node.Decode(v.Addr().Interface()); err != nil || fraction {
		d.fail(node, "", "%s must be %s, not %q", name(path), kindName(v.Kind()), node.Value)
	}
}

func kindName(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	default:
		return "a text"
	}
}

func name(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

func join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}
