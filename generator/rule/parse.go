package rule

import (
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/opsgen/opsgen/generator/document"
)

// Parse reads a file of rules/. Groups are usable where there are no problems; warnings are about valid rules.
func Parse(file string, data []byte, _ Options) (groups []Group, problems, warnings document.Problems) {
	parsed, errs := rulefmt.Parse(data, false, model.LegacyValidation)
	for _, err := range errs {
		problems = append(problems, document.Problem{File: file, Message: err.Error()})
	}
	if len(problems) > 0 {
		return nil, problems, nil
	}
	for _, g := range parsed.Groups {
		groups = append(groups, Group{File: file, Name: g.Name, Interval: g.Interval})
	}
	return groups, nil, nil
}

// ParseLogs reads a file of rules/logs/: everything but the LogQL expressions, which LogQL.Check parses.
func ParseLogs(_ string, _ []byte, _ Options) (groups []Group, problems, warnings document.Problems) {
	return nil, nil, nil
}

// Clashes warns about rules of different groups or files of one tenant that get in each other's way.
func Clashes(_ []Group, _ Options) (warnings document.Problems) { return nil }

// CheckPromQL says what Prometheus' parser (the version that evaluates the rules) finds wrong with an expression.
func CheckPromQL(expr string) error {
	_, err := parser.ParseExpr(expr)
	return err
}
