package rule

import (
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/opsgen/opsgen/generator/document"
)

// expression parses PromQL. Each error is shown where it is in the file, also within a text of several lines.
func (r *reader) expression(text, path string) parser.Expr {
	if len(text) > maxExpression {
		r.fail(path, "Split it into several recording rules.", "the expression has %d bytes; at most %d are read", len(text), maxExpression)
		return nil
	}
	expr, err := parser.ParseExpr(text)
	if err == nil {
		return expr
	}
	var list parser.ParseErrors
	if !errors.As(err, &list) {
		var one *parser.ParseErr
		if !errors.As(err, &one) {
			r.fail(path, "", "not valid PromQL: %v", err)
			return nil
		}
		list = parser.ParseErrors{*one}
	}
	for _, e := range list {
		r.Problems = append(r.Problems, r.inside(path, text, int(e.PositionRange.Start), "", fmt.Sprintf("not valid PromQL: %v", e.Err)))
	}
	return nil
}

// inside is a problem at an offset (in bytes) of an expression. Where it cannot be told where that is in the file, for
// example since YAML folds lines, the place is the expression's first character.
func (r *reader) inside(path, text string, offset int, hint, message string) document.Problem {
	p := r.Document.Problem(path, message, hint)
	offset = max(0, min(offset, len(text)))
	line := strings.Count(text[:offset], "\n")
	column := offset - strings.LastIndex(text[:offset], "\n") - 1
	at, ok := r.place(p.Line, p.Column, line, column)
	if !ok {
		return p
	}
	p.Line, p.Column = at[0], at[1]
	p.Excerpt = document.Excerpt(r.lines, p.Line)
	return p
}

// place is the line and column in the file of a place in a value that begins at a line and column.
func (r *reader) place(line, column, textLine, textColumn int) (at [2]int, ok bool) {
	if line < 1 || line > len(r.lines) || column < 1 || column > len(r.lines[line-1]) {
		return at, false
	}
	written := r.lines[line-1][column-1:]
	switch {
	case strings.HasPrefix(written, "|"):
		first := line // the block begins in the next line: index line, number line+1
		for first < len(r.lines) && strings.TrimSpace(r.lines[first]) == "" {
			first++
		}
		if first >= len(r.lines) {
			return at, false
		}
		indent := len(r.lines[first]) - len(strings.TrimLeft(r.lines[first], " "))
		return [2]int{line + 1 + textLine, indent + textColumn + 1}, true
	case strings.HasPrefix(written, ">"), textLine > 0:
		return at, false
	case strings.HasPrefix(written, `"`), strings.HasPrefix(written, "'"):
		// Escaped characters take more room than they stand for.
		if textColumn+1 > len(written) || strings.ContainsAny(written[:textColumn+1][1:], `\'`) {
			return at, false
		}
		return [2]int{line, column + 1 + textColumn}, true
	case textColumn > len(written):
		return at, false // goes on in the next line
	}
	return [2]int{line, column + textColumn}, true
}
