package validation

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/opsgen/opsgen/generator/document"
)

func report(problems ...document.Problem) *Report {
	r := &Report{Tenants: []Row{{Name: "search"}}, Notes: []string{"LogQL was\nnot parsed"}}
	r.add(Error, Rules, "search", problems)
	r.finish()
	return r
}

// A message holds what a pull request brings. The threat: one that begins a command of its own, such as ::add-mask or
// ::error on another file.
func TestAnnotationsCannotBeForged(t *testing.T) {
	var out strings.Builder
	r := report(document.Problem{File: "tenants/search/a,file=b::x\n::error::y.yaml", Line: 3, Message: "100 %\n::warning::forged", Hint: "Mend it."})
	if err := r.GitHub(&out); err != nil {
		t.Fatal(err)
	}
	want := "::error title=opsgen%3A rules,file=tenants/search/a%2Cfile=b%3A%3Ax%0A%3A%3Aerror%3A%3Ay.yaml,line=3::100 %25%0A::warning::forged%0AMend it.\n" +
		"::notice title=opsgen::LogQL was%0Anot parsed\n"
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Error(d)
	}
}

// What the standard requires of a log: its version, a tool with a name, rules that results name by their place, levels and
// regions that exist.
func TestSARIFIsComplete(t *testing.T) {
	var out strings.Builder
	r := report(document.Problem{File: "tenants/search/rules/a.yaml", Line: 3, Column: 7, Message: "wrong"}, document.Problem{Message: "without a place"})
	r.add(Warning, Dashboards, "search", document.Problems{{File: "b.json", Message: "odd"}})
	if err := r.SARIF(&out); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	decoder := json.NewDecoder(strings.NewReader(out.String()))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || len(log.Runs) != 1 || log.Runs[0].Tool.Driver.Name == "" || len(log.Runs[0].Results) != 3 {
		t.Fatalf("not a log: %s", out.String())
	}
	for _, result := range log.Runs[0].Results {
		if id := log.Runs[0].Tool.Driver.Rules[result.RuleIndex].ID; id != result.RuleID {
			t.Errorf("rule %s stands at the place of %s", id, result.RuleID)
		}
		if result.Level != "error" && result.Level != "warning" || result.Message.Text == "" {
			t.Errorf("result %+v has no level or no text", result)
		}
		for _, location := range result.Locations {
			if region := location.Physical.Region; region != nil && region.StartLine < 1 {
				t.Errorf("a region begins at line %d", region.StartLine)
			}
		}
	}
}

// TestSARIFFitsThePublishedSchema checks a log against the schema of OASIS, as it is in the pinned module of a tool that our
// linter is built with.
func TestSARIFFitsThePublishedSchema(t *testing.T) {
	find := exec.Command("go", "mod", "download", "-json", "github.com/securego/gosec/v2")
	find.Dir, find.Env = filepath.Join("..", "..", "tools", "lint"), append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	text, err := find.Output()
	if err != nil {
		t.Fatalf("the module with the schema: %v\n%s", err, text)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(text, &module); err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(filepath.Join(module.Dir, "report", "sarif", "testdata", "sarif-schema-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	check := func(r *Report) error {
		t.Helper()
		var out strings.Builder
		if err := r.SARIF(&out); err != nil {
			t.Fatal(err)
		}
		log, err := jsonschema.UnmarshalJSON(strings.NewReader(out.String()))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(log)
	}
	full := report(document.Problem{File: "tenants/search/a b%ü:c.yaml", Line: 3, Column: 7, Message: "wrong", Hint: "Mend it."}, document.Problem{Message: "without a place"})
	full.add(Warning, Dashboards, "search", document.Problems{{File: "b.json", Message: "odd"}})
	for name, r := range map[string]*Report{"findings": full, "nothing": {}} {
		if err := check(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	full.Findings[0].Severity = "fatal"
	if check(full) == nil {
		t.Error("the schema takes a level that there is not")
	}
}

func TestEveryTopicIsARuleOfSARIF(t *testing.T) {
	known := map[string]bool{}
	for _, topic := range topics() {
		known[topic.ID] = true
	}
	for _, about := range []string{Inputs, Advice, Rules, Tests, Alerting, Dashboards, Secrets} {
		if !known[about] {
			t.Errorf("%s is no rule", about)
		}
	}
}

func TestSameMistakeIsToldOnce(t *testing.T) {
	problem := document.Problem{File: "a.yaml", Line: 1, Message: "wrong"}
	r := report(problem, problem)
	if len(r.Findings) != 1 || r.Tenants[0].Errors != 1 {
		t.Errorf("told %d times, counted %d", len(r.Findings), r.Tenants[0].Errors)
	}
}

func TestManyTenantsAreNotListed(t *testing.T) {
	r := &Report{All: manyTenants + 1}
	for i := range manyTenants + 1 {
		r.Tenants = append(r.Tenants, Row{Name: strings.Repeat("x", i+1)})
	}
	r.add(Warning, Rules, "xx", document.Problems{{File: "tenants/xx/rules/a.yaml", Message: "odd"}})
	r.finish()
	var out strings.Builder
	if err := r.Text(&out); err != nil {
		t.Fatal(err)
	}
	want := "tenants/xx/rules/a.yaml: warning: odd\n\n" +
		"TENANT  RULES  TESTS  ALERTS TESTED  DASHBOARDS  ERRORS  WARNINGS\n" +
		"xx      0      0      0 of 0         0           0       1\n\n" +
		"0 errors, 1 warning in 21 tenants, 0.0 s\n"
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Error(d)
	}
}
