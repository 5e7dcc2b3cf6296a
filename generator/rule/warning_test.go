package rule_test

import (
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/alerting"
	"github.com/opsgen/opsgen/generator/rule"
)

func alert(expr string) string { return "{alert: A, for: 5m, expr: '" + expr + "'}" }

func TestWarnings(t *testing.T) {
	cases := map[string]struct{ rule, want string }{
		"no for":                        {"{alert: A, expr: up == 0}", `4:17: the alert "A" has no for: one bad evaluation is enough to call somebody`},
		"alertname":                     {"{alert: A, expr: up == 0, for: 5m, labels: {alertname: B}}", "the label alertname replaces the alert's name"},
		"an internal label":             {"{alert: A, expr: up == 0, for: 5m, labels: {__b: B}}", `the label "__b" is dropped`},
		"a changing label":              {"{alert: A, expr: up == 0, for: 5m, labels: {b: 'is {{ $value | humanize }}'}}", `the label "b" changes with the value`},
		"an empty label":                {"{alert: A, expr: up == 0, for: 5m, labels: {b: ''}}", `the label "b" is empty`},
		"a plain name":                  {"{record: requests, expr: up}", `4:18: the recorded name "requests" has no colon`},
		"absent of nothing in sight":    {alert("absent(up)"), "4:36: absent without a label with = gives an alert that does not say what is absent"},
		"absent of a sum":               {alert("absent(sum(up{job=\"a\"}))"), "absent of an aggregation is true only when all of its series are gone"},
		"absent of several":             {alert("absent(up{job=~\"a|b\"})"), `absent with job=~"a|b" is true only when all of them are gone`},
		"absent over time":              {alert("absent_over_time(up[5m])"), "absent_over_time without a label with ="},
		"count of nothing":              {alert("count(up{job=\"a\"}) == 0"), "count is never below 1"},
		"count below one":               {alert("count(up{job=\"a\"}) < 1"), "count is never below 1"},
		"rate of a sum":                 {alert("rate(sum(x)[5m:1m]) > 1"), "rate of sum shows a jump whenever one of the counters restarts"},
		"no comparison":                 {alert("rate(x[5m])"), "4:36: the expression has no comparison"},
		"bool":                          {alert("up == bool 0"), "the comparison with bool always gives a result"},
		"everything":                    {alert("{__name__=~\".+\"} > 0"), "4:36: the selector reads every series of the tenant"},
		"everything, in other letters":  {alert("count({__name__=~\"(.+)\", a!=\"b\"}) > 10"), "the selector reads every series of the tenant"},
		"names by pattern":              {alert("{__name__=~\"http_.*\"} > 0"), "compared with the name of every metric"},
		"only patterns":                 {alert("{a=~\"b|c\"} > 0"), "the selector has no metric and no label with ="},
		"no metric":                     {alert("{a=\"b\"} > 0"), "the selector has no metric, so that"},
		"a pattern that is always true": {alert("up{job=~\".*\"} == 0"), `job=~".*" is true of every series`},
		"a long range":                  {alert("rate(x[30d]) > 1"), "a range of 30d is read at each evaluation"},
		"a long subquery":               {alert("max_over_time(rate(x[5m])[3d:5m]) > 1"), "the subquery is evaluated 864 times at each evaluation"},
		"a fine subquery":               {alert("max_over_time(rate(x[5m])[1h:1s]) > 1"), "the subquery is evaluated 3600 times at each evaluation"},
		"a subquery in a subquery":      {alert("max_over_time(avg_over_time(x[1h:5m])[1h:5m]) > 1"), "a subquery within a subquery"},
		"a label that is gone":          {"{alert: A, expr: 'sum by (job) (x) > 1', for: 5m, annotations: {a: '{{ $labels.instance }}'}}", `the label "instance" is always empty`},
		"a label that never was":        {"{alert: A, expr: 'sum(x) > 1', for: 5m, annotations: {a: '{{ $labels.job }}'}}", `the label "job" is always empty`},
		"a label that is misspelt":      {"{alert: A, expr: 'sum by (instance) (x) > 1', for: 5m, annotations: {a: '{{ $labels.instnace }}'}}", "Did you mean instance?"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, problems, warnings := rule.Parse(file, []byte(group(tc.rule)), rule.Options{})
			if len(problems) > 0 || !strings.Contains(warnings.Error(), tc.want) {
				t.Errorf("got\n%v\n%v\nwant the warning %s", problems, warnings, tc.want)
			}
		})
	}
	_, _, warnings := rule.Parse(file, []byte(group("{alert: A, expr: up == 0, for: 5m}", "{alert: A, expr: down == 0, for: 5m}")), rule.Options{})
	if !strings.Contains(warnings.Error(), `5:17: the alert "A" with the same labels is in line 4 already`) {
		t.Error(warnings)
	}
	_, _, warnings = rule.Parse(file, []byte("groups: [{name: g, interval: 10m, rules: ["+good+"]}]"), rule.Options{})
	if !strings.Contains(warnings.Error(), "for of 5m is shorter than the group's interval of 10m") {
		t.Error(warnings)
	}
}

