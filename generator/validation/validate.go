package validation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/render"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/rule"
)

// Options say what to check.
type Options struct {
	// Root is the repository's folder.
	Root string
	// Tenants are the names of the tenants to check; none means all.
	Tenants []string
	// Changed are the files that changed since Since, relative to Root; then only their tenants are checked. Both are empty
	// to check everything.
	Changed []string
	Since   string
	// LogQLCheck is the program that parses LogQL; empty for the one in PATH.
	LogQLCheck string
	// Jobs is how many tenants are checked at a time.
	Jobs int
	// Timeout is the longest time for one test of rules; 0 is a minute.
	Timeout time.Duration
}

// Run checks. What is wrong is in the report; the error is about the machine, the names of tenants, or ctx.
func Run(ctx context.Context, o Options) (*Report, error) {
	started := time.Now()
	logQL, err := rule.FindLogQL(o.LogQLCheck, "")
	if err != nil && !errors.Is(err, rule.ErrNoLogQL) {
		return nil, err
	}
	report := &Report{Since: o.Since, Tenants: []Row{}, Findings: []Finding{}, Notes: []string{}}
	repo, err := repository.Load(o.Root, nil)
	if err := report.take(err); err != nil {
		return nil, err
	}
	if repo == nil {
		return nil, errors.New("the repository cannot be read")
	}
	chosen, err := choose(repo, o, report)
	if err != nil {
		return nil, err
	}
	report.All = len(repo.Tenants)
	if len(report.Findings) == 0 {
		// What clusters can hold is computed from correct inputs only.
		advisories, err := render.Advise(repo)
		if err := report.take(err); err != nil {
			return nil, err
		}
		report.advise(advisories, o)
	}
	report.Findings = append(report.Findings, secretsInClusters(o.Root, repo)...)
	if err := checkTenants(ctx, chosen, o, logQL, report); err != nil {
		return nil, err
	}
	report.finish()
	report.Seconds = time.Since(started).Seconds()
	return report, nil
}

// take adds problems with inputs to the report; any other error is given back.
func (r *Report) take(err error) error {
	var problems document.Problems
	if !errors.As(err, &problems) {
		return err
	}
	for _, p := range problems {
		r.add(Error, Inputs, TenantOf(p.File), document.Problems{p})
	}
	return nil
}

// TenantOf is the tenant that a file belongs to, by its path relative to the repository; "" when it is in no tenant's folder.
func TenantOf(file string) string {
	rest, ok := strings.CutPrefix(file, "tenants/")
	name, _, inFolder := strings.Cut(rest, "/")
	if !ok || !inFolder {
		return ""
	}
	return name
}

// advise adds warnings about inputs: of named tenants only theirs, since a revision only those about changed files.
func (r *Report) advise(advisories []render.Advisory, o Options) {
	for _, a := range advisories {
		name := TenantOf(a.File)
		if len(o.Tenants) > 0 && !o.wants(name) || o.Since != "" && !slices.Contains(o.Changed, a.File) {
			continue
		}
		problem := a.Problem
		problem.Message += " (cluster " + a.Cluster + ")"
		r.add(Warning, Advice, name, document.Problems{problem})
	}
}

// wants says that a tenant is to be checked.
func (o Options) wants(name string) bool {
	if len(o.Tenants) > 0 && !slices.Contains(o.Tenants, name) {
		return false
	}
	return o.Since == "" || slices.ContainsFunc(o.Changed, func(file string) bool { return TenantOf(file) == name })
}

// choose finds the tenants to check.
func choose(repo *repository.Repository, o Options, report *Report) ([]repository.Tenant, error) {
	var names []string
	var chosen []repository.Tenant
	for _, t := range repo.Tenants {
		names = append(names, t.Name)
		if o.wants(t.Name) {
			chosen = append(chosen, t)
		}
	}
	var problems document.Problems
	for _, name := range o.Tenants {
		broken := slices.ContainsFunc(report.Findings, func(f Finding) bool { return f.Tenant == name })
		if !slices.Contains(names, name) && !broken {
			problems = append(problems, document.Problem{
				Message: fmt.Sprintf("there is no tenant %q: tenants/%s/tenant.yaml does not exist", name, name),
				Hint:    document.Suggest(name, names, "Tenants are: "),
			})
		}
	}
	return chosen, problems.Err()
}

// checkTenants checks tenants side by side. LogQL is parsed in one process for all of them.
func checkTenants(ctx context.Context, tenants []repository.Tenant, o Options, logQL *rule.LogQL, report *Report) error {
	results := make([]*result, len(tenants))
	group, groupContext := errgroup.WithContext(ctx) // which ends with the group, before LogQL is parsed
	group.SetLimit(max(o.Jobs, 1))
	for i, t := range tenants {
		group.Go(func() error {
			var err error
			results[i], err = checkTenant(groupContext, t, o)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, r := range results {
		report.Tenants = append(report.Tenants, r.row)
		for _, f := range r.findings {
			report.add(f.Severity, f.About, f.Tenant, document.Problems{f.Problem})
		}
	}
	return parseLogQL(ctx, results, logQL, report)
}

// parseLogQL has the LogQL of rules and dashboards parsed, where the program for it is there.
func parseLogQL(ctx context.Context, results []*result, logQL *rule.LogQL, report *Report) error {
	var queries []rule.Query
	var places []Finding
	for _, r := range results {
		queries = append(queries, r.queries...)
		places = append(places, r.places...)
	}
	if len(queries) == 0 {
		return nil
	}
	if logQL == nil {
		report.Notes = append(report.Notes, rule.ErrNoLogQL.Error())
		return nil
	}
	wrong, err := logQL.Check(ctx, queries)
	if err != nil {
		return fmt.Errorf("parse LogQL: %w", err)
	}
	for i, message := range wrong {
		f := places[i]
		f.Message = "not valid LogQL: " + message
		report.add(f.Severity, f.About, f.Tenant, document.Problems{f.Problem})
	}
	return nil
}
