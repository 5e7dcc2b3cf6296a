package rule

import (
	"regexp"
	"strings"

	"github.com/opsgen/opsgen/generator/document"
)

// misleading warns about what is valid but does not do what it says, apart from the expression.
func (r *reader) misleading(g groupText, text ruleText, rule Rule, path string) {
	if rule.Record != "" {
		if !strings.Contains(rule.Record, ":") {
			r.warn(path+".record", "Write it as level:metric:operation, such as job:http_requests:rate5m.",
				"the recorded name %q has no colon: it can clash with a series that somebody sends", rule.Record)
		}
		return
	}
	switch {
	case text.For == nil:
		r.warn(path+".alert", "Write for: 5m, or for: 0s if that is what you want.", "the alert %q has no for: one bad evaluation is enough to call somebody", rule.Alert)
	case rule.For > 0 && g.Interval > 0 && rule.For < g.Interval:
		r.warn(path+".for", "Write a longer for, or a shorter interval.", "for of %s is shorter than the group's interval of %s", rule.For, g.Interval)
	}
	for _, name := range sortedNames(rule.Labels) {
		r.label(name, rule.Labels[name], path)
	}
	r.severity(rule, path)
}

var changing = regexp.MustCompile(`\{\{[^}]*(\$value|\.Value)\b`)

func (r *reader) label(name, value, path string) {
	at := path + ".labels." + name
	switch {
	case name == "alertname":
		r.warn(at, "Change the alert's name.", "the label alertname replaces the alert's name")
	case strings.HasPrefix(name, "__"):
		r.warn(at, "Choose another name.", "the label %q is dropped: names with two underscores are for internal use", name)
	case changing.MatchString(value):
		r.warn(at, "Put it into an annotation.", "the label %q changes with the value: each value is another alert, which never fires for long enough", name)
	case value == "":
		r.warn(at, "Leave it out.", "the label %q is empty, which is the same as none", name)
	}
}

// severity warns about a severity that no route of alertmanager.yaml knows.
func (r *reader) severity(rule Rule, path string) {
	c := r.options.Alerting
	if c == nil || !c.RoutesBy("severity") {
		return
	}
	severity, has := rule.Labels["severity"]
	known := strings.Join(c.Values("severity"), ", ")
	switch {
	case strings.Contains(severity, "{{") || c.Takes("severity", severity):
	case !has:
		r.warn(path+".alert", "Add labels: {severity: …}; routes know "+known+".", "the alert %q has no severity, by which %s routes", rule.Alert, c.File)
	default:
		hint := "Routes know " + known + "."
		if near := document.Nearest(severity, c.Values("severity")); near != "" {
			hint = "Did you mean " + near + "? " + hint
		}
		r.warn(path+".labels.severity", hint, "no route of %s takes severity %q: the alert goes to the root's receiver", c.File, severity)
	}
}
