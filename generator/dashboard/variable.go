package dashboard

import (
	"regexp"
	"strings"
)

// variable is a variable of Grafana in a query: $name, ${name}, ${name:format}, [[name]]. A "$1" of a replacement and a
// "$" at a regular expression's end are none.
var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_.]*)(?::[^}]*)?\}|\$([A-Za-z_][A-Za-z0-9_]*)|\[\[([A-Za-z_][A-Za-z0-9_]*)(?::[^\]]*)?\]\]`)

// global are Grafana's own variables with a value that fits where they are used.
func global(name string) (string, bool) {
	switch name {
	case "__rate_interval", "__interval", "__range", "__auto":
		return "5m", true
	case "__interval_ms", "__range_ms", "__range_s", "__from", "__to":
		return "300000", true
	}
	return "", false
}

// values are what a variable may stand for in a place: the name of a metric or label, a number, a span of time, a matcher
// of labels.
var values = [4]string{"x", "1", "5m", `x="y"`}

// maxVariables bounds the combinations that are tried, values^maxVariables.
const maxVariables = 4

// Substitute replaces variables by what their place suggests: a span of time in brackets or after offset, a name elsewhere.
func Substitute(expr string) string {
	var b strings.Builder
	last := 0
	for _, m := range variable.FindAllStringSubmatchIndex(expr, -1) {
		b.WriteString(expr[last:m[0]])
		before := strings.TrimRight(b.String(), " ")
		value, known := global(nameOf(expr, m))
		switch {
		case known:
		case strings.HasSuffix(before, "["), strings.HasSuffix(before, ":"), strings.HasSuffix(before, "offset"):
			value = "5m"
		default:
			value = "x"
		}
		b.WriteString(value)
		last = m[1]
	}
	b.WriteString(expr[last:])
	return b.String()
}

func nameOf(expr string, m []int) string {
	for i := 2; i+1 < len(m); i += 2 {
		if m[i] >= 0 {
			return expr[m[i]:m[i+1]]
		}
	}
	return ""
}

// parsesWith says whether an expression can be parsed for some values of its variables. The error is the one that the
// likeliest values give.
func parsesWith(expr string, parse func(string) error) error {
	likely := parse(Substitute(expr))
	if likely == nil {
		return nil
	}
	var names []string
	seen := map[string]bool{}
	for _, m := range variable.FindAllStringSubmatchIndex(expr, -1) {
		name := nameOf(expr, m)
		if _, known := global(name); !known && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return likely
	}
	if len(names) > maxVariables {
		return nil // too many to say anything
	}
	chosen := map[string]string{}
	var try func(int) bool
	try = func(i int) bool {
		if i == len(names) {
			return parse(replaced(expr, chosen)) == nil
		}
		for _, value := range values {
			chosen[names[i]] = value
			if try(i + 1) {
				return true
			}
		}
		return false
	}
	if try(0) {
		return nil
	}
	return likely
}

func replaced(expr string, chosen map[string]string) string {
	var b strings.Builder
	last := 0
	for _, m := range variable.FindAllStringSubmatchIndex(expr, -1) {
		b.WriteString(expr[last:m[0]])
		name := nameOf(expr, m)
		if value, known := global(name); known {
			b.WriteString(value)
		} else {
			b.WriteString(chosen[name])
		}
		last = m[1]
	}
	b.WriteString(expr[last:])
	return b.String()
}
