package rule

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/opsgen/opsgen/generator/document"
)

// maxExpression bounds an expression: the parser's time and stack grow with it.
const maxExpression = 64 << 10

// Parse reads a file of rules/. Groups are usable where there are no problems; warnings are about valid rules.
func Parse(file string, data []byte, o Options) (groups []Group, problems, warnings document.Problems) {
	groups, problems, warnings = parse(file, data, o, true)
	if len(problems) > 0 {
		return groups, problems, warnings
	}
	// Prometheus' own reader has the last word: what it refuses would be refused in the cluster.
	if _, errs := rulefmt.Parse(data, false, model.LegacyValidation); len(errs) > 0 {
		for _, err := range errs {
			problems = append(problems, document.Problem{File: file, Line: 1, Message: "Prometheus says: " + err.Error()})
		}
	}
	return groups, problems, warnings
}

// ParseLogs reads a file of rules/logs/: everything but the LogQL expressions, which LogQL.Check parses.
func ParseLogs(file string, data []byte, o Options) (groups []Group, problems, warnings document.Problems) {
	return parse(file, data, o, false)
}

// CheckPromQL says what Prometheus' parser (the version that evaluates the rules) finds wrong with an expression. The
// error begins with its line and column.
func CheckPromQL(expr string) error {
	if len(expr) > maxExpression {
		return fmt.Errorf("the expression has %d bytes; write at most %d, in several recording rules", len(expr), maxExpression)
	}
	_, err := parser.ParseExpr(expr)
	return err
}

// reader reads one file.
type reader struct {
	document.Collector
	file     string
	lines    []string
	options  Options
	promql   bool
	warnings document.Problems
}

func parse(name string, data []byte, o Options, promql bool) ([]Group, document.Problems, document.Problems) {
	var text file
	doc, err := document.Decode(name, data, &text)
	if err != nil {
		var problems document.Problems
		if !errors.As(err, &problems) {
			problems = document.Problems{{File: name, Message: err.Error()}}
		}
		return nil, problems, nil
	}
	r := &reader{Collector: document.Collector{Document: doc}, file: name, lines: strings.Split(string(data), "\n"), options: o, promql: promql}
	groups := r.groups(text)
	return groups, r.Problems, r.warnings
}

func (r *reader) groups(text file) []Group {
	groups := make([]Group, 0, len(text.Groups))
	first := map[word]int{}
	if most := r.options.mostGroups(); len(text.Groups) > most {
		r.fail("groups", "", "the file has %d groups; the cluster takes %d of a tenant", len(text.Groups), most)
	}
	for i, g := range text.Groups {
		path := fmt.Sprintf("groups[%d]", i)
		place := r.Document.Problem(path+".name", "", "")
		if line, repeated := first[g.Name]; repeated {
			r.fail(path+".name", "Choose another name: the second would replace the first.", "the group %q is in this file already, in line %d", g.Name, line)
		}
		first[g.Name] = place.Line
		if at := strings.IndexFunc(string(g.Name), unfit); at >= 0 {
			r.fail(path+".name", fmt.Sprintf("Write %q.", strings.Map(fitting, string(g.Name))),
				"the group %q has a character that rulers do not take in a name: %q", g.Name, []rune(string(g.Name)[at:])[0])
		}
		if len(g.Rules) == 0 {
			r.fail(path, "Add a rule, or leave the group out.", "the group %q has no rules", g.Name)
		}
		if most := r.options.mostRules(); len(g.Rules) > most {
			r.fail(path+".name", "Split it: groups are evaluated at the same time, rules of a group one after the other.",
				"the group %q has %d rules; the cluster takes %d", g.Name, len(g.Rules), most)
		}
		group := Group{File: r.file, Name: string(g.Name), Interval: g.Interval, Line: place.Line, Column: place.Column}
		for j, rule := range g.Rules {
			group.Rules = append(group.Rules, r.rule(g, rule, fmt.Sprintf("%s.rules[%d]", path, j)))
		}
		r.repeated(group, path)
		groups = append(groups, group)
	}
	return groups
}

// unfit are characters that groups cannot have, since their names are parts of addresses in the rulers' interfaces: Loki
// 3.7.8 takes a group with a slash or a per cent sign, and then cannot delete it (its server decodes the path before it
// looks for the name, and a second time after).
func unfit(r rune) bool { return r == '/' || r == '\\' || r == '%' || unicode.IsControl(r) }

func fitting(r rune) rune {
	if unfit(r) {
		return '-'
	}
	return r
}

// rule checks one rule: first what makes it invalid, and then, if it is valid, what it will not do.
func (r *reader) rule(g groupText, text ruleText, path string) Rule {
	rule := text.rule(g, r.Document.Problem(path+".expr", "", ""))
	before := len(r.Problems)
	r.invalid(text, path)
	var expr parser.Expr
	if r.promql && text.Expr != "" {
		expr = r.expression(string(text.Expr), path+".expr")
	}
	if len(r.Problems) > before {
		return rule
	}
	r.misleading(g, text, rule, path)
	if expr != nil {
		r.costly(rule, expr, path)
		r.traps(rule, expr, path)
	}
	return rule
}

// repeated finds rules of a group that nothing tells apart.
func (r *reader) repeated(g Group, path string) {
	first := map[string]Rule{}
	for i, rule := range g.Rules {
		if rule.Name() == "" {
			continue
		}
		key := identity(rule)
		before, repeated := first[key]
		if !repeated {
			first[key] = rule
			continue
		}
		field, kind := "alert", "alert"
		if rule.Record != "" {
			field, kind = "record", "recording rule"
		}
		at := fmt.Sprintf("%s.rules[%d].%s", path, i, field)
		hint := "Give it another name or other labels."
		if kind == "alert" && rule.Expr != before.Expr {
			r.warn(at, hint, "the alert %q with the same labels is in line %d already: nobody can tell the two apart", rule.Alert, before.Line)
			continue
		}
		r.fail(at, hint, "the %s %q with the same labels is in line %d already", kind, rule.Name(), before.Line)
	}
}

// identity is what tells the results of two rules apart.
func identity(rule Rule) string { return fmt.Sprintf("%q %q %q", rule.Alert, rule.Record, rule.Labels) }

func (r *reader) fail(path, hint, format string, args ...any) {
	r.Problems = append(r.Problems, r.Document.Problem(path, fmt.Sprintf(format, args...), hint))
}

func (r *reader) warn(path, hint, format string, args ...any) {
	r.warnings = append(r.warnings, r.Document.Problem(path, fmt.Sprintf(format, args...), hint))
}
