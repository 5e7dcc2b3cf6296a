package ruletest_test

import (
	"context"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/ruletest"
)

// verdicts of the corpus: the tests that fail, by file; "file" stands for one that cannot be run. That the real promtool
// says the same is proven in test/promtoolcheck.
var verdicts = map[string][]string{
	"alerts.yaml":         {"other annotations", "other labels", "not expected", "does not fire", "not twice"},
	"broken.yaml":         {"a"},
	"centuries.yaml":      nil,
	"exact.yaml":          {"thirds", "two steps away"},
	"expressions.yaml":    {"another value", "another label", "one too many", "one too few", "not a number is never equal", "a matrix is no result", "a wrong expression", "wrong expected labels", "wrong input", "wrong values", "another histogram", "no histogram", "unnamed#20"},
	"failing.yaml":        {"many to many"},
	"fuzzy.yaml":          {"two steps away"},
	"no-alertname.yaml":   {"file"},
	"no-rules.yaml":       nil,
	"order-reversed.yaml": nil,
	"order-twice.yaml":    {"file"},
	"order.yaml":          nil,
	"unknown-field.yaml":  {"file"},
	"values.yaml":         nil,
}

func run(t *testing.T, o ruletest.Options, files ...string) *ruletest.Report {
	t.Helper()
	report, err := ruletest.Run(context.Background(), files, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestVerdicts(t *testing.T) {
	for name, want := range verdicts {
		report := run(t, ruletest.Options{}, filepath.Join("testdata/corpus", name))
		var got []string
		if len(report.Problems()) > 0 {
			got = append(got, "file")
		}
		for _, c := range report.Suites[0].Cases {
			if len(c.Failures) > 0 {
				got = append(got, c.Name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: failing tests (-want +got):\n%s\n%+v", name, diff, report.Suites[0])
		}
		if report.Passed() != (len(want) == 0) {
			t.Errorf("%s: passed is %v", name, report.Passed())
		}
	}
}

// write makes a folder with rules.yaml and test.yaml.
func write(t *testing.T, rules, tests string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"rules.yaml": rules, "test.yaml": tests} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const down = `groups: [{name: g, rules: [{alert: Down, expr: up == 0, annotations: {summary: '{{ $labels.job }} is down'}}, {alert: Gone, expr: absent(up)}]}]`

func TestFailuresSayWhatCame(t *testing.T) {
	dir := write(t, down, `rule_files: [rules.yaml]
tests:
  - name: several
    input_series: [{series: 'up{job="a"}', values: 0x5}, {series: 'up{job="b"}', values: 0x5}]
    alert_rule_test:
      - eval_time: 1m
        alertname: Down
        exp_alerts:
          - {exp_labels: {job: a}, exp_annotations: {summary: a is up}}
          - {exp_labels: {job: c}}
    promql_expr_test:
      - expr: up
        eval_time: 1m
        exp_samples: [{labels: 'up{job="a"}', value: 0}, {labels: 'up{job="b"}', value: 1}]
      - {expr: nothing, eval_time: 1m, exp_samples: [{labels: x, value: 1}]}
`)
	report := run(t, ruletest.Options{Base: dir, Root: dir}, filepath.Join(dir, "test.yaml"))
	want := []ruletest.Failure{
		{Line: 6, Message: `alert Down at 1m:
  fired with other annotations: {job="a"}
    summary: expected "a is up"
             got      "a is down"
  did not fire: {job="c"}
  fired, and was not expected: {job="b"}`},
		{Line: 12, Message: "up at 1m:\n  expected {__name__=\"up\", job=\"b\"} 1\n  got      {__name__=\"up\", job=\"b\"} 0"},
		{Line: 15, Message: "nothing at 1m:\n  expected {__name__=\"x\"} 1\n  got      nothing"},
	}
	if diff := cmp.Diff(want, report.Suites[0].Cases[0].Failures); diff != "" {
		t.Error(diff)
	}
	if report.Suites[0].File != "test.yaml" || report.Suites[0].Cases[0].Line != 3 {
		t.Errorf("the place is %s:%d", report.Suites[0].File, report.Suites[0].Cases[0].Line)
	}
}

func TestCoverage(t *testing.T) {
	dir := write(t, down, `rule_files: [rules.yaml]
tests:
  - name: one
    input_series: [{series: 'up{job="a"}', values: 0x5 1x5}]
    alert_rule_test:
      - {eval_time: 1m, alertname: Down, exp_alerts: [{exp_labels: {job: a}, exp_annotations: {summary: a is down}}]}
      - {eval_time: 8m, alertname: Down}
      - {eval_time: 8m, alertname: Gone, exp_alerts: [{}]}
`)
	other := filepath.Join(dir, "other.yaml")
	if err := os.WriteFile(other, []byte("groups: [{name: g, rules: [{alert: Never, expr: up}, {record: 'a:b', expr: up}]}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	report := run(t, ruletest.Options{Base: dir, RuleFiles: []string{other}}, filepath.Join(dir, "test.yaml"))
	want := []ruletest.Coverage{{File: "other.yaml", Alert: "Never"}, {File: "rules.yaml", Alert: "Down", Fired: 1, Quiet: 1}, {File: "rules.yaml", Alert: "Gone"}}
	if diff := cmp.Diff(want, report.Alerts); diff != "" {
		t.Error(diff)
	}
}

// The threat: a test in a pull request makes the runner show files of the machine.
func TestRuleFilesStayInTheTenant(t *testing.T) {
	outside := write(t, "groups: secret", "")
	dir := write(t, down, "")
	if err := os.Symlink(filepath.Join(outside, "rules.yaml"), filepath.Join(dir, "link.yaml")); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"/etc/*", "../*/rules.yaml", filepath.Join(outside, "rules.yaml"), "link.yaml", "sub/../../*"} {
		name := filepath.Join(dir, "test.yaml")
		text := "rule_files: ['" + pattern + "']\ntests: [{name: a, promql_expr_test: [{expr: '1', eval_time: 0m, exp_samples: [{value: 1}]}]}]\n"
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		report := run(t, ruletest.Options{Root: dir, Base: dir}, name)
		if !strings.Contains(report.Problems().Error(), "which is outside") {
			t.Errorf("%s was read: %+v", pattern, report.Suites)
		}
	}
}

func TestATestIsBounded(t *testing.T) {
	cases := map[string]struct{ text, want string }{
		"a billion samples":  {"rule_files: []\ntests: [{input_series: [{series: x, values: 1+1x1000000000}]}]", "have 1000000001 samples; at most 1000000 are read"},
		"more than a number": {"rule_files: []\ntests: [{input_series: [{series: x, values: 1x99999999999999999999999}]}]", "samples; at most"},
		"many series":        {"rule_files: []\ntests: [{input_series: [" + strings.Repeat("{series: x, values: 1x100000},", 20) + "]}]", "have 2000020 samples"},
	}
	for name, tc := range cases {
		dir := write(t, down, tc.text)
		report := run(t, ruletest.Options{}, filepath.Join(dir, "test.yaml"))
		if !strings.Contains(report.Problems().Error(), tc.want) {
			t.Errorf("%s: %v", name, report.Problems())
		}
	}
	dir := write(t, down, "rule_files: [rules.yaml]\nevaluation_interval: 1ms\ntests: [{name: a, promql_expr_test: [{expr: '1', eval_time: 10000d}]}]")
	report := run(t, ruletest.Options{Timeout: 200 * time.Millisecond}, filepath.Join(dir, "test.yaml"))
	if got := report.Suites[0].Cases[0].Failures; len(got) != 1 || got[0].Message != "the test takes longer than 200ms" {
		t.Errorf("a test without end: %+v", got)
	}
}

func TestAStoppedRunIsAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := ruletest.Run(ctx, []string{"testdata/corpus/order.yaml"}, ruletest.Options{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestOnlySome(t *testing.T) {
	report := run(t, ruletest.Options{Only: func(name string) bool { return name == "thirds" }}, "testdata/corpus/fuzzy.yaml")
	if len(report.Suites[0].Cases) != 1 || !report.Passed() {
		t.Errorf("got %+v", report.Suites)
	}
}

func TestJUnit(t *testing.T) {
	report := run(t, ruletest.Options{}, "testdata/corpus/fuzzy.yaml", "testdata/corpus/unknown-field.yaml")
	text, err := report.JUnit()
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name    string  `xml:"name,attr"`
				Failure *string `xml:"failure"`
				Error   *string `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(text, &read); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if read.Tests != 3 || read.Failures != 1 || read.Errors != 1 || len(read.Suites) != 2 {
		t.Errorf("numbers: %+v", read)
	}
	if c := read.Suites[0].Cases; c[0].Failure != nil || c[1].Name != "two steps away" || c[1].Failure == nil || !strings.Contains(*c[1].Failure, "expected") {
		t.Errorf("cases: %s", text)
	}
	if c := read.Suites[1].Cases[0]; c.Error == nil || !strings.Contains(*c.Error, `did you mean "name"?`) {
		t.Errorf("a file that cannot be read: %s", text)
	}
}
