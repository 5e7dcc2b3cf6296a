package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/git"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/render"
	"github.com/opsgen/opsgen/generator/upgrade"
)

// upgradeFlags are the flags of upgrade that hold lists, or that another command has with another meaning.
type upgradeFlags struct {
	keep, take []string
	from       string
}

func newUpgradeCommand(a *app) *cobra.Command {
	var given upgradeFlags
	cmd := &cobra.Command{
		Use:   "upgrade VERSION",
		Short: "Bring this fork to a new version of the bundle, on a branch",
		Long: `Upgrade merges a version of the upstream bundle into the fork, renders the clusters anew, and leaves the result on a branch
for a pull request. The checkout is not touched. A run that is stopped or refused leaves nothing; run it again.

Upstream is the remote "upstream", or --from. What is yours stays: clusters/, tenants/ (but for examples that you never
changed), your digests of images, your overlays. A fork that was made by copying, without upstream's history, works too.
Where both sides changed a file, nothing is written, the files are named, and the exit code is 1: settle each with --keep
or --take.`,
		Example: `  git remote add upstream https://github.com/opsgen/opsgen
  opsgen upgrade --list               versions, and what changed in each
  opsgen upgrade 1.5.0
  opsgen upgrade 1.5.0 --keep bases/grafana --take versions.yaml`,
		Args: func(cmd *cobra.Command, words []string) error {
			if list, err := cmd.Flags().GetBool("list"); err == nil && list {
				return noArguments(cmd, words)
			}
			return oneArgument("a version of the bundle")(cmd, words)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, words []string) error {
			if len(words) == 0 {
				return a.listUpgrades(cmd.Context(), given.from)
			}
			return a.upgrade(cmd.Context(), words[0], given)
		},
	}
	flags := cmd.Flags()
	flags.Bool("list", false, "list upstream's versions with their changes")
	flags.StringVar(&given.from, "from", "", `upstream: a remote, an address or a path (default: the remote "upstream")`)
	flags.String("branch", "", "the branch to make (default: upgrade-VERSION)")
	flags.StringArrayVar(&given.keep, "keep", nil, "in a conflict, keep your file or folder; may be given several times")
	flags.StringArrayVar(&given.take, "take", nil, "in a conflict, take upstream's file or folder; may be given several times")
	flags.Bool("no-render", false, "merge only")
	flags.Bool("verify", false, "refuse a version whose tag has no good signature (git verify-tag)")
	return cmd
}

// upstream finds the checkout and where upstream is.
func (a *app) upstream(ctx context.Context, from string) (*git.Repository, string, error) {
	root, err := a.root()
	if err != nil {
		return nil, "", err
	}
	checkout, err := git.Open(ctx, root)
	if err != nil {
		return nil, "", err
	}
	if from == "" {
		if from, err = checkout.Remote(ctx, git.Upstream); err != nil {
			return nil, "", errors.New("where upstream is, is not known; run git remote add upstream https://github.com/opsgen/opsgen, or name it with --from")
		}
	}
	return checkout, from, nil
}

func (a *app) listUpgrades(ctx context.Context, from string) error {
	checkout, from, err := a.upstream(ctx, from)
	if err != nil {
		return err
	}
	versions, err := upgrade.List(ctx, checkout, from)
	if err != nil {
		return err
	}
	if a.json() {
		return a.writeJSON(versions)
	}
	if len(versions) == 0 {
		fmt.Fprintln(a.stdout, "upstream has no version yet")
	}
	for _, v := range versions {
		mark := ""
		if v.Current {
			mark = "  (this fork)"
		}
		fmt.Fprintf(a.stdout, "%s%s\n", v.Version, mark)
		for line := range strings.Lines(v.Changes) {
			fmt.Fprint(a.stdout, "    "+line)
		}
		if v.Changes != "" {
			fmt.Fprint(a.stdout, "\n\n")
		}
	}
	return nil
}

