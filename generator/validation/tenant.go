package validation

import (
	"context"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"github.com/opsgen/opsgen/generator/alerting"
	"github.com/opsgen/opsgen/generator/dashboard"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/rule"
	"github.com/opsgen/opsgen/generator/ruletest"
	"github.com/opsgen/opsgen/generator/tenant"
)

// result is what was found in one tenant, and the LogQL that is still to be parsed, with the finding that each mistake
// would be.
type result struct {
	row      Row
	findings []Finding
	queries  []rule.Query
	places   []Finding
}

func (r *result) add(severity, about string, problems document.Problems) {
	for _, p := range problems {
		r.findings = append(r.findings, Finding{Severity: severity, About: about, Tenant: r.row.Name, Problem: p})
	}
}

func (r *result) query(about, text string, place document.Problem) {
	r.queries = append(r.queries, rule.Query{Text: text, Rule: about == Rules})
	r.places = append(r.places, Finding{Severity: Error, About: about, Tenant: r.row.Name, Problem: place})
}

func checkTenant(ctx context.Context, t repository.Tenant, o Options) (*result, error) {
	r := &result{row: Row{Name: t.Name}}
	folder := "tenants/" + t.Name + "/"
	config := r.checkAlerting(folder, t.Files)
	r.checkRules(folder, t.Files, rule.Options{Alerting: config})
	r.checkDashboards(folder, t)
	for name, text := range t.Files.ByPath() {
		r.add(Error, Secrets, alerting.Literals(folder+name, []byte(text)))
	}
	return r, r.runTests(ctx, folder, t.Files, o)
}

func (r *result) checkAlerting(folder string, files tenant.Files) *alerting.Config {
	if files.Alertmanager == "" {
		return nil
	}
	templates := map[string][]byte{}
	for name, text := range files.Templates {
		templates[path.Base(name)] = []byte(text)
	}
	config, problems, warnings := alerting.Parse(folder+tenant.AlertmanagerFile, []byte(files.Alertmanager), templates)
	r.add(Error, Alerting, problems)
	r.add(Warning, Alerting, warnings)
	return config
}

func (r *result) checkRules(folder string, files tenant.Files, options rule.Options) {
	var all []rule.Group
	type reader func(string, []byte, rule.Options) ([]rule.Group, document.Problems, document.Problems)
	parse := func(prefix string, texts map[string]string, read reader) []rule.Group {
		var groups []rule.Group
		for _, name := range slices.Sorted(maps.Keys(texts)) {
			found, problems, warnings := read(folder+prefix+"/"+name, []byte(texts[name]), options)
			r.add(Error, Rules, problems)
			r.add(Warning, Rules, warnings)
			if len(problems) == 0 {
				groups = append(groups, found...)
			}
		}
		all = append(all, groups...)
		return groups
	}
	parse(tenant.RulesFolder, files.Rules, rule.Parse)
	for _, group := range parse(tenant.LogRulesFolder, files.LogRules, rule.ParseLogs) {
		for _, log := range group.Rules {
			r.query(Rules, log.Expr, document.Problem{File: group.File, Line: log.Line, Column: log.Column})
		}
	}
	r.add(Warning, Rules, rule.Clashes(all, options))
	for _, group := range all {
		r.row.Rules += len(group.Rules)
		for _, one := range group.Rules {
			if one.Alert != "" {
				r.row.Alerts++
			}
		}
	}
}

func (r *result) checkDashboards(folder string, t repository.Tenant) {
	var boards []*dashboard.Dashboard
	for _, name := range slices.Sorted(maps.Keys(t.Files.Dashboards)) {
		board, problems, warnings := dashboard.Check(folder+tenant.DashboardsFolder+"/"+name, t.Files.Dashboards[name], rule.CheckPromQL, t.Name == tenant.System)
		r.add(Error, Dashboards, problems)
		r.add(Warning, Dashboards, warnings)
		if board == nil {
			continue
		}
		boards = append(boards, board)
		for _, query := range board.LogQL {
			r.query(Dashboards, query.Expr, query.Place)
		}
	}
	r.row.Dashboards = len(boards)
	r.add(Error, Dashboards, dashboard.Clashes(boards))
}

// runTests runs the tests of a tenant's rules, unless the rules themselves are wrong: then every test would fail.
func (r *result) runTests(ctx context.Context, folder string, files tenant.Files, o Options) error {
	broken := slices.ContainsFunc(r.findings, func(f Finding) bool { return f.About == Rules && f.Severity == Error })
	if broken || len(files.Rules) == 0 && len(files.RuleTests) == 0 {
		return nil
	}
	dir := filepath.Join(o.Root, filepath.FromSlash(folder))
	paths := func(prefix string, names map[string]string) []string {
		var list []string
		for _, name := range slices.Sorted(maps.Keys(names)) {
			list = append(list, filepath.Join(dir, filepath.FromSlash(prefix), filepath.FromSlash(name)))
		}
		return list
	}
	ran, err := ruletest.Run(ctx, paths(tenant.RuleTestsFolder, files.RuleTests), ruletest.Options{
		Root: dir, Base: o.Root, Timeout: o.Timeout, RuleFiles: paths(tenant.RulesFolder, files.Rules),
	})
	if err != nil {
		return fmt.Errorf("run the tests of tenant %s: %w", r.row.Name, err)
	}
	r.add(Error, Tests, ran.Problems())
	for _, suite := range ran.Suites {
		r.failures(suite)
	}
	for _, alert := range ran.Alerts {
		if alert.Fired > 0 {
			r.row.Fired++
			continue
		}
		r.add(Warning, Tests, document.Problems{{
			File: alert.File, Message: fmt.Sprintf("no test makes the alert %s fire", alert.Alert),
			Hint: "Write one in " + folder + tenant.RuleTestsFolder + "/.",
		}})
	}
	return nil
}

func (r *result) failures(suite ruletest.Suite) {
	for _, c := range suite.Cases {
		r.row.Tests++
		if len(c.Failures) > 0 {
			r.row.Failed++
		}
		for _, failure := range c.Failures {
			line := failure.Line
			if line == 0 {
				line = c.Line
			}
			r.add(Error, Tests, document.Problems{{File: suite.File, Line: line, Message: fmt.Sprintf("test %s: %s", c.Name, failure.Message)}})
		}
	}
}
