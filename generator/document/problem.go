package document

import (
	"fmt"
	"sort"
	"strings"
)

// Problem is one thing that is wrong with an input. Its text reads "file:line:column: message", followed by the
// lines around it and the hint.
type Problem struct {
	// File is the path as the user would write it, relative to the repository; empty for a problem without a file.
	File string `json:"file,omitempty"`
	// Line and Column count from 1; 0 where no place is known.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Message says what is wrong, in one sentence without a full stop.
	Message string `json:"message"`
	// Hint says what to write instead, as one or more full sentences; may be empty.
	Hint string `json:"hint,omitempty"`
	// Excerpt is the source around Line, ready to print; may be empty.
	Excerpt string `json:"-"`
}

// Error renders the problem on one or more lines, without a line break at the end.
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	if p.Excerpt != "" {
		b.WriteString("\n" + p.Excerpt)
	}
	if p.Hint != "" {
		b.WriteString("\n  " + p.Hint)
	}
	return b.String()
}

// Problems is a list of problems that is an error as a whole.
type Problems []Problem

// Error joins the problems, one after the other, in the order of file and line.
func (p Problems) Error() string {
	sorted := append(Problems(nil), p...)
	sort.SliceStable(sorted, func(i, j int) bool {
		a, b := sorted[i], sorted[j]
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Column < b.Column
	})
	lines := make([]string, len(sorted))
	for i, problem := range sorted {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Err is the list as an error, or nil when there is no problem.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}
