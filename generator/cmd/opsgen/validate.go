package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/revision"
	"github.com/opsgen/opsgen/generator/validation"
)

// errFound ends a validation that found errors; they were printed.
var errFound = errors.New("validation failed")

func newValidateCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate [TENANT...]",
		Short: "Check what people wrote, in seconds and without rendering",
		Long: `Validate checks everything in the repository that people wrote: clusters, tenants and their limits against the
clusters' capacity, rules with their tests, Alertmanager configurations, dashboards, and secrets that must not be in
Git. Inputs of clusters are always read, since one mistake there stops everybody; rules, tests and dashboards are
checked of the named tenants, of those that changed since a revision, or of all.

LogQL is parsed when the program logqlcheck is there. -o github writes annotations for GitHub Actions, -o sarif a SARIF
2.1.0 log. Exit code 1: something is wrong. Exit code 2: wrong usage. Warnings alone are no failure.`,
		Example: `  opsgen validate                     everything
  opsgen validate payments search     two tenants
  opsgen validate --changed main      what changed since main
  opsgen validate -o sarif > opsgen.sarif`,
		Annotations:       map[string]string{formatsKey: "sarif github"},
		ValidArgsFunction: a.completeTenants,
		RunE:              func(cmd *cobra.Command, tenants []string) error { return a.validate(cmd.Context(), tenants) },
	}
	cmd.Flags().String("changed", "", "check only the tenants that changed since this revision")
	cmd.Flags().String("logqlcheck", "", "the program that parses LogQL (default: logqlcheck in PATH)")
	cmd.Flags().Duration("timeout", time.Minute, "the longest time for one test of rules")
	cmd.Flags().Int("jobs", defaultJobs(), "tenants checked at a time")
	return cmd
}

func (a *app) validate(ctx context.Context, tenants []string) error {
	options, err := a.validateOptions(ctx, tenants)
	if err != nil {
		return err
	}
	reporter := progress.New(a.stderr)
	reporter.Status("checking", "what was written")
	report, err := validation.Run(ctx, options)
	reporter.Done()
	if err != nil {
		return err
	}
	if err := a.writeValidation(report); err != nil {
		return err
	}
	if count := report.Count(validation.Error); count > 0 {
		return fmt.Errorf("%w: %s", errFound, progress.Count(count, "error"))
	}
	return nil
}

func (a *app) validateOptions(ctx context.Context, tenants []string) (validation.Options, error) {
	root, err := a.root()
	if err != nil {
		return validation.Options{}, err
	}
	jobs, err := strconv.Atoi(a.settings.GetString("jobs"))
	if err != nil || jobs < 1 {
		return validation.Options{}, usage("--jobs is %q; write a whole number of at least 1", a.settings.GetString("jobs"))
	}
	timeout := a.settings.GetDuration("timeout")
	if timeout <= 0 {
		return validation.Options{}, usage("--timeout is %q; write a time such as 30s", a.settings.GetString("timeout"))
	}
	options := validation.Options{
		Root: root, Tenants: tenants, Jobs: jobs, Timeout: timeout, LogQLCheck: a.settings.GetString("logqlcheck"),
	}
	since := a.settings.GetString("changed")
	if since == "" {
		return options, nil
	}
	options.Since = since
	options.Changed, err = changedSince(ctx, root, since)
	return options, err
}

// changedSince are the files that differ from a revision, relative to root.
func changedSince(ctx context.Context, root, since string) ([]string, error) {
	history, err := revision.Open(ctx, root)
	if err != nil {
		return nil, err
	}
	from, err := history.Resolve(ctx, since)
	if err != nil {
		return nil, err
	}
	return history.Changed(ctx, revision.Range{From: from})
}

func (a *app) writeValidation(report *validation.Report) error {
	switch a.format() {
	case "json":
		return a.writeJSON(report)
	case "sarif":
		return report.SARIF(a.stdout)
	case "github":
		return report.GitHub(a.stdout)
	default:
		return report.Text(a.stdout)
	}
}