func (a *app) upgrade(ctx context.Context, version string, given upgradeFlags) error {
	checkout, from, err := a.upstream(ctx, given.from)
	if err != nil {
		return err
	}
	reporter := progress.New(a.stderr)
	options := upgrade.Options{
		Git: checkout, From: from, Version: strings.TrimPrefix(strings.TrimPrefix(version, "bundle-"), "v"),
		Branch: a.settings.GetString("branch"), Keep: given.keep, Take: given.take,
		Verify: a.settings.GetBool("verify"), Progress: reporter,
	}
	if !a.settings.GetBool("no-render") {
		options.Render = func(ctx context.Context, dir string, clusters []string) error {
			return a.renderUpgraded(ctx, checkout.Dir, dir, clusters, reporter)
		}
	}
	result, err := upgrade.Run(ctx, options)
	if err != nil {
		return err
	}
	dangers := []string{}
	found, err := a.dangers(ctx, checkout.Dir, result.Before, result.Commit, result.Rendered, reporter)
	if err != nil {
		// The branch is there, and good; only what it means could not be told.
		dangers = append(dangers, "could not be looked for: "+err.Error())
	}
	for _, d := range found {
		dangers = append(dangers, d.Text)
	}
	return a.printUpgrade(result, dangers)
}

// renderUpgraded renders with the program of the new version, which may know what this one does not. In a repository without
// opsgen's source this program does it.
func (a *app) renderUpgraded(ctx context.Context, root, dir string, clusters []string, reporter *progress.Reporter) error {
	store, err := a.store(root, reporter)
	if err != nil {
		return err
	}
	cacheDir, err := a.cacheDir()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "generator", "cmd", "opsgen", "main.go")); err != nil {
		_, err = render.Run(ctx, render.Options{Root: dir, Clusters: clusters, Jobs: defaultJobs(), CacheDir: cacheDir, Sources: store, Progress: reporter})
		return err
	}
	arguments := []string{"run", "./generator/cmd/opsgen", "render", "--cache-dir", cacheDir}
	if a.settings.GetBool("offline") {
		arguments = append(arguments, "--offline")
	}
	vendored := a.settings.GetString("vendor-dir")
	if stored := filepath.Join(root, "vendor-sources"); vendored == "" && isFolder(stored) {
		vendored = stored
	}
	if vendored != "" {
		if vendored, err = filepath.Abs(vendored); err != nil {
			return err
		}
		arguments = append(arguments, "--vendor-dir", vendored)
	}
	cmd := exec.CommandContext(ctx, "go", append(append(arguments, "--"), clusters...)...) //nolint:gosec // a fixed program
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, a.stderr, a.stderr
	cmd.Env = append(os.Environ(), "GOWORK=off")
	return cmd.Run()
}

func (a *app) printUpgrade(result *upgrade.Result, dangers []string) error {
	if a.json() {
		return a.writeJSON(struct {
			*upgrade.Result
			Dangers []string `json:"dangers"`
		}{result, dangers})
	}
	fmt.Fprintf(a.stdout, "bundle %s → %s, %s changed, on branch %s\n", result.From, result.To, progress.Count(result.Files, "file"), result.Branch)
	if len(result.Rendered) > 0 {
		fmt.Fprintf(a.stdout, "rendered %s\n", strings.Join(result.Rendered, ", "))
	}
	for _, name := range result.Kept {
		fmt.Fprintf(a.stdout, "yours, kept as it is although upstream changed its own: %s\n", name)
	}
	for _, name := range result.Added {
		fmt.Fprintf(a.stdout, "new upstream, not taken: %s (to have it: git checkout %s%s -- %s)\n", name, upgrade.TagPrefix, result.To, name)
	}
	if len(dangers) == 0 {
		fmt.Fprintln(a.stdout, "no dangers")
	} else {
		fmt.Fprintf(a.stdout, "%s:\n  %s\n", progress.Count(len(dangers), "danger"), strings.Join(dangers, "\n  "))
	}
	_, err := fmt.Fprintf(a.stdout, "next: git switch %s, look at it, push it and open a pull request\n", result.Branch)
	return err
}

// conflicts prints what both sides changed.
func (a *app) conflicts(found *upgrade.Conflicts) int {
	fmt.Fprintln(a.stderr, found.Error())
	fmt.Fprintf(a.stderr, "%s, nothing was written\n", progress.Count(len(found.Files), "conflict"))
	if a.json() {
		if err := a.writeJSON(map[string][]upgrade.Conflict{"conflicts": found.Files}); err != nil {
			fmt.Fprintln(a.stderr, err)
		}
	}
	return exitFailed
}
