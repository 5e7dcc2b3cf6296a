package rule

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
)

// invalid reports what Prometheus' own validation of a rule finds, with the place of the field that is meant. Label names
// are held to the old character set, as Cortex does unless told otherwise.
func (r *reader) invalid(text ruleText, path string) {
	rule := text.prometheus()
	for _, err := range rule.Validate(rulefmt.RuleNode{}, model.LegacyValidation) {
		if message := strings.TrimPrefix(err.Unwrap().Error(), "0:0: "); !strings.HasPrefix(message, "could not parse expression") {
			r.validation(rule, message, path)
		}
	}
	if rule.Alert != "" && strings.TrimSpace(rule.Alert) != rule.Alert {
		r.fail(path+".alert", "Take the spaces away.", "the alert's name %q begins or ends with a space", rule.Alert)
	}
}

var (
	inTemplate   = regexp.MustCompile(`^(label|annotation) "([^"]*)": (.*)$`)
	templateName = regexp.MustCompile(`template: \S+?:(\d+): `)
	named        = regexp.MustCompile(`^invalid (label name|label value|annotation name): (.*)$`)
)

// validation says in our words what is said most often, and repeats Prometheus' words otherwise.
func (r *reader) validation(rule rulefmt.Rule, message, path string) {
	if m := inTemplate.FindStringSubmatch(message); m != nil {
		what := templateName.ReplaceAllString(m[3], "")
		r.fail(path+"."+m[1]+"s."+m[2], "", "the template of %s %q cannot be read: %s", m[1], m[2], what)
		return
	}
	if m := named.FindStringSubmatch(message); m != nil {
		field := ".labels"
		if m[1] == "annotation name" {
			field = ".annotations"
		}
		hint := "Names are letters, digits and underscores, and begin with no digit."
		if m[2] == model.MetricNameLabel {
			hint = "The alert's name or the recorded series' is the name."
		}
		r.fail(cmp.Or(path+field+"."+m[2], path+field), hint, "%q is no usable %s", m[2], m[1])
		return
	}
	switch {
	case strings.HasPrefix(message, "only one of"):
		r.fail(path+".record", "Write two rules.", "the rule has both record and alert")
	case strings.HasPrefix(message, "one of"):
		r.fail(path, "Write alert: and a name, or record: and a name.", "the rule has neither record nor alert")
	case strings.HasPrefix(message, "field 'expr'"):
		r.fail(path, "Write expr: and an expression.", "the rule %q has no expr", cmp.Or(rule.Alert, rule.Record))
	case strings.HasPrefix(message, "invalid field '"):
		field := strings.Split(message, "'")[1]
		r.fail(path+"."+field, "Leave it out, or write alert: instead of record:.", "a recording rule has no %s", field)
	case strings.HasPrefix(message, "braces present"):
		r.fail(path+".record", "Write a name, and the labels under labels:.", "the recorded name %q has braces", rule.Record)
	case strings.HasPrefix(message, "invalid recording rule name"):
		if !strings.ContainsAny(rule.Record, "{}") {
			r.fail(path+".record", "Write it as level:metric:operation, such as job:http_requests:rate5m.", "%q is no usable name for a series", rule.Record)
		}
	default:
		r.fail(path, "", "Prometheus says: %s", message)
	}
}
