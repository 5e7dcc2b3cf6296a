package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/check"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/render"
)

func newRenderCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "render [CLUSTER...]",
		Short: "Write the manifests of clusters",
		Long: `Render writes every manifest of the named clusters, or of all, into clusters/<name>/rendered/.

The same commit gives the same bytes on any machine. Nothing outside rendered/ is touched; files there that somebody
else put or edited are reported, never silently overwritten. Exit code 1: a check failed, or with --check the files
are out of date. Exit code 2: an input is wrong. In both cases nothing was written.`,
		Example: `  opsgen render                 every cluster
  opsgen render prod staging    two of them
  opsgen render --check         in CI: fail when a commit forgot to render
  opsgen render -o json | jq .clusters[].changes`,
		ValidArgsFunction: a.completeClusters,
		RunE: func(cmd *cobra.Command, clusters []string) error {
			return a.render(cmd, clusters)
		},
	}
	cmd.Flags().Bool("check", false, "write nothing; exit with 1 when something would change")
	cmd.Flags().Bool("force", false, "discard edits made by hand in rendered/")
	cmd.Flags().Bool("no-cache", false, "render everything anew and keep nothing")
	cmd.Flags().BoolP("verbose", "v", false, "say the reason of every advisory, and what was dropped")
	cmd.Flags().Int("jobs", defaultJobs(), "units rendered at a time")
	return cmd
}

func (a *app) render(cmd *cobra.Command, clusters []string) error {
	root, err := a.root()
	if err != nil {
		return err
	}
	reporter := progress.New(a.stderr)
	store, err := a.store(root, reporter)
	if err != nil {
		return err
	}
	jobs, err := strconv.Atoi(a.settings.GetString("jobs"))
	if err != nil || jobs < 1 {
		return usage("--jobs is %q; write a whole number of at least 1", a.settings.GetString("jobs"))
	}
	options := render.Options{
		Root: root, Clusters: clusters, Jobs: jobs, Sources: store,
		Check: a.settings.GetBool("check"), Force: a.settings.GetBool("force"), Progress: reporter,
	}
	if !a.settings.GetBool("no-cache") {
		if options.CacheDir, err = a.cacheDir(); err != nil {
			return err
		}
	}
	report, err := render.Run(cmd.Context(), options)
	var failed render.ChecksFailed
	if errors.As(err, &failed) && a.json() {
		report.Findings = append(report.Findings, failed...)
		return errors.Join(a.writeJSON(report), err)
	}
	if err != nil {
		return notWritten(err)
	}
	if a.json() {
		err = a.writeJSON(report)
	} else {
		a.printReport(report)
	}
	if err == nil && report.Checked && !report.UpToDate() {
		return outOfDate(report)
	}
	return err
}

// notWritten adds the consequence to errors that do not say it themselves.
func notWritten(err error) error {
	var problems document.Problems
	var failed render.ChecksFailed
	var notWritable render.NotWritable
	if errors.As(err, &problems) || errors.As(err, &failed) || errors.As(err, &notWritable) {
		return err
	}
	return fmt.Errorf("%w\nnothing was written", err)
}

// outOfDate says what to do about trees that are not what a render would write.
func outOfDate(r *render.Report) error {
	for _, c := range r.Clusters {
		if len(c.Edited) > 0 {
			return fmt.Errorf("%w; move what was edited by hand to clusters/%s/patches/, then run opsgen render --force and commit the result",
				errOutOfDate, c.Name)
		}
	}
	return fmt.Errorf("%w; run opsgen render and commit the result", errOutOfDate)
}

func (a *app) printReport(r *render.Report) {
	verbose := a.settings.GetBool("verbose")
	if r.UpToDate() {
		fmt.Fprintf(a.stdout, "nothing changed, %.2f s\n", r.Seconds)
		a.printForeign(r)
		if verbose {
			a.printNotes(r)
		}
		return
	}
	fmt.Fprintf(a.stdout, "bundle %s\n", r.Bundle)
	width := 0
	for _, c := range r.Clusters {
		width = max(width, len(c.Name))
	}
	for _, c := range r.Clusters {
		fmt.Fprintf(a.stdout, "  %-*s %5d objects %5d files   %s   %s\n", width, c.Name, c.Objects, c.Files, c.Summary(), c.Path)
	}
	for _, c := range r.Clusters {
		fmt.Fprint(a.stdout, c.Diff)
	}
	a.printForeign(r)
	switch {
	case verbose:
		a.printNotes(r)
	case !r.Checked:
		a.printShort(r)
	}
	fmt.Fprintf(a.stdout, "%.1f s\n", r.Seconds)
}

func (a *app) printForeign(r *render.Report) {
	for _, c := range r.Clusters {
		for _, file := range c.Foreign {
			fmt.Fprintf(a.stdout, "not opsgen's, left alone: %s/%s\n", c.Path, file)
		}
		what := "edited by hand, discarded"
		if r.Checked {
			what = "edited by hand"
		}
		for _, file := range c.Edited {
			fmt.Fprintf(a.stdout, "%s: %s/%s\n", what, c.Path, file)
		}
	}
}

// shortNotes is how many advisories a summary shows.
const shortNotes = 6

// printShort shows the advisories, one line each. What the bases waive, with a reason, is nobody's news.
func (a *app) printShort(r *render.Report) {
	notes := a.notes(r, false)
	if len(notes) == 0 {
		return
	}
	fmt.Fprintf(a.stdout, "%s (opsgen render -v says why):\n", plural(len(notes), "advisory", "advisories"))
	for i, note := range notes {
		if i == shortNotes {
			fmt.Fprintln(a.stdout, "  …")
			return
		}
		fmt.Fprintln(a.stdout, "  "+note)
	}
}

func (a *app) printNotes(r *render.Report) {
	for _, note := range a.notes(r, true) {
		fmt.Fprintln(a.stdout, note)
	}
	for _, c := range r.Clusters {
		for _, dropped := range c.Dropped {
			fmt.Fprintf(a.stdout, "%s: dropped %s\n", c.Name, dropped)
		}
	}
}

// notes are the advisories and findings, in one line each or in full.
func (a *app) notes(r *render.Report, full bool) []string {
	var notes []string
	for _, advisory := range r.Advisories {
		if full {
			notes = append(notes, fmt.Sprintf("%s: %s [%s]", advisory.Cluster, advisory.Error(), advisory.Rule))
		} else {
			notes = append(notes, advisory.Cluster+": "+advisory.Message)
		}
	}
	for _, finding := range r.Findings {
		switch {
		case full:
			notes = append(notes, finding.Cluster+": "+finding.String())
		case finding.Severity != check.Waived:
			notes = append(notes, finding.Cluster+": "+finding.Object+": "+finding.Message)
		}
	}
	return notes
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
