package validation

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// manyTenants is how many tenants a table shows; of more, only those in which something was found.
const manyTenants = 20

// Text writes the report for a person: what is wrong, and a table of tenants.
func (r *Report) Text(out io.Writer) error {
	var b strings.Builder
	for _, f := range r.Findings {
		text := f.Error()
		if f.Severity == Warning {
			text = strings.Replace(text, ": ", ": warning: ", 1)
		}
		b.WriteString(text + "\n")
	}
	if len(r.Findings) > 0 && len(r.Tenants) > 0 {
		b.WriteString("\n")
	}
	r.table(&b)
	for _, note := range r.Notes {
		b.WriteString(note + "\n")
	}
	fmt.Fprintf(&b, "%s, %s in %s, %.1f s\n", counted(r.Count(Error), "error"), counted(r.Count(Warning), "warning"), r.scope(), r.Seconds)
	_, err := io.WriteString(out, b.String())
	return err
}

// scope says which tenants were checked.
func (r *Report) scope() string {
	switch {
	case r.Since != "":
		return fmt.Sprintf("%d of %s, which changed since %s", len(r.Tenants), counted(r.All, "tenant"), r.Since)
	case len(r.Tenants) < r.All:
		return fmt.Sprintf("%d of %s", len(r.Tenants), counted(r.All, "tenant"))
	default:
		return counted(r.All, "tenant")
	}
}

func (r *Report) table(b *strings.Builder) {
	rows := r.Tenants
	if len(rows) > manyTenants {
		rows = nil
		for _, row := range r.Tenants {
			if row.Errors+row.Warnings > 0 {
				rows = append(rows, row)
			}
		}
	}
	if len(rows) == 0 {
		return
	}
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.TabIndent)
	fmt.Fprintln(table, "TENANT\tRULES\tTESTS\tALERTS TESTED\tDASHBOARDS\tERRORS\tWARNINGS")
	for _, row := range rows {
		tests := fmt.Sprint(row.Tests)
		if row.Failed > 0 {
			tests = fmt.Sprintf("%d failed of %d", row.Failed, row.Tests)
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%d of %d\t%d\t%d\t%d\n", row.Name, row.Rules, tests, row.Fired, row.Alerts, row.Dashboards, row.Errors, row.Warnings)
	}
	table.Flush() //nolint:errcheck,gosec // a strings.Builder never fails
	b.WriteString("\n")
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// GitHub writes annotations that GitHub Actions shows beside the lines of a pull request (GitHub, workflow commands).
func (r *Report) GitHub(out io.Writer) error {
	// A message must not end its line, or begin a command of its own: it may hold what a pull request brings.
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "::%s title=%s", f.Severity, property.Replace("opsgen: "+f.About))
		if f.File != "" {
			b.WriteString(",file=" + property.Replace(f.File))
		}
		if f.Line > 0 {
			fmt.Fprintf(&b, ",line=%d", f.Line)
		}
		if f.Column > 0 {
			fmt.Fprintf(&b, ",col=%d", f.Column)
		}
		b.WriteString("::" + data.Replace(f.full()) + "\n")
	}
	for _, note := range r.Notes {
		b.WriteString("::notice title=opsgen::" + data.Replace(note) + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// full is the message with what to write instead.
func (f Finding) full() string {
	if f.Hint == "" {
		return f.Message
	}
	return f.Message + "\n" + f.Hint
}
