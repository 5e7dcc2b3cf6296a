package validation

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/opsgen/opsgen/generator/document"
)

// Severities of findings.
const (
	// Error is what must be mended: it would not work.
	Error = "error"
	// Warning is what works, but hardly as it was meant.
	Warning = "warning"
)

// What findings are about.
const (
	Inputs     = "inputs"
	Advice     = "advice"
	Rules      = "rules"
	Tests      = "tests"
	Alerting   = "alerting"
	Dashboards = "dashboards"
	Secrets    = "secrets"
)

// Finding is one thing that is wrong.
type Finding struct {
	// Severity is Error or Warning.
	Severity string `json:"severity"`
	// About is what was checked ("rules").
	About string `json:"about"`
	// Tenant is the tenant's name; empty for what is not one tenant's.
	Tenant string `json:"tenant,omitempty"`
	document.Problem
}

// Row is what was found in one tenant.
type Row struct {
	Name string `json:"name"`
	// Rules and Alerts are the numbers of valid rules, and of alerts among them.
	Rules  int `json:"rules"`
	Alerts int `json:"alerts"`
	// Fired is the number of alerts that a test makes fire; Tests and Failed are the numbers of tests, and of failed ones.
	Fired  int `json:"fired"`
	Tests  int `json:"tests"`
	Failed int `json:"failed"`
	// Dashboards is the number of dashboards.
	Dashboards int `json:"dashboards"`
	// Errors and Warnings count the tenant's findings.
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
}

// Report is what was found in a repository.
type Report struct {
	// Since is the revision since which only what changed was checked; empty for everything.
	Since string `json:"since,omitempty"`
	// Tenants are the tenants that were checked, sorted by name; All is the number of all there are.
	Tenants []Row `json:"tenants"`
	All     int   `json:"all"`
	// Findings are in the order of file and line.
	Findings []Finding `json:"findings"`
	// Notes say what could not be checked, and why.
	Notes []string `json:"notes"`
	// Seconds is the time of the run.
	Seconds float64 `json:"seconds"`

	seen map[string]bool
}

// Count is the number of findings of a severity.
func (r *Report) Count(severity string) int {
	count := 0
	for _, f := range r.Findings {
		if f.Severity == severity {
			count++
		}
	}
	return count
}

// add adds problems, but for those that are known already: two checks may see the same mistake.
func (r *Report) add(severity, about, tenant string, problems document.Problems) {
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	for _, p := range problems {
		key := fmt.Sprint(p.File, ":", p.Line, ":", p.Message)
		if !r.seen[key] {
			r.seen[key] = true
			r.Findings = append(r.Findings, Finding{Severity: severity, About: about, Tenant: tenant, Problem: p})
		}
	}
}

// finish counts and sorts.
func (r *Report) finish() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	slices.SortFunc(r.Tenants, func(a, b Row) int { return cmp.Compare(a.Name, b.Name) })
	rows := map[string]*Row{}
	for i := range r.Tenants {
		rows[r.Tenants[i].Name] = &r.Tenants[i]
	}
	for _, f := range r.Findings {
		switch row := rows[f.Tenant]; {
		case row == nil:
		case f.Severity == Error:
			row.Errors++
		default:
			row.Warnings++
		}
	}
}
