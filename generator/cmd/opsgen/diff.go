package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/opsgen/opsgen/generator/diff"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/render"
	"github.com/opsgen/opsgen/generator/revision"
)

// errDangers ends a diff that was asked to fail for dangers; they were printed.
var errDangers = errors.New("there are dangers")

func newDiffCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff [REVISION[..REVISION]] [CLUSTER...]",
		Short: "Say what a change does in the clusters, dangers first",
		Long: `Diff compares two states of the repository by the objects that they make: fields and not lines, also within the
configuration files in ConfigMaps. It says what restarts, what is reloaded live, and first what is dangerous.

Without a revision, the last commit is compared with the files on disk; with one, that one is. A..B compares two
revisions, A...B what B changed since it left A. Files on disk are rendered, in memory. Of a revision, the rendered
files that it has committed count, since those are what Flux applied; without any, it is rendered too.

-o markdown writes the comment of a pull request, short enough for GitHub. The usage of tenants is a JSON file,
{"CLUSTER": {"TENANT": {"activeSeries": 1, "samplesPerSecond": 1, "bytesPerDay": 1, "streams": 1}}}: with it, a limit
that is lowered is a danger only below what is used. Exit code 1: there are dangers, with --exit-code.`,
		Example: `  opsgen diff                         what is not committed yet
  opsgen diff main prod               against main, one cluster
  opsgen diff v1.4.30..v1.4.31        what a deployment changed
  opsgen diff main...HEAD -o markdown --exit-code`,
		Annotations:       map[string]string{formatsKey: "markdown"},
		ValidArgsFunction: a.completeClusters,
		RunE:              func(cmd *cobra.Command, words []string) error { return a.diff(cmd, words) },
	}
	cmd.Flags().String("usage", "", "JSON file with what tenants use")
	cmd.Flags().Bool("exit-code", false, "exit with 1 when there are dangers")
	cmd.Flags().Bool("all", false, "show every field")
	cmd.Flags().Bool("no-cache", false, "render everything anew and keep nothing")
	cmd.Flags().Int("jobs", defaultJobs(), "units rendered at a time")
	return cmd
}

func (a *app) diff(cmd *cobra.Command, words []string) error {
	options, err := a.diffOptions(cmd.Context(), words)
	if err != nil {
		return err
	}
	report, err := diff.Run(cmd.Context(), options)
	if err != nil {
		return err
	}
	if err := a.writeDiff(report); err != nil {
		return err
	}
	if a.settings.GetBool("exit-code") && report.Count() > 0 {
		return fmt.Errorf("%w: %d", errDangers, report.Count())
	}
	return nil
}

func (a *app) writeDiff(report *diff.Report) error {
	switch a.format() {
	case "json":
		return a.writeJSON(report)
	case "markdown":
		_, err := fmt.Fprint(a.stdout, report.Markdown(diff.MaxComment))
		return err
	default:
		return report.Text(a.stdout, diff.TextOptions{Color: a.colors(), All: a.settings.GetBool("all")})
	}
}

// colors says that stdout is a terminal whose user did not refuse colours (NO_COLOR, no-color.org).
func (a *app) colors() bool {
	file, ok := a.stdout.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func (a *app) diffOptions(ctx context.Context, words []string) (diff.Options, error) {
	root, err := a.root()
	if err != nil {
		return diff.Options{}, err
	}
	history, err := revision.Open(ctx, root)
	if err != nil {
		return diff.Options{}, err
	}
	options := diff.Options{History: history}
	if options.Range, options.Clusters, err = diffRange(ctx, history, root, words); err != nil {
		return options, err
	}
	if options.Usage, err = readUsage(a.settings.GetString("usage")); err != nil {
		return options, err
	}
	options.Render, err = a.renderOptions(root)
	return options, err
}

// renderOptions are the settings of a render that writes nothing.
func (a *app) renderOptions(root string) (render.Options, error) {
	reporter := progress.New(a.stderr)
	store, err := a.store(root, reporter)
	if err != nil {
		return render.Options{}, err
	}
	jobs, err := strconv.Atoi(a.settings.GetString("jobs"))
	if err != nil || jobs < 1 {
		return render.Options{}, usage("--jobs is %q; write a whole number of at least 1", a.settings.GetString("jobs"))
	}
	options := render.Options{Root: root, Jobs: jobs, Sources: store, Check: true, Progress: reporter}
	if !a.settings.GetBool("no-cache") {
		options.CacheDir, err = a.cacheDir()
	}
	return options, err
}

// diffRange tells revisions from clusters: the first word is a cluster when it is no range and no revision.
func diffRange(ctx context.Context, history *revision.History, root string, words []string) (revision.Range, []string, error) {
	since := "HEAD"
	if len(words) > 0 && (strings.Contains(words[0], "..") || history.Resolves(ctx, words[0])) {
		since, words = words[0], words[1:]
		if !strings.ContainsAny(since, "./") && isFile(filepath.Join(root, "clusters", since, "cluster.yaml")) {
			return revision.Range{}, nil, usage("%q is a cluster and a revision; write HEAD %s for the cluster, or refs/heads/%s or refs/tags/%s for the revision",
				since, since, since, since)
		}
	}
	r, err := history.ParseRange(ctx, since)
	return r, words, err
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// readUsage reads the file of --usage as strictly as all other files.
func readUsage(file string) (diff.Usage, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	var inFile *fs.PathError
	switch {
	case errors.As(err, &inFile):
		return nil, fmt.Errorf("the usage of tenants cannot be read: %s: %w", file, inFile.Err)
	case err != nil:
		return nil, err
	}
	var used diff.Usage
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&used); err != nil {
		reason := strings.TrimPrefix(err.Error(), "json: ")
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			reason = wrong.Field + " is a " + wrong.Value
		}
		return nil, document.Problems{{
			File: file, Message: "not the usage of tenants: " + reason,
			Hint: `Write {"CLUSTER": {"TENANT": {"activeSeries": 1, "samplesPerSecond": 1, "bytesPerDay": 1, "streams": 1}}}.`,
		}}
	}
	return used, nil
}
