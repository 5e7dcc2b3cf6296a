package importer

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	sigsyaml "sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/rule"
	"github.com/opsgen/opsgen/generator/tenant"
)

// thanos are fields of a group that only Thanos knows.
func thanos() []string { return []string{"partial_response_strategy"} }

// prometheusRule takes the groups of an object of the Prometheus operator.
func (r *reader) prometheusRule(s source, o map[string]any) {
	spec, _ := o["spec"].(map[string]any)
	if groups, _ := spec["groups"].([]any); len(groups) == 0 {
		r.leave(s.shown, "it has no groups")
		return
	}
	s.file, s.text = metadata(o, "name"), ""
	r.ruleFile(s, map[string]any{"groups": spec["groups"]})
}

// ruleFile takes groups of rules. The text stays as it is where it is a file of its own and nothing had to be changed.
func (r *reader) ruleFile(s source, o map[string]any) {
	groups, _ := o["groups"].([]any)
	var metrics, logs []any
	dropped := map[string]bool{}
	for _, entry := range groups {
		group, ok := entry.(map[string]any)
		if !ok {
			continue
		}
		clean(group, dropped)
		if isLogQL(group) {
			logs = append(logs, group)
		} else {
			metrics = append(metrics, group)
		}
	}
	if len(logs) > 0 {
		r.logRules(source{shown: s.shown, file: s.file}, map[string]any{"groups": logs})
	}
	if len(metrics) == 0 {
		if len(logs) == 0 {
			r.leave(s.shown, "it has no groups")
		}
		return
	}
	text := s.text
	if !s.whole || text == "" || len(logs) > 0 || len(dropped) > 0 || len(o) > 1 {
		text = written(map[string]any{"groups": metrics})
	}
	note := ""
	if len(dropped) > 0 {
		note = ", without " + strings.Join(slices.Sorted(maps.Keys(dropped)), ", ") + ", which only Thanos knows"
	}
	parsed, problems, _ := rule.Parse(s.shown, []byte(text), rule.Options{})
	r.takeRules(s, path.Join(tenant.RulesFolder, ruleName(s.file)+".yaml"), text, note, parsed, problems)
}

// clean takes out of a group what Prometheus does not read, and notes what it was.
func clean(group map[string]any, dropped map[string]bool) {
	for _, field := range thanos() {
		if _, there := group[field]; there {
			dropped[field] = true
			delete(group, field)
		}
	}
	if interval, there := group["interval"]; there && (interval == "" || interval == nil) {
		delete(group, "interval")
	}
}

// logRules takes groups of LogQL rules.
func (r *reader) logRules(s source, o map[string]any) {
	text := s.text
	if !s.whole || text == "" {
		text = written(o)
	}
	parsed, problems, _ := rule.ParseLogs(s.shown, []byte(text), rule.Options{})
	r.takeRules(s, path.Join(tenant.LogRulesFolder, ruleName(s.file)+".yaml"), text, " of logs", parsed, problems)
}

func (r *reader) takeRules(s source, to, text, note string, parsed []rule.Group, problems document.Problems) {
	if len(problems) > 0 {
		r.leave(s.shown, "%s", problems[0].Message)
		return
	}
	if len(parsed) == 0 {
		r.leave(s.shown, "it has no groups")
		return
	}
	rules := 0
	for _, group := range parsed {
		rules += len(group.Rules)
	}
	about := progress.Count(len(parsed), "group") + " with " + progress.Count(rules, "rule") + note
	if r.take(s.shown, to, text, about) && !strings.HasPrefix(to, tenant.LogRulesFolder) {
		for i := range parsed {
			parsed[i].File = r.Took[len(r.Took)-1].To
		}
		r.groups = append(r.groups, parsed...)
	}
}

// ruleName is the name of a file without its endings ("node.rules.yaml" is node).
func ruleName(file string) string {
	name := path.Base(file)
	for _, ending := range []string{".yaml", ".yml", ".json", ".rules", ".rule"} {
		name = strings.TrimSuffix(name, ending)
	}
	return fileName(name)
}

func written(value any) string {
	text, err := sigsyaml.Marshal(value)
	if err != nil {
		return "" // what was read as YAML can be written as YAML; a check refuses an empty text
	}
	return string(text)
}

// logQL is what a query of Loki has and one of Prometheus cannot have: a selector of streams within a function, or a
// pipeline.
var logQL = regexp.MustCompile(`\}\s*(\|=|\|~|!=\s*["` + "`" + `]|!~\s*["` + "`" + `]|\|\s*(json|logfmt|regexp|pattern|unpack|line_format|label_format)\b)|` +
	`(count_over_time|rate|bytes_rate|bytes_over_time|absent_over_time)\s*\(\s*\{[^}]*\}[^\[]*\|`)

// isLogQL says that none of a group's expressions can be Prometheus' own, and that they look like Loki's.
func isLogQL(group map[string]any) bool {
	rules, _ := group["rules"].([]any)
	looks := false
	for _, entry := range rules {
		fields, _ := entry.(map[string]any)
		expr, _ := fields["expr"].(string)
		if rule.CheckPromQL(expr) == nil {
			return false
		}
		looks = looks || logQL.MatchString(expr)
	}
	return looks
}
