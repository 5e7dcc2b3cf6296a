package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/git"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/release"
	"github.com/opsgen/opsgen/generator/render"
	"github.com/opsgen/opsgen/generator/repository"
)

func newReleaseCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "release",
		Short: "Tag this commit as the next deployment",
		Long: `Release makes the annotated tag vMAJOR.MINOR.N that clusters with source.semver follow. MAJOR and MINOR are the bundle's, N
counts this repository's deployments within that minor. Nothing else is changed.

It refuses, with all reasons at once and exit code 1, when the tag would not deploy what was checked: a checkout that is
not clean, rendered files that are out of date, a commit that is deployed already, an image that is not locked, tags of
the remote that are missing here, a tag that makes Flux fail, or a higher tag where a cluster follows. It also refuses
what would make data unreadable: to go back behind a period of Loki's schema that has begun.`,
		Example: `  opsgen release --dry-run          what the tag would be, and what is in it
  opsgen release --sign --push      as a workflow does it after a merge
  opsgen release --rollback --push  after reverting to an older minor of the bundle`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.release(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.Bool("dry-run", false, "write nothing; show what would be released")
	flags.Bool("push", false, "push the tag")
	flags.String("remote", "", "the remote to compare with and push to (default: the branch's, or origin)")
	flags.Bool("sign", false, "sign the tag, by git's settings (gpg.format, user.signingKey)")
	flags.Bool("allow-unlocked", false, "accept images that are not locked by digest")
	flags.Bool("rollback", false, "number above the highest release, though the bundle's minor is older")
	return cmd
}

func (a *app) release(ctx context.Context) error {
	repo, err := a.loadRepository(nil)
	if err != nil {
		return err
	}
	checkout, err := git.Open(ctx, repo.Root)
	if err != nil {
		return err
	}
	remote, err := checkout.Remote(ctx, a.settings.GetString("remote"))
	if err != nil {
		return err
	}
	push, dry := a.settings.GetBool("push"), a.settings.GetBool("dry-run")
	if push && remote == "" {
		return usage("--push has nowhere to go: the repository has no remote; add one: git remote add origin URL")
	}
	reporter := progress.New(a.stderr)
	if push && !dry {
		if left, err := release.Unpushed(ctx, checkout, remote); err != nil || left != nil {
			return a.pushLeft(ctx, checkout, left, err)
		}
	}
	plan, err := release.Prepare(ctx, release.Options{
		Repository: repo, Git: checkout, Remote: remote,
		AllowUnlocked: a.settings.GetBool("allow-unlocked"), Rollback: a.settings.GetBool("rollback"),
		Check: func(ctx context.Context, clusters []string) (string, error) {
			return a.checkRendered(ctx, repo, clusters, reporter)
		},
		Dangers: func(ctx context.Context, from, to string, clusters []string) ([]release.Danger, error) {
			return a.dangers(ctx, repo.Root, from, to, clusters, reporter)
		},
	})
	if err != nil {
		return err
	}
	if !dry {
		if err := release.Write(ctx, checkout, plan, a.settings.GetBool("sign")); err != nil {
			return err
		}
		if push {
			reporter.Line("pushing", "%s to %s", plan.Tag, remote)
			if err := release.Push(ctx, checkout, plan); err != nil {
				return err
			}
		}
	}
	return a.printRelease(plan, dry, push)
}

// pushLeft finishes a run that was stopped between making the tag and pushing it.
func (a *app) pushLeft(ctx context.Context, checkout *git.Repository, left *release.Plan, err error) error {
	if err != nil {
		return err
	}
	if err := release.Push(ctx, checkout, left); err != nil {
		return err
	}
	if a.json() {
		return a.writeJSON(map[string]any{"tag": left.Tag, "commit": left.Commit, "remote": left.Remote, "written": true, "pushed": true})
	}
	_, err = fmt.Fprintf(a.stdout, "pushed %s, which an earlier run made here, to %s\n", left.Tag, left.Remote)
	return err
}

// checkRendered says in words what is out of date in the rendered files, "" when nothing is.
func (a *app) checkRendered(ctx context.Context, repo *repository.Repository, clusters []string, reporter *progress.Reporter) (string, error) {
	store, err := a.store(repo.Root, reporter)
	if err != nil {
		return "", err
	}
	cacheDir, err := a.cacheDir()
	if err != nil {
		return "", err
	}
	report, err := render.Run(ctx, render.Options{
		Root: repo.Root, Clusters: clusters, Jobs: defaultJobs(), CacheDir: cacheDir, Sources: store, Check: true, Progress: reporter,
	})
	if err != nil {
		return "", err
	}
	var stale []string
	for _, c := range report.Clusters {
		if !c.UpToDate || len(c.Edited) > 0 {
			stale = append(stale, c.Path)
		}
	}
	if len(stale) == 0 {
		return "", nil
	}
	return "rendered files are not what opsgen writes: " + strings.Join(stale, ", "), nil
}

func (a *app) printRelease(plan *release.Plan, dry, pushed bool) error {
	if a.json() {
		return a.writeJSON(struct {
			*release.Plan
			Written bool   `json:"written"`
			Pushed  bool   `json:"pushed"`
			Message string `json:"message"`
		}{plan, !dry, pushed && !dry, plan.Message()})
	}
	fmt.Fprintln(a.stdout, strings.TrimRight(plan.Message(), "\n"))
	fmt.Fprintln(a.stdout)
	for _, note := range plan.Notes {
		fmt.Fprintln(a.stdout, "note: "+note)
	}
	if len(plan.Reaches) > 0 {
		fmt.Fprintf(a.stdout, "followed by %s\n", strings.Join(plan.Reaches, ", "))
	} else {
		fmt.Fprintln(a.stdout, "followed by no cluster: none has a source.semver that this tag is in")
	}
	switch {
	case dry:
		fmt.Fprintf(a.stdout, "%s was not made, as --dry-run says\n", plan.Tag)
	case pushed:
		fmt.Fprintf(a.stdout, "made and pushed %s\n", plan.Tag)
	default:
		fmt.Fprintf(a.stdout, "made %s\nnext: git push %s refs/tags/%s\n", plan.Tag, plan.Destination(), plan.Tag)
	}
	return nil
}

// refused prints why there is no release.
func (a *app) refused(refused release.Refused) int {
	fmt.Fprintln(a.stderr, refused.Error())
	fmt.Fprintf(a.stderr, "%s, no tag was made\n", progress.Count(len(refused), "reason"))
	if a.json() {
		if err := a.writeJSON(map[string]release.Refused{"refused": refused}); err != nil {
			fmt.Fprintln(a.stderr, err)
		}
	}
	return exitFailed
}

// wasRefused says whether an error is a release that was refused, or lost a race.
func wasRefused(err error) (release.Refused, bool) {
	var refused release.Refused
	var taken *release.Taken
	switch {
	case errors.As(err, &refused):
		return refused, true
	case errors.As(err, &taken):
		return release.Refused{taken.Refusal()}, true
	}
	return nil, false
}
