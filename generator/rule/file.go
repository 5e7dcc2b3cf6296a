package rule

import (
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/opsgen/opsgen/generator/document"
)

// file is a rule file as it is written.
type file struct {
	Groups []groupText `json:"groups" jsonschema:"required"`
}

type groupText struct {
	Name        word            `json:"name" jsonschema:"required"`
	Interval    model.Duration  `json:"interval"`
	QueryOffset *model.Duration `json:"query_offset"`
	Limit       int             `json:"limit"`
	Labels      map[string]word `json:"labels"`
	Rules       []ruleText      `json:"rules"`
}

type ruleText struct {
	Record        word            `json:"record"`
	Alert         word            `json:"alert"`
	Expr          word            `json:"expr"`
	For           *model.Duration `json:"for"`
	KeepFiringFor model.Duration  `json:"keep_firing_for"`
	Labels        map[string]word `json:"labels"`
	Annotations   map[string]word `json:"annotations"`
}

// word is a text that may be written without quotes whatever it looks like (priority: 1), as Prometheus takes it.
type word string

// UnmarshalText takes any text.
func (w *word) UnmarshalText(text []byte) error {
	*w = word(text)
	return nil
}

func words(m map[string]word) map[string]string {
	if m == nil {
		return nil
	}
	plain := make(map[string]string, len(m))
	for name, value := range m {
		plain[name] = string(value)
	}
	return plain
}

// prometheus is the rule as Prometheus' own code knows it.
func (r ruleText) prometheus() rulefmt.Rule {
	p := rulefmt.Rule{
		Record: string(r.Record), Alert: string(r.Alert), Expr: string(r.Expr), KeepFiringFor: r.KeepFiringFor,
		Labels: words(r.Labels), Annotations: words(r.Annotations),
	}
	if r.For != nil {
		p.For = *r.For
	}
	return p
}

// rule is the rule with the labels of its group.
func (r ruleText) rule(g groupText, place document.Problem) Rule {
	p := r.prometheus()
	result := Rule{
		Alert: p.Alert, Record: p.Record, Expr: p.Expr, For: p.For, KeepFiringFor: p.KeepFiringFor, Annotations: p.Annotations,
		Labels: map[string]string{}, Line: place.Line, Column: place.Column,
	}
	for _, labels := range []map[string]word{g.Labels, r.Labels} {
		for name, value := range labels {
			result.Labels[name] = string(value)
		}
	}
	return result
}
