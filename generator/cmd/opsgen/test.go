package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/ruletest"
	"github.com/opsgen/opsgen/generator/tenant"
	"github.com/opsgen/opsgen/generator/validation"
)

// errTestsFailed ends a run in which a test of rules failed; which did was printed.
var errTestsFailed = errors.New("tests of rules failed")

func newTestCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test [TENANT|FILE...]",
		Short: "Run the unit tests of tenants' rules",
		Long: `Test runs the unit tests of rules, tenants/<name>/rules/tests/*.yaml, of the named tenants or of all: files in the
format of promtool, which runs them with the same verdicts. It then shows which alerts no test makes fire.

Rules are evaluated over the series that a test brings; no cluster is needed. A file with tests can be named as well.
With --changed, only tenants are tested in whose folders a file differs from a revision. Exit code 1: a test failed.
Exit code 2: a file of tests cannot be read.`,
		Example: `  opsgen test                            every tenant
  opsgen test payments                   one of them
  opsgen test --changed main             tenants that changed since main
  opsgen test payments --run latency     tests whose names match
  opsgen test --junit tests.xml          in CI
  opsgen test tenants/payments/rules/tests/latency.yaml`,
		ValidArgsFunction: a.completeTenants,
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.test(cmd.Context(), names)
		},
	}
	cmd.Flags().String("changed", "", "test only the tenants that changed since this revision")
	cmd.Flags().String("junit", "", "write the results as JUnit XML into this file")
	cmd.Flags().String("run", "", "run only tests whose names match this regular expression")
	cmd.Flags().Duration("timeout", time.Minute, "the longest time for one test")
	return cmd
}

// testJob is what is tested together: a tenant's tests, or a file that was named.
type testJob struct {
	files, rules []string
	root         string // rule files may not be outside it; empty permits all
}

func (a *app) test(ctx context.Context, names []string) error {
	only, err := a.testFilter()
	if err != nil {
		return err
	}
	timeout := a.settings.GetDuration("timeout")
	if timeout <= 0 {
		return usage("--timeout is %q; write a time such as 30s", a.settings.GetString("timeout"))
	}
	root, err := a.testRoot(names)
	if err != nil {
		return err
	}
	jobs, err := testJobs(root, names)
	if err != nil {
		return err
	}
	if jobs, err = a.changedJobs(ctx, root, jobs); err != nil {
		return err
	}
	base, err := os.Getwd()
	if err != nil {
		return err
	}
	if root != "" {
		base = root
	}
	report, err := runTests(ctx, jobs, progress.New(a.stderr), ruletest.Options{Base: base, Timeout: timeout, Only: only})
	if err != nil {
		return err
	}
	if err := a.writeJUnit(report); err != nil {
		return err
	}
	if problems := report.Problems(); len(problems) > 0 {
		return problems
	}
	if a.json() {
		err = a.writeJSON(report)
	} else {
		a.printTests(report)
	}
	if err == nil && !report.Passed() {
		return errTestsFailed
	}
	return err
}

// testFilter chooses tests by name.
func (a *app) testFilter() (func(string) bool, error) {
	pattern := a.settings.GetString("run")
	if pattern == "" {
		return nil, nil
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, usage("--run is %q, which is no regular expression: %v", pattern, err)
	}
	return re.MatchString, nil
}

// testRoot is the repository's folder, which files that are named need not be in.
func (a *app) testRoot(names []string) (string, error) {
	root, err := a.root()
	if err != nil && len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return !isFileName(name) }) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return filepath.Abs(root)
}

