package rule

import (
	"fmt"
	"regexp/syntax"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// From these on an expression is told to be expensive: rules are evaluated every minute, for ever.
const (
	longRange     = 24 * time.Hour
	manySteps     = 500
	longSubquery  = 24 * time.Hour
	evaluateEvery = time.Minute // the resolution of a subquery that names none
)

// costly warns about expressions that read far more than they need.
func (r *reader) costly(rule Rule, expr parser.Expr, path string) {
	warn := func(at parser.Node, hint, format string, args ...any) {
		r.warnings = append(r.warnings, r.inside(path+".expr", rule.Expr, int(at.PositionRange().Start), hint, fmt.Sprintf(format, args...)))
	}
	subqueries := 0
	parser.Inspect(expr, func(node parser.Node, parents []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			selector(n, warn)
		case *parser.MatrixSelector:
			if n.Range > longRange {
				warn(n, "Record a rate or a sum over a short range, and take the average of that.", "a range of %s is read at each evaluation", model.Duration(n.Range))
			}
		case *parser.SubqueryExpr:
			subqueries++
			step := n.Step
			if step == 0 {
				step = evaluateEvery
			}
			switch steps := int(n.Range / step); {
			case within(parents):
				warn(n, "Record the inner one.", "a subquery within a subquery is evaluated for each step of each step")
			case n.Range > longSubquery || steps > manySteps:
				warn(n, "Record the inner expression, and use the recorded series with a plain range.", "the subquery is evaluated %d times at each evaluation", steps)
			}
		}
		return nil
	})
}

func within(parents []parser.Node) bool {
	for _, p := range parents {
		if _, is := p.(*parser.SubqueryExpr); is {
			return true
		}
	}
	return false
}

type warner func(at parser.Node, hint, format string, args ...any)

// selector warns about one that reads nearly everything.
func selector(n *parser.VectorSelector, warn warner) {
	named, narrow := false, false
	for _, m := range n.LabelMatchers {
		all := m.Type == labels.MatchRegexp && matchesAll(m.Value)
		switch name := m.Name == model.MetricNameLabel; {
		case m.Type == labels.MatchEqual:
			named, narrow = named || name, narrow || m.Value != ""
		case all && name:
			warn(n, "Name the metric.", "the selector reads every series of the tenant")
			return
		case all:
			warn(n, "Leave it out.", "%s=~%q is true of every series", m.Name, m.Value)
		case name && m.Type == labels.MatchRegexp:
			warn(n, "Name the metric, or record each with a label that tells them apart.", "%q is compared with the name of every metric", m.Value)
			return
		}
	}
	if named {
		return
	}
	why := "the selector has no metric and no label with =, so that every series is looked at"
	if narrow {
		why = "the selector has no metric, so that every series with these labels is read"
	}
	warn(n, "Name the metric.", "%s", why)
}

// matchesAll says that a regular expression is .* or .+, however it is written.
func matchesAll(pattern string) bool {
	re, err := syntax.Parse(pattern, syntax.Perl|syntax.DotNL)
	if err != nil {
		return false
	}
	re = re.Simplify()
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	return (re.Op == syntax.OpStar || re.Op == syntax.OpPlus) && (re.Sub[0].Op == syntax.OpAnyChar || re.Sub[0].Op == syntax.OpAnyCharNotNL)
}