func TestGoodRulesAreNotWarnedAbout(t *testing.T) {
	for _, text := range []string{
		alert("absent(up{job=\"a\"})"), alert("absent_over_time(up{job=\"a\"}[10m])"), alert("count(up) < 3"), alert("(count(up{job=\"a\"}) or vector(0)) == 0"),
		alert("vector(1)"), alert("ALERTS{severity=\"page\"}"), alert("up{job=\"a\"} unless up{job=\"b\"}"), alert("max_over_time(rate(x[5m])[1h:5m]) > 1"),
		alert("rate(x[1d]) > 1"), alert("up{job=~\"a.*\"} == 0"), alert("sum(up == bool 1) < 3"),
		"{alert: A, expr: up == 0, for: 0s}", "{record: 'a:b', expr: 'sum by (job) (up)'}",
		"{alert: A, expr: 'sum by (job) (x) > 1', for: 5m, annotations: {a: '{{ $labels.job }}'}}",
		"{alert: A, expr: 'sum without (job) (x) > 1', for: 5m, annotations: {a: '{{ $labels.instance }}'}}",
		"{alert: A, expr: 'label_replace(sum(x), \"a\", \"b\", \"\", \"\") > 1', for: 5m, annotations: {a: '{{ $labels.a }}'}}",
		"{alert: A, expr: 'x * on (a) group_left (b) sum by (a, b) (y) > 1', for: 5m, annotations: {a: '{{ $labels.b }} {{ $labels.c }}'}}",
		"{alert: A, expr: 'sum by (a) (x) / on (a) sum by (a) (y) > 1', for: 5m, annotations: {a: '{{ $labels.a }}'}}",
		"{alert: A, expr: 'sum(x) > 1', for: 5m, annotations: {a: '{{ range query \"up\" }}{{ .Labels.job }}{{ end }}'}}",
		"{alert: A, expr: 'topk(3, x) > 1', for: 5m, annotations: {a: '{{ $labels.job }}'}}",
	} {
		_, problems, warnings := rule.Parse(file, []byte(group(text)), rule.Options{})
		if len(problems)+len(warnings) > 0 {
			t.Errorf("%s:\n%v\n%v", text, problems, warnings)
		}
	}
}

func TestSeveritiesThatNoRouteTakes(t *testing.T) {
	c, problems, _ := alerting.Parse("tenants/payments/alertmanager.yaml", []byte(`
receivers: [{name: chat}]
route:
  receiver: chat
  routes: [{matchers: [severity="page"], routes: [{matchers: ['team="db"']}]}, {matchers: ['severity=~"warn.*"']}, {matchers: ['severity!="none"', 'a="b"']}]
`), nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	cases := map[string]struct{ labels, want string }{
		"known":         {"{severity: page}", ""},
		"by pattern":    {"{severity: warning}", ""},
		"a template":    {"{severity: '{{ $labels.severity }}'}", ""},
		"misspelt":      {"{severity: pgae}", "no route of tenants/payments/alertmanager.yaml takes severity \"pgae\": the alert goes to the root's receiver"},
		"only excluded": {"{severity: none}", `takes severity "none"`},
		"none":          {"{team: db}", `the alert "A" has no severity, by which tenants/payments/alertmanager.yaml routes`},
	}
	for name, tc := range cases {
		text := group("{alert: A, expr: up == 0, for: 5m, labels: " + tc.labels + "}")
		_, _, warnings := rule.Parse(file, []byte(text), rule.Options{Alerting: c})
		if tc.want == "" && len(warnings) > 0 || !strings.Contains(warnings.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", name, warnings, tc.want)
		}
		_, _, warnings = rule.ParseLogs(file, []byte(text), rule.Options{Alerting: c})
		if tc.want == "" && len(warnings) > 0 || !strings.Contains(warnings.Error(), tc.want) {
			t.Errorf("%s, LogQL: got %v, want %q", name, warnings, tc.want)
		}
	}
}