func isFileName(name string) bool {
	return strings.ContainsRune(name, filepath.Separator) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// testJobs finds what there is to test. A tenant that is named must have tests; without names any may have none.
func testJobs(root string, names []string) ([]testJob, error) {
	var jobs []testJob
	if len(names) == 0 {
		folders, err := filepath.Glob(filepath.Join(root, "tenants", "*"))
		if err != nil {
			return nil, err
		}
		for _, folder := range folders {
			jobs = append(jobs, tenantJob(folder))
		}
		return jobs, nil
	}
	var problems document.Problems
	for _, name := range names {
		if isFileName(name) {
			file, err := filepath.Abs(name)
			if err != nil {
				return nil, err
			}
			jobs = append(jobs, testJob{files: []string{file}})
			continue
		}
		job := tenantJob(filepath.Join(root, "tenants", name))
		switch {
		case !isFolder(job.root):
			problems = append(problems, document.Problem{Message: noTenant(root, name)})
		case len(job.files) == 0:
			problems = append(problems, document.Problem{
				Message: fmt.Sprintf("the tenant %q has no tests", name),
				Hint:    fmt.Sprintf("Write them as tenants/%s/%s/*.yaml; docs/rules.md says how.", name, tenant.RuleTestsFolder),
			})
		}
		jobs = append(jobs, job)
	}
	return jobs, problems.Err()
}

// changedJobs are the jobs whose tenants changed since the revision that --changed names; all without it.
func (a *app) changedJobs(ctx context.Context, root string, jobs []testJob) ([]testJob, error) {
	since := a.settings.GetString("changed")
	if since == "" {
		return jobs, nil
	}
	if file := slices.IndexFunc(jobs, func(job testJob) bool { return job.root == "" }); file >= 0 {
		return nil, usage("--changed chooses among tenants, and %s is a file; leave one of the two out", jobs[file].files[0])
	}
	files, err := changedSince(ctx, root, since)
	if err != nil {
		return nil, err
	}
	changed := map[string]bool{}
	for _, file := range files {
		changed[validation.TenantOf(file)] = true
	}
	return slices.DeleteFunc(jobs, func(job testJob) bool { return !changed[filepath.Base(job.root)] }), nil
}

func tenantJob(folder string) testJob {
	files, _ := filepath.Glob(filepath.Join(folder, tenant.RuleTestsFolder, "*.yaml")) // the pattern is ours, and fine
	rules, _ := filepath.Glob(filepath.Join(folder, tenant.RulesFolder, "*.yaml"))
	return testJob{files: files, rules: rules, root: folder}
}

// noTenant is the message for a tenant that does not exist.
func noTenant(root, name string) string {
	folders, _ := filepath.Glob(filepath.Join(root, "tenants", "*", tenant.FileName))
	known := make([]string, len(folders))
	for i, file := range folders {
		known[i] = filepath.Base(filepath.Dir(file))
	}
	return fmt.Sprintf("there is no tenant %q%s", name, suggestion(name, known, "; tenants are "))
}

// runTests runs the jobs, several at a time; the report is in their order.
func runTests(ctx context.Context, jobs []testJob, reporter *progress.Reporter, options ruletest.Options) (*ruletest.Report, error) {
	reports := make([]*ruletest.Report, len(jobs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(defaultJobs())
	reporter.Expect(len(jobs))
	for i, job := range jobs {
		group.Go(func() error {
			o := options
			o.Root, o.RuleFiles = job.root, job.rules
			var err error
			reports[i], err = ruletest.Run(ctx, job.files, o)
			reporter.Step(filepath.Base(job.root))
			return err
		})
	}
	err := group.Wait()
	reporter.Done()
	if err != nil {
		return nil, err
	}
	all := &ruletest.Report{Suites: []ruletest.Suite{}, Alerts: []ruletest.Coverage{}}
	for _, r := range reports {
		all.Suites = append(all.Suites, r.Suites...)
		all.Alerts = append(all.Alerts, r.Alerts...)
	}
	return all, nil
}

func (a *app) writeJUnit(report *ruletest.Report) error {
	file := a.settings.GetString("junit")
	if file == "" {
		return nil
	}
	text, err := report.JUnit()
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, text, 0o644); err != nil { // readable, since a CI system may be another user
		return fmt.Errorf("write the results for --junit: %w", err)
	}
	return nil
}

func (a *app) printTests(report *ruletest.Report) {
	total, failed := 0, 0
	for _, s := range report.Suites {
		total += len(s.Cases)
		for _, note := range s.Notes {
			fmt.Fprintf(a.stdout, "note   %s\n", note)
		}
		for _, c := range s.Cases {
			verdict := "ok    "
			if len(c.Failures) > 0 {
				verdict, failed = "FAILED", failed+1
			}
			fmt.Fprintf(a.stdout, "%s %s:%d: %s\n", verdict, s.File, c.Line, c.Name)
			for _, f := range c.Failures {
				at := ""
				if f.Line > 0 {
					at = fmt.Sprintf("line %d: ", f.Line)
				}
				fmt.Fprintf(a.stdout, "  %s%s\n", at, strings.ReplaceAll(f.Message, "\n", "\n  "))
			}
		}
	}
	fired := a.printCoverage(report.Alerts)
	fmt.Fprintf(a.stdout, "\n%s, %d failed; alerts that a test makes fire: %d of %d\n", progress.Count(total, "test"), failed, fired, len(report.Alerts))
}

// printCoverage lists the alerts, those that no test makes fire marked, and returns the number of the others.
func (a *app) printCoverage(alerts []ruletest.Coverage) int {
	if len(alerts) == 0 {
		return 0
	}
	fmt.Fprintln(a.stdout)
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ALERT\tFIRES\tSTAYS QUIET\tFILE")
	fired := 0
	for _, c := range alerts {
		fires := fmt.Sprint(c.Fired)
		if c.Fired == 0 {
			fires = "never"
		} else {
			fired++
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", c.Alert, fires, c.Quiet, c.File)
	}
	if err := table.Flush(); err != nil {
		fmt.Fprintln(a.stderr, err)
	}
	return fired
}

// completeTenants completes names of tenants that were not given yet, and files.
func (a *app) completeTenants(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	names, directive := a.completeTenant(cmd, nil, "")
	if directive == cobra.ShellCompDirectiveError {
		return nil, directive
	}
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(given, name) }), cobra.ShellCompDirectiveDefault
}
