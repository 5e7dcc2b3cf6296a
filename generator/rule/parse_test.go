package rule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"github.com/opsgen/opsgen/generator/rule"
)

const file = "tenants/payments/rules/a.yaml"

// group is a file with one group of these rules, each one line in flow style; the first is in line 4.
func group(rules ...string) string {
	return "groups:\n  - name: g\n    rules:\n      - " + strings.Join(rules, "\n      - ") + "\n"
}

// good is an alert about which there is nothing to say.
const good = `{alert: A, expr: up == 0, for: 5m}`

func TestAFileIsRead(t *testing.T) {
	text := `groups:
  - name: api
    interval: 30s
    labels: {team: api, tier: 1}
    rules:
      - record: job:requests:rate5m
        expr: sum by (job) (rate(requests_total[5m]))
      - alert: Slow
        expr: |
          job:latency:p99 > 1
        for: 5m
        keep_firing_for: 10m
        labels: {severity: page, tier: 2}
        annotations:
          summary: "{{ $labels.job }} takes {{ $value }} s"
`
	groups, problems, warnings := rule.Parse(file, []byte(text), rule.Options{})
	if len(problems)+len(warnings) > 0 {
		t.Fatalf("%v\n%v", problems, warnings)
	}
	minute := model.Duration(time.Minute)
	want := []rule.Group{{
		File: file, Name: "api", Interval: minute / 2, Line: 2, Column: 11,
		Rules: []rule.Rule{
			{Record: "job:requests:rate5m", Expr: "sum by (job) (rate(requests_total[5m]))", Labels: map[string]string{"team": "api", "tier": "1"}, Line: 7, Column: 15},
			{
				Alert: "Slow", Expr: "job:latency:p99 > 1\n", For: 5 * minute, KeepFiringFor: 10 * minute, Line: 9, Column: 15,
				Labels:      map[string]string{"team": "api", "tier": "2", "severity": "page"},
				Annotations: map[string]string{"summary": "{{ $labels.job }} takes {{ $value }} s"},
			},
		},
	}}
	if diff := cmp.Diff(want, groups); diff != "" {
		t.Error(diff)
	}
}

