package check

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/object"
)

// Severity is how bad a Finding is.
type Severity int

// The severities.
const (
	// Error stops the render: the object would not work, or not safely.
	Error Severity = iota
	// Warning is worth a look, and stops nothing.
	Warning
	// Waived is what would be an Error or a Warning but for the object's own annotation.
	Waived
)

// String is the word for the severity: "error", "warning" or "waived".
func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	default:
		return "waived"
	}
}

// MarshalText writes the word for the severity.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one thing that a rule found.
type Finding struct {
	// Rule is the rule's name; Rules explains it.
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// Unit is the folder "<layer>/<unit>", Object the object's ID, File "<layer>/<unit>/<file>".
	Unit   string `json:"unit"`
	Object string `json:"object,omitempty"`
	File   string `json:"file"`
	// Origin is the file that made the object.
	Origin string `json:"origin,omitempty"`
	// Path is the field ("spec.template.spec.containers[0].image"), empty for the whole object.
	Path string `json:"path,omitempty"`
	// Message says what is wrong, Hint what to write instead; Hint may be empty.
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	// Waiver is the reason that the object gives for a waived finding.
	Waiver string `json:"waiver,omitempty"`
}

// String is the finding on one line: "error: file: path: message (rule). Hint"; what is waived ends with the reason.
func (f Finding) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s: ", f.Severity, f.File)
	if f.Path != "" {
		text.WriteString(f.Path + ": ")
	}
	fmt.Fprintf(&text, "%s (%s)", f.Message, f.Rule)
	if f.Origin != "" {
		fmt.Fprintf(&text, ", from %s", f.Origin)
	}
	if f.Waiver != "" {
		fmt.Fprintf(&text, "; %s", f.Waiver)
	} else if f.Hint != "" {
		text.WriteString(". " + f.Hint)
	}
	return text.String()
}

// Compare orders findings as they are reported: by file, field, rule and message.
func Compare(a, b Finding) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
}

// sorted puts findings into the one order in which they are reported, and drops repeated ones.
func sorted(found []found) []Finding {
	findings := make([]Finding, len(found))
	for i, f := range found {
		findings[i] = f.Finding
	}
	slices.SortFunc(findings, Compare)
	return slices.Compact(findings)
}

// found is a finding and the object that may waive it.
type found struct {
	Finding
	object *object.Object
}

// report collects the findings about objects.
type report struct{ findings []found }

// add reports that a rule found something in an object.
func (r *report) add(u *Unit, o *object.Object, rule, field, hint, format string, args ...any) {
	r.findings = append(r.findings, found{object: o, Finding: Finding{
		Rule: rule, Severity: ruleNamed(rule).Severity, Unit: u.folder(), Object: o.ID(),
		File: path.Join(u.folder(), o.FileName()), Origin: o.Origin,
		Path: field, Message: fmt.Sprintf(format, args...), Hint: hint,
	}})
}

// subject is one object on which findings are reported.
type subject struct {
	*report
	unit   *Unit
	object *object.Object
}

func (s subject) add(rule, field, hint, format string, args ...any) {
	s.report.add(s.unit, s.object, rule, field, hint, format, args...)
}
