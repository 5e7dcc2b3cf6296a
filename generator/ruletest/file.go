package ruletest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/opsgen/opsgen/generator/document"
)

// file is a file of tests as it is written. The names of its fields are promtool's.
type file struct {
	RuleFiles          []word          `json:"rule_files"`
	EvaluationInterval *model.Duration `json:"evaluation_interval"`
	GroupEvalOrder     []word          `json:"group_eval_order"`
	Tests              []test          `json:"tests"`
	FuzzyCompare       bool            `json:"fuzzy_compare"`
}

type test struct {
	Name           word            `json:"name"`
	Interval       *model.Duration `json:"interval"`
	InputSeries    []series        `json:"input_series"`
	AlertRuleTests []alertTest     `json:"alert_rule_test"`
	ExprTests      []exprTest      `json:"promql_expr_test"`
	ExternalLabels map[string]word `json:"external_labels"`
	ExternalURL    word            `json:"external_url"`
}

type series struct {
	Series word `json:"series"`
	Values word `json:"values"`
}

type alertTest struct {
	EvalTime  model.Duration `json:"eval_time"`
	Alertname word           `json:"alertname"`
	ExpAlerts []expAlert     `json:"exp_alerts"`
}

type expAlert struct {
	Labels      map[string]word `json:"exp_labels"`
	Annotations map[string]word `json:"exp_annotations"`
}

type exprTest struct {
	Expr       word           `json:"expr"`
	EvalTime   model.Duration `json:"eval_time"`
	ExpSamples []expSample    `json:"exp_samples"`
}

type expSample struct {
	Labels    word    `json:"labels"`
	Value     float64 `json:"value"`
	Histogram word    `json:"histogram"`
}

// word is a text that may be written without quotes whatever it looks like (values: 1), as promtool takes it.
type word string

// UnmarshalText takes any text.
func (w *word) UnmarshalText(text []byte) error {
	*w = word(text)
	return nil
}

func words(m map[string]word) map[string]string {
	plain := make(map[string]string, len(m))
	for name, value := range m {
		plain[name] = string(value)
	}
	return plain
}

// suite is a file of tests that was read, with the rule files that it names.
type suite struct {
	name      string
	text      file
	doc       *document.Document
	interval  time.Duration
	order     map[string]int
	ruleFiles []string
	notes     []string
}

const defaultInterval = time.Minute // promtool's evaluation_interval

// read reads a file of tests. All that is wrong with it is in the problems.
func read(name string, o Options) (*suite, document.Problems) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, document.Problems{{File: name, Message: "cannot be read: " + errors.Unwrap(err).Error()}}
	}
	s := &suite{name: name, order: map[string]int{}, interval: defaultInterval}
	c := document.Collector{}
	if c.Document, err = document.Decode(o.show(name), data, &s.text); err != nil {
		if errors.As(err, &c.Problems) {
			return nil, c.Problems
		}
		return nil, document.Problems{{File: name, Message: err.Error()}}
	}
	s.doc = c.Document
	if i := s.text.EvaluationInterval; i != nil && *i > 0 {
		s.interval = time.Duration(*i)
	}
	for i, group := range s.text.GroupEvalOrder {
		if _, repeated := s.order[string(group)]; repeated {
			c.Fail(fmt.Sprintf("group_eval_order[%d]", i), "Leave one of them out.", "is the group %q a second time", group)
		}
		s.order[string(group)] = i
	}
	s.findRules(o, &c)
	for i, t := range s.text.Tests {
		for j, a := range t.AlertRuleTests {
			if a.Alertname == "" {
				c.Fail(fmt.Sprintf("tests[%d].alert_rule_test[%d]", i, j), "Write alertname: and the alert's name.", "has no alertname")
			}
		}
		if n := t.samples(); n > o.maxSamples() {
			c.Fail(fmt.Sprintf("tests[%d].input_series", i), "Write shorter series, or a longer interval.", "have %d samples; at most %d are read", n, o.maxSamples())
		}
	}
	return s, c.Problems
}

// findRules resolves rule_files against the folder of the file. The threat: a test in a pull request makes the runner
// read files of the machine, whose content then is in the messages.
func (s *suite) findRules(o Options, c *document.Collector) {
	for i, pattern := range s.text.RuleFiles {
		at := fmt.Sprintf("rule_files[%d]", i)
		full := string(pattern)
		if !filepath.IsAbs(full) {
			full = filepath.Join(filepath.Dir(s.name), full)
		}
		found, err := filepath.Glob(full)
		if err != nil {
			c.Fail(at, "", "is %q, which is no pattern: %v", pattern, err)
			continue
		}
		found = slices.DeleteFunc(found, func(name string) bool { return !o.inside(name) })
		if !o.inside(full) {
			c.Fail(at, "Name a file of the same tenant.", "is %q, which is outside %s", pattern, o.show(o.Root))
			continue
		}
		if len(found) == 0 {
			s.notes = append(s.notes, fmt.Sprintf("%s: no rule file matches %q", c.Document.File, pattern))
		}
		s.ruleFiles = append(s.ruleFiles, found...)
	}
}

var repeats = regexp.MustCompile(`x(\d+)`)

// samples is how many samples the input series stand for, without making them: 1+1x1000000000 is quickly written.
func (t test) samples() int {
	const enough = 1 << 40
	total := 0
	for _, s := range t.InputSeries {
		total += len(strings.Fields(string(s.Values)))
		for _, m := range repeats.FindAllStringSubmatch(string(s.Values), -1) {
			n, err := strconv.Atoi(m[1])
			if err != nil || n > enough {
				return enough
			}
			total += n
		}
	}
	return total
}
