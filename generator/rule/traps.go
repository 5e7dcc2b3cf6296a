package rule

import (
	"fmt"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// traps warns about expressions that look right and never, or always, give a result.
func (r *reader) traps(rule Rule, expr parser.Expr, path string) {
	warn := func(at parser.Node, hint, format string, args ...any) {
		r.warnings = append(r.warnings, r.inside(path+".expr", rule.Expr, int(at.PositionRange().Start), hint, fmt.Sprintf(format, args...)))
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.Call:
			absent(n, warn)
			rateOfSum(n, warn)
		case *parser.BinaryExpr:
			countOfNothing(n, warn)
		}
		return nil
	})
	if rule.Alert == "" {
		return
	}
	if b, is := bare(expr).(*parser.BinaryExpr); is && b.ReturnBool {
		warn(b, "Leave bool out.", "the comparison with bool always gives a result, 0 or 1, so that the alert always fires")
	} else if !conditional(expr) {
		warn(expr, "Compare it with something.", "the expression has no comparison, so that the alert fires for every series there is")
	}
	r.unknownLabels(rule, expr, path)
}

// absent warns about absent() whose alert would not say what is absent, or comes too late.
func absent(n *parser.Call, warn warner) {
	if n.Func.Name != "absent" && n.Func.Name != "absent_over_time" || len(n.Args) != 1 {
		return
	}
	var selector *parser.VectorSelector
	switch arg := bare(n.Args[0]).(type) {
	case *parser.VectorSelector:
		selector = arg
	case *parser.MatrixSelector:
		selector, _ = arg.VectorSelector.(*parser.VectorSelector)
	case *parser.AggregateExpr:
		warn(n, "Ask for each: absent(metric{job=\"a\"}) or absent(metric{job=\"b\"}).",
			"%s of an aggregation is true only when all of its series are gone, and its alert has no labels", n.Func.Name)
		return
	default:
		return
	}
	if selector == nil {
		return
	}
	equal := false
	for _, m := range selector.LabelMatchers {
		equal = equal || m.Type == labels.MatchEqual && m.Name != model.MetricNameLabel && m.Value != ""
		if m.Type == labels.MatchRegexp {
			warn(n, "Ask for each value by itself, with =.", "%s with %s=~%q is true only when all of them are gone", n.Func.Name, m.Name, m.Value)
			return
		}
	}
	if !equal {
		warn(n, "Add a label with =, such as job=\"…\".", "%s without a label with = gives an alert that does not say what is absent", n.Func.Name)
	}
}

// rateOfSum warns about a rate over an aggregated counter: when one of its series restarts or goes, the sum falls, which
// looks like a reset of all.
func rateOfSum(n *parser.Call, warn warner) {
	if !slices.Contains([]string{"rate", "irate", "increase"}, n.Func.Name) || len(n.Args) != 1 {
		return
	}
	sub, is := bare(n.Args[0]).(*parser.SubqueryExpr)
	if !is {
		return
	}
	if inner, is := bare(sub.Expr).(*parser.AggregateExpr); is {
		warn(n, "Write sum(rate(…)).", "%s of %s shows a jump whenever one of the counters restarts", n.Func.Name, inner.Op)
	}
}

// countOfNothing warns about count(…) == 0, which is never true: of no series there is no count.
func countOfNothing(n *parser.BinaryExpr, warn warner) {
	number, is := bare(n.RHS).(*parser.NumberLiteral)
	aggregate, counts := bare(n.LHS).(*parser.AggregateExpr)
	if !is || !counts || aggregate.Op != parser.COUNT {
		return
	}
	if n.Op == parser.EQLC && number.Val == 0 || n.Op == parser.LSS && number.Val <= 1 && number.Val > 0 || n.Op == parser.LTE && number.Val == 0 {
		warn(n, "Write absent(…), or (count(…) or vector(0)) == 0.", "count is never below 1: of no series there is no count")
	}
}

// conditional says that an expression can have no result while there is data: it compares, combines or asks for absence.
func conditional(expr parser.Expr) bool {
	found := false
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.BinaryExpr:
			found = found || n.Op.IsComparisonOperator() && !n.ReturnBool || n.Op.IsSetOperator()
		case *parser.Call:
			// vector(1) is an alert that fires on purpose: that it stops is what somebody else notices.
			found = found || slices.Contains([]string{"absent", "absent_over_time", "vector"}, n.Func.Name)
		case *parser.VectorSelector:
			found = found || n.Name == "ALERTS"
		}
		return nil
	})
	return found
}

// bare is an expression without parentheses around it.
func bare(expr parser.Expr) parser.Expr {
	for {
		paren, is := expr.(*parser.ParenExpr)
		if !is {
			return expr
		}
		expr = paren.Expr
	}
}
