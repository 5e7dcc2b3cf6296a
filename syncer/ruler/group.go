package ruler

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// Kind is which ruler a group is for.
type Kind string

// The two rulers.
const (
	Metrics Kind = "metrics"
	Logs    Kind = "logs"
)

// Group is a rule group with all that Cortex stores (Prometheus 3.x, model/rulefmt).
type Group struct {
	Name        string            `yaml:"name"`
	Interval    model.Duration    `yaml:"interval,omitempty"`
	QueryOffset *model.Duration   `yaml:"query_offset,omitempty"`
	Limit       int               `yaml:"limit,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Rules       []Rule            `yaml:"rules"`
}

// Rule is a recording or an alerting rule.
type Rule struct {
	Record        string            `yaml:"record,omitempty"`
	Alert         string            `yaml:"alert,omitempty"`
	Expr          string            `yaml:"expr"`
	For           model.Duration    `yaml:"for,omitempty"`
	KeepFiringFor model.Duration    `yaml:"keep_firing_for,omitempty"`
	Labels        map[string]string `yaml:"labels,omitempty"`
	Annotations   map[string]string `yaml:"annotations,omitempty"`
}

// File reads a rule file: strictly, since a misspelt `for` would be an alert that fires too early. Expressions are not
// parsed here: the ruler does it, with the code that evaluates them. The error says what is wrong, without a file's name.
func File(kind Kind, data []byte) ([]Group, error) {
	var file struct {
		Groups []Group `yaml:"groups"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.New(strings.TrimPrefix(strings.Join(strings.Fields(err.Error()), " "), "yaml: "))
	}
	var more any
	if decoder.Decode(&more) == nil {
		return nil, errors.New("it holds more than one document; write one file for each")
	}
	return file.Groups, Check(kind, file.Groups)
}

// Check says what is wrong with the names of a file's groups, and with fields that the ruler would drop without a word.
func Check(kind Kind, groups []Group) error {
	var problems []error
	seen := map[string]bool{}
	for i, g := range groups {
		if err := checkName(kind, g.Name); err != nil {
			problems = append(problems, fmt.Errorf("group %d: %w", i+1, err))
			continue
		}
		if seen[g.Name] {
			problems = append(problems, fmt.Errorf("group %q is there twice", g.Name))
		}
		seen[g.Name] = true
		if kind == Logs {
			problems = append(problems, checkLogs(g))
		}
	}
	return errors.Join(problems...)
}

// checkName refuses a name that stands for something else in a path, or that the proxy does not forward.
func checkName(kind Kind, name string) error {
	switch {
	case kind == Logs && strings.Contains(name, "/"):
		return fmt.Errorf("its name %q holds a slash, with which Loki could not delete it again", name)
	case name == "":
		return errors.New("it has no name")
	case len(name) > 300:
		return fmt.Errorf("its name has %d bytes; at most 300 can be written", len(name))
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' || r == '%' }):
		return fmt.Errorf("its name %q holds a control character, a backslash or a percent sign, with which it could not be deleted again", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("its name %q has an empty part, \".\" or \"..\" between slashes, with which it could not be deleted again", name)
		}
	}
	return nil
}

// checkLogs refuses what Loki drops (Loki 3.7.8, pkg/ruler/rulespb/compat.go).
func checkLogs(g Group) error {
	if g.QueryOffset != nil || len(g.Labels) > 0 {
		return fmt.Errorf("group %q: Loki knows neither query_offset nor labels of a group; remove them", g.Name)
	}
	for _, r := range g.Rules {
		if r.KeepFiringFor != 0 {
			return fmt.Errorf("group %q: rule %q: Loki does not know keep_firing_for; remove it", g.Name, r.Alert+r.Record)
		}
	}
	return nil
}

// equal says whether a ruler holds the group already. Labels without a value are none, and a ruler gives expressions
// back as they came.
func equal(a, b Group) bool { return bytes.Equal(a.canonical(), b.canonical()) }

// canonical is a text that two groups share if and only if they mean the same.
func (g Group) canonical() []byte {
	plain := g
	plain.Labels = filled(g.Labels)
	plain.Rules = slices.Clone(g.Rules)
	for i := range plain.Rules {
		r := &plain.Rules[i]
		r.Expr = strings.TrimSpace(r.Expr)
		r.Labels, r.Annotations = filled(r.Labels), filled(r.Annotations)
	}
	text, err := yaml.Marshal(plain)
	if err != nil { // cannot be: strings, numbers and durations
		return []byte(err.Error())
	}
	return text
}

func filled(labels map[string]string) map[string]string {
	kept := map[string]string{}
	for name, value := range labels {
		if value != "" {
			kept[name] = value
		}
	}
	return kept
}