func TestWrongFiles(t *testing.T) {
	cases := map[string]struct{ yaml, want string }{
		"no YAML":               {"groups: [", "not valid YAML"},
		"empty":                 {"", file + ":1: the file is empty"},
		"no groups":             {"rules: []", `unknown field "rules"`},
		"misspelt":              {"groups:\n  - name: g\n    rules:\n      - {alert: A, exprr: up == 0}\n", file + `:4:20: unknown field "exprr" in groups[0].rules[0]; did you mean "expr"?`},
		"a key twice":           {group("{alert: A, alert: B, expr: up == 0}"), "alert is written twice"},
		"a group twice":         {group(good) + "  - name: g\n    rules: [" + good + "]\n", `5:11: the group "g" is in this file already, in line 2`},
		"a group without rules": {"groups: [{name: g}]", `the group "g" has no rules`},
		"a group without name":  {"groups: [{rules: [" + good + "]}]", "groups[0].name is missing"},
		"a wrong duration":      {group("{alert: A, expr: up == 0, for: soon}"), `4:40: groups[0].rules[0].for: not a valid duration string: "soon"`},
		"alert and record":      {group("{alert: A, record: 'a:b', expr: up == 0}"), "the rule has both record and alert"},
		"neither":               {group("{expr: up == 0}"), "4:9: the rule has neither record nor alert"},
		"no expression":         {group("{alert: A}"), `the rule "A" has no expr`},
		"a recording for":       {group("{record: 'a:b', expr: up, for: 5m}"), "4:40: a recording rule has no for"},
		"recorded annotations":  {group("{record: 'a:b', expr: up, annotations: {a: b}}"), "a recording rule has no annotations"},
		"a recorded keep":       {group("{record: 'a:b', expr: up, keep_firing_for: 5m}"), "a recording rule has no keep_firing_for"},
		"a recorded expression": {group("{record: 'a{b=\"c\"}', expr: up}"), "has braces"},
		"a recorded name":       {group("{record: 'a b', expr: up}"), `4:18: "a b" is no usable name for a series`},
		"a label":               {group("{alert: A, expr: up == 0, labels: {a-b: c}}"), `4:49: "a-b" is no usable label name`},
		"the name as a label":   {group("{alert: A, expr: up == 0, labels: {__name__: c}}"), `"__name__" is no usable label name`},
		"an annotation":         {group("{alert: A, expr: up == 0, annotations: {größe: c}}"), `"größe" is no usable annotation name`},
		"an annotation's text":  {group("{alert: A, expr: up == 0, annotations: {summary: '{{ $label.job }}'}}"), `4:58: the template of annotation "summary" cannot be read: undefined variable "$label"`},
		"a label's text":        {group("{alert: A, expr: up == 0, labels: {a: '{{ nosuch 1 }}'}}"), `the template of label "a" cannot be read: function "nosuch" not defined`},
		"a space in the name":   {group("{alert: 'A ', expr: up == 0}"), "begins or ends with a space"},
		"the same alert twice":  {group(good, good), `5:17: the alert "A" with the same labels is in line 4 already`},
		"the same record twice": {group("{record: 'a:b', expr: up}", "{record: 'a:b', expr: down}"), `5:18: the recording rule "a:b" with the same labels is in line 4 already`},
		"two documents":         {group(good) + "---\n" + group(good), "one file holds one"},
		"5 MB":                  {group(good) + strings.Repeat("#", 5<<20), "bytes; at most"},
		"a long expression":     {group("{alert: A, expr: 'up == 0" + strings.Repeat(" ", 70000) + "'}"), "the expression has 70007 bytes"},
		"deep parentheses":      {group("{alert: A, expr: '" + strings.Repeat("(", 30000) + "'}"), "not valid PromQL"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, problems, _ := rule.Parse(file, []byte(tc.yaml), rule.Options{})
			if !strings.Contains(problems.Error(), tc.want) {
				t.Errorf("got\n%v\nwant %s", problems, tc.want)
			}
		})
	}
}

