package rule

import (
	"regexp"
	"slices"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/opsgen/opsgen/generator/document"
)

// usesLabel finds labels of the series in templates: {{ $labels.job }}. The form .Labels.job is left alone, since within
// {{ range query "…" }} it means the labels of that query.
var usesLabel = regexp.MustCompile(`\$labels\.([a-zA-Z_][a-zA-Z0-9_]*)`)

// unknownLabels warns about labels in templates that the expression has taken away: they are always empty.
func (r *reader) unknownLabels(rule Rule, expr parser.Expr, path string) {
	left, known := labelsOf(expr)
	if !known {
		return
	}
	for field, templates := range map[string]map[string]string{"annotations": rule.Annotations, "labels": rule.Labels} {
		for _, name := range sortedNames(templates) {
			for _, m := range usesLabel.FindAllStringSubmatch(templates[name], -1) {
				if slices.Contains(left, m[1]) {
					continue
				}
				hint := "The expression leaves no labels."
				if near := document.Nearest(m[1], left); near != "" {
					hint = "Did you mean " + near + "?"
				} else if len(left) > 0 {
					hint = "Add it to by (…)."
				}
				r.warn(path+"."+field+"."+name, hint, "the label %q is always empty: the expression does not keep it", m[1])
			}
		}
	}
}

// labelsOf are all labels that the results of an expression can have, where the expression alone tells.
func labelsOf(expr parser.Expr) (list []string, known bool) {
	switch n := bare(expr).(type) {
	case *parser.AggregateExpr:
		return labelsOfAggregate(n)
	case *parser.BinaryExpr:
		return labelsOfBinary(n)
	case *parser.UnaryExpr:
		return labelsOf(n.Expr)
	case *parser.SubqueryExpr:
		return labelsOf(n.Expr)
	case *parser.NumberLiteral:
		return nil, true
	case *parser.Call:
		return labelsOfCall(n)
	}
	return nil, false
}

func labelsOfAggregate(n *parser.AggregateExpr) (list []string, known bool) {
	switch n.Op {
	case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		return labelsOf(n.Expr)
	case parser.COUNT_VALUES:
		if s, is := bare(n.Param).(*parser.StringLiteral); is && !n.Without {
			return append(slices.Clone(n.Grouping), s.Val), true
		}
		return nil, false
	}
	if !n.Without {
		return n.Grouping, true
	}
	inner, known := labelsOf(n.Expr)
	return slices.DeleteFunc(slices.Clone(inner), func(l string) bool { return slices.Contains(n.Grouping, l) }), known
}

func labelsOfBinary(n *parser.BinaryExpr) (list []string, known bool) {
	m := n.VectorMatching
	switch {
	case m == nil && n.LHS.Type() == parser.ValueTypeScalar:
		return labelsOf(n.RHS)
	case m == nil:
		return labelsOf(n.LHS)
	case n.Op == parser.LOR:
		left, knownLeft := labelsOf(n.LHS)
		right, knownRight := labelsOf(n.RHS)
		return slices.Concat(left, right), knownLeft && knownRight
	case n.Op.IsSetOperator():
		return labelsOf(n.LHS)
	case m.Card == parser.CardOneToOne && m.On:
		return m.MatchingLabels, true
	case m.Card == parser.CardManyToOne:
		left, known := labelsOf(n.LHS)
		return slices.Concat(left, m.Include), known
	case m.Card == parser.CardOneToMany:
		right, known := labelsOf(n.RHS)
		return slices.Concat(right, m.Include), known
	}
	return labelsOf(n.LHS)
}

func labelsOfCall(n *parser.Call) (list []string, known bool) {
	switch n.Func.Name {
	case "vector", "time":
		return nil, true
	case "label_replace", "label_join":
		inner, known := labelsOf(n.Args[0])
		if s, is := bare(n.Args[1]).(*parser.StringLiteral); is {
			return append(slices.Clone(inner), s.Val), known
		}
		return nil, false
	case "histogram_quantile":
		return labelsOf(n.Args[1])
	case "rate", "increase", "abs", "ceil", "floor", "round", "clamp_min", "clamp_max", "clamp",
		"avg_over_time", "max_over_time", "min_over_time", "sum_over_time", "last_over_time":
		return labelsOf(n.Args[0])
	}
	return nil, false
}
