package document_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/quantity"
)

type file struct {
	Name     string            `json:"name" jsonschema:"-"`
	Domain   string            `json:"domain" jsonschema:"required,example=a.b"`
	Capacity capacity          `json:"capacity"`
	Zones    []string          `json:"zones"`
	Labels   map[string]string `json:"labels"`
	Enabled  *bool             `json:"enabled"`
	Values   map[string]any    `json:"values"`
	Nodes    int               `json:"nodes"`
	Rate     float64           `json:"rate"`
	Size     string            `json:"size" jsonschema:"enum=small,enum=large"`
	Copies   int               `json:"copies" jsonschema:"enum=1,enum=3"`
	Scopes   []string          `json:"scopes" jsonschema:"enum=read,enum=write"`
}

type capacity struct {
	Retention quantity.Duration `json:"retention" jsonschema:"required"`
	Series    quantity.Count    `json:"series"`
	Volume    quantity.Bytes    `json:"volume"`
}

func TestDecode(t *testing.T) {
	var got file
	_, err := document.Decode("cluster.yaml", []byte(`
domain: obs.example.com
capacity: {retention: 30d, series: 5M, volume: 1.5GB}
zones: &z [a, b]
labels: {a: "1"}
enabled: false
values: {list: [1, 2.5, null, {deep: true}], date: 2026-01-01}
nodes: 3
rate: 2
size: small
copies: 3
scopes: [read]
`), &got)
	if err != nil {
		t.Fatal(err)
	}
	off := false
	want := file{
		Domain: "obs.example.com", Capacity: capacity{30 * 24 * 3600e9, 5e6, 1.5e9}, Zones: []string{"a", "b"},
		Labels: map[string]string{"a": "1"}, Enabled: &off, Nodes: 3, Rate: 2,
		Size: "small", Copies: 3, Scopes: []string{"read"},
		Values: map[string]any{"list": []any{int64(1), 2.5, nil, map[string]any{"deep": true}}, "date": "2026-01-01"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestProblemsNameThePlaceAndTheCure(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"unknown field with a near one":    {"domain: a\ncapacity: {retension: 1d}", `f.yaml:2:12: unknown field "retension" in capacity; did you mean "retention"?`},
		"unknown field without a near one": {"domain: a\nxyzzy: 1", "Fields here are: domain, capacity, zones, labels, enabled, values, nodes, rate, size, copies, scopes."},
		"field that is not for files":      {"domain: a\nname: x", `unknown field "name"`},
		"missing field":                    {"zones: [a]", "f.yaml:1:1: domain is missing"},
		"missing nested field":             {"domain: a\ncapacity: {series: 1}", "f.yaml:2:11: capacity.retention is missing"},
		"field left empty":                 {"domain:", "domain is missing"},
		"written twice":                    {"domain: a\ndomain: b", "f.yaml:2:1: domain is written twice; first in line 1"},
		"number for a text":                {"domain: 1.30", `domain must be a text` + "\n"},
		"number for a text, the cure":      {"domain: 1.30", `Write it in quotes: "1.30".`},
		"text for a number":                {"domain: a\nnodes: many", `f.yaml:2:8: nodes must be a whole number, not "many"`},
		"text for a truth":                 {"domain: a\nenabled: maybe", "enabled must be true or false"},
		"bad count":                        {"domain: a\ncapacity: {retention: 1d, series: 5 apples}", `capacity.series: "5 apples" has an unknown unit "apples"`},
		"bad duration":                     {"domain: a\ncapacity: {retention: soon}", `"soon" is not a duration such as "30d"`},
		"misspelt choice":                  {"domain: a\nsize: smal", `f.yaml:2:7: size is "smal"; did you mean "small"?`},
		"unknown choice":                   {"domain: a\nsize: huge", "Write one of: small, large."},
		"unknown number":                   {"domain: a\ncopies: 2", `copies is "2"`},
		"unknown choice in a list":         {"domain: a\nscopes: [read, all]", `f.yaml:2:16: scopes[1] is "all"`},
		"choice behind an alias":           {"domain: &d a\nsize: *d", `size is "a"`},
		"list for a mapping":               {"domain: a\ncapacity: [1]", "capacity must be a mapping with fields"},
		"mapping for a list":               {"domain: a\nzones: {a: b}", "zones must be a list"},
		"mapping for a text":               {"domain: {a: b}", "domain must be a single value, a text"},
		"broken YAML":                      {"domain: a\nzones: [a\nx: y: z", "f.yaml:1: not valid YAML"},
		"two documents":                    {"domain: a\n---\ndomain: b", "a second YAML document begins"},
		"empty":                            {"# nothing\n", "f.yaml:1: the file is empty"},
		"the line itself is shown":         {"domain: a\nnodes: many\nrate: 1", "  >   2 | nodes: many"},
		"a billion laughs":                 {"domain: a\nvalues: {a: &a [x, x], b: &b [*a, *a], c: &c [*b, *b]}\nzones: *c", "zones[0] must be a single value"},
	} {
		var into file
		_, err := document.Decode("f.yaml", []byte(test.text), &into)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got\n%v\nwant %q", name, err, test.want)
		}
	}
}

func TestMisspeltFieldIsOneProblem(t *testing.T) {
	var into file
	_, err := document.Decode("f.yaml", []byte("domain: a\ncapacity: {retension: 1d}"), &into)
	var problems document.Problems
	if !errors.As(err, &problems) || len(problems) != 1 {
		t.Errorf("got %v", err)
	}
}

func TestNestedAliasesAreBounded(t *testing.T) {
	text := "domain: a\nvalues:\n  a0: &a0 [x, x]\n"
	for i := range 40 {
		text += fmt.Sprintf("  a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
	}
	var into file
	_, err := document.Decode("f.yaml", []byte(text), &into)
	var problems document.Problems
	if !errors.As(err, &problems) || len(problems) != 1 || !strings.Contains(err.Error(), "too many values") {
		t.Errorf("got %v", err)
	}
}

func TestAllProblemsAtOnceInOrder(t *testing.T) {
	var into file
	_, err := document.Decode("f.yaml", []byte("zones: 1\nnodes: x\nfoo: 1\n"), &into)
	var problems document.Problems
	if !errors.As(err, &problems) || len(problems) != 4 {
		t.Fatalf("got %v, want four problems", err)
	}
	text := problems.Error()
	last := -1
	for _, want := range []string{"f.yaml:1:1: domain is missing", "f.yaml:1:8", "f.yaml:2:8", "f.yaml:3:1"} {
		at := strings.Index(text, want)
		if at <= last {
			t.Errorf("%q does not follow in\n%s", want, text)
		}
		last = at
	}
}

func TestProblemFindsThePlaceOfAPath(t *testing.T) {
	var into file
	doc, err := document.Decode("f.yaml", []byte("domain: a\nzones:\n- a\n- b\n"), &into)
	if err != nil {
		t.Fatal(err)
	}
	for path, line := range map[string]int{"zones[1]": 4, "zones[7]": 3, "zones": 3, "capacity.retention": 1, "domain": 1} {
		if p := doc.Problem(path, "m", ""); p.Line != line {
			t.Errorf("%s: line %d, want %d", path, p.Line, line)
		}
	}
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{"retension": "retention", "Domain": "domain", "x": "", "completely": ""} {
		if got := document.Nearest(word, []string{"retention", "domain", "zones"}); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
}

// FuzzDecode checks that no file makes opsgen fail in any other way than with problems.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"domain: a", "a: &a [*a]", "? {a: b}\n: c", "- 1\n- 2", "domain: !!binary aGk=", "capacity: {<<: {retention: 1d}}", "values: {1: 2}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var into file
		_, err := document.Decode("f.yaml", text, &into)
		var problems document.Problems
		if err != nil && !errors.As(err, &problems) {
			t.Errorf("an error that is no problem: %v", err)
		}
	})
}