// A mistake in an expression is shown where it is in the file, however the expression is written.
func TestPlacesInExpressions(t *testing.T) {
	rules := func(expr string) string {
		return "groups:\n  - name: g\n    rules:\n      - alert: A\n        for: 5m\n        expr: " + expr + "\n"
	}
	cases := map[string]struct{ expr, want string }{
		"plain":             {"up = 0", "6:18: not valid PromQL: unexpected \"=\""},
		"single quotes":     {"'up = 0'", "6:19: "},
		"double quotes":     {`"up = 0"`, "6:19: "},
		"escaped":           {`"\u0075p = 0"`, "6:15: "},
		"literal":           {"|\n          up\n            = 0", "8:13: "},
		"literal, indented": {"|-\n\n              up = 0", "8:18: "},
		"folded":            {">\n          up\n          = 0", "6:15: "},
		"unknown function":  {"rat(up[5m])", "6:15: not valid PromQL: unknown function with name \"rat\""},
		"a wrong type":      {"sum(rate(up))", "6:24: not valid PromQL: expected type range vector in call to function \"rate\", got instant vector"},
		"not closed":        {"sum(up", "unclosed left parenthesis"},
		"a wrong regexp":    {`up{a=~"("} == 0`, "missing closing )"},
		"a wrong label":     {`up{a.b="c"} == 0`, "6:19: "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, problems, _ := rule.Parse(file, []byte(rules(tc.expr)), rule.Options{})
			if !strings.Contains(problems.Error(), tc.want) {
				t.Errorf("got\n%v\nwant %s", problems, tc.want)
			}
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, problems, _ := rule.Parse(file, []byte(group("{alert: A, expr: up = 0}", "{record: 'a b', expr: '('}", "{expr: up}")), rule.Options{})
	if len(problems) != 4 {
		t.Errorf("4 things are wrong, %d are told:\n%v", len(problems), problems)
	}
}

func TestLimitsOfTheCluster(t *testing.T) {
	var rules []string
	for i := range 4 {
		rules = append(rules, fmt.Sprintf("{record: 'a:%d', expr: up}", i))
	}
	_, problems, _ := rule.Parse(file, []byte(group(rules...)), rule.Options{MaxRules: 3})
	if !strings.Contains(problems.Error(), `2:11: the group "g" has 4 rules; the cluster takes 3`) {
		t.Error(problems)
	}
	groups, problems, _ := rule.Parse(file, []byte(group(rules...)), rule.Options{MaxRules: 4, MaxGroups: 1})
	if len(problems) > 0 {
		t.Error(problems)
	}
	if warnings := rule.Clashes(append(groups, rule.Group{Name: "b"}), rule.Options{MaxGroups: 1}); !strings.Contains(warnings.Error(), "the tenant has 2 groups; the cluster takes 1") {
		t.Error(warnings)
	}
}

func TestClashes(t *testing.T) {
	parse := func(file, text string) []rule.Group {
		groups, problems, _ := rule.Parse(file, []byte(text), rule.Options{})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return groups
	}
	a := parse("a.yaml", group(good, "{record: 'a:b', expr: up}", "{record: 'a:c', expr: up, labels: {x: y}}"))
	b := parse("b.yaml", group(good, "{record: 'a:b', expr: up}", "{record: 'a:c', expr: up, labels: {x: z}}"))
	got := rule.Clashes(append(a, b...), rule.Options{}).Error()
	want := `b.yaml:4:26: the alert "A" with the same labels is also at a.yaml:4: nobody can tell the two apart
  Give one of them another name or another label.
b.yaml:5:31: the series "a:b" with the same labels is also recorded at a.yaml:5: the two overwrite each other
  Give one of them another name or another label.`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStructureOfLogQLFiles(t *testing.T) {
	text := group(`{alert: A, expr: 'sum(rate({app="a"} |= "error" [5m])) > 1', for: 5m, labels: {a-b: c}}`, `{alert: B, expr: 'no parser of ours', annotations: {a: '{{ .x'}}`)
	groups, problems, warnings := rule.ParseLogs("tenants/payments/rules/logs/a.yaml", []byte(text), rule.Options{})
	if len(groups) != 1 || len(groups[0].Rules) != 2 {
		t.Errorf("groups: %+v", groups)
	}
	for _, want := range []string{`"a-b" is no usable label name`, `the template of annotation "a" cannot be read`} {
		if !strings.Contains(problems.Error(), want) {
			t.Errorf("no problem %s:\n%v", want, problems)
		}
	}
	if strings.Contains(problems.Error(), "PromQL") || len(warnings) != 0 {
		t.Errorf("LogQL was read as PromQL: %v %v", problems, warnings)
	}
}

func TestCheckPromQL(t *testing.T) {
	if err := rule.CheckPromQL("sum(rate(x[5m])) by (job)"); err != nil {
		t.Error(err)
	}
	if err := rule.CheckPromQL("sum(x"); err == nil || !strings.HasPrefix(err.Error(), "1:6: ") {
		t.Errorf("got %v", err)
	}
}

// Whatever a file holds, it is read or refused, and what is not refused is valid to Prometheus.
func FuzzParse(f *testing.F) {
	f.Add([]byte(group(good)))
	f.Add([]byte("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: |2\n        up\n"))
	f.Add([]byte("groups: [{name: g, rules: [{record: a, expr: \"1\", labels: {a: 1, b: null}}]}]"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		rule.Parse(file, data, rule.Options{})
		rule.ParseLogs(file, data, rule.Options{})
	})
}
