package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

// json FILE [PATH WANT] asks that a file (or stdout) is one JSON value and nothing else and, with a path such as
// clusters.0.changes.1.file, what stands there; a list or a mapping there is its length.
func checkJSON(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 && len(args) != 3 {
		ts.Fatalf("usage: json FILE [PATH WANT]")
	}
	value, err := oneValue(ts.ReadFile(args[0]))
	if err != nil {
		ts.Fatalf("%s is not one JSON value: %v", args[0], err)
	}
	if len(args) == 1 {
		return
	}
	if got := valueAt(value, args[1]); got != args[2] {
		ts.Fatalf("%s: %s is %q, want %q", args[0], args[1], got, args[2])
	}
}

func oneValue(text string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows it")
	}
	return value, nil
}

func valueAt(value any, path string) string {
	for _, step := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				return "absent"
			}
			value = v[i]
		default:
			return "absent"
		}
	}
	switch v := value.(type) {
	case map[string]any:
		return fmt.Sprint(len(v))
	case []any:
		return fmt.Sprint(len(v))
	default:
		return fmt.Sprint(v)
	}
}

// validate SCHEMA FILE... holds YAML files against a JSON Schema, as editors do.
func validate(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: validate SCHEMA FILE...")
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(err)
	compiler := jsonschema.NewCompiler()
	ts.Check(compiler.AddResource("schema.json", document))
	schema, err := compiler.Compile("schema.json")
	ts.Check(err)
	for _, file := range args[1:] {
		text, err := yaml.YAMLToJSON([]byte(ts.ReadFile(file)))
		ts.Check(err)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		ts.Check(err)
		if err := schema.Validate(value); (err == nil) == neg {
			ts.Fatalf("%s: valid: %v\n%v", file, err == nil, err)
		}
	}
}
