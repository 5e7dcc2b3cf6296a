package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/opsgen/opsgen/generator/diff"
	"github.com/opsgen/opsgen/generator/git"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/revision"
	"github.com/opsgen/opsgen/generator/tree"
	"github.com/opsgen/opsgen/generator/upgrade"
)

// stopping are the effects of dangers that no version may have for who only upgrades: what Flux cannot apply, such as a
// changed immutable field or a stateful set to be made anew, and what loses data, such as a claim that is no longer there.
func stopping() []string { return []string{"Cannot be applied", "Data loss"} }

func check(ctx context.Context, flags *flag.FlagSet, arguments []string, stdout, stderr io.Writer) error {
	accepted := flags.String("accept", "", "names of rules that are accepted, with commas; the changelog must say why")
	if err := parse(flags, arguments); err != nil {
		return err
	}
	root, err := repository.FindRoot(".")
	if err != nil {
		return err
	}
	c := &checker{
		root: root, accepted: strings.Split(*accepted, ","), stdout: stdout, stderr: stderr,
		render: func(ctx context.Context, dir string) error {
			// Each version by its own program: that is what a fork commits, and what Flux meets.
			cmd := exec.CommandContext(ctx, "go", "run", "./generator/cmd/opsgen", "render")
			cmd.Dir, cmd.Stdout, cmd.Stderr = dir, stderr, stderr
			cmd.Env = append(os.Environ(), "GOWORK=off")
			return cmd.Run()
		},
	}
	return c.run(ctx)
}

// checker compares two versions of the bundle.
type checker struct {
	root           string
	accepted       []string
	render         func(ctx context.Context, dir string) error
	stdout, stderr io.Writer
}

func (c *checker) run(ctx context.Context) error {
	checkout, err := git.Open(ctx, c.root)
	if err != nil {
		return err
	}
	before, err := previous(ctx, checkout)
	if err != nil {
		return err
	}
	if before == "" {
		_, err := fmt.Fprintln(c.stdout, "there is no version of the bundle before this one (no tag bundle-vX.Y.Z): nothing to compare")
		return err
	}
	old, err := os.MkdirTemp("", "release-check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(old)
	history, err := revision.Open(ctx, c.root)
	if err != nil {
		return err
	}
	at, err := history.Resolve(ctx, "refs/tags/"+before)
	if err != nil {
		return err
	}
	if err := history.Export(ctx, at, old, func(string) bool { return true }); err != nil {
		return err
	}
	for _, dir := range []string{old, c.root} {
		if err := c.render(ctx, dir); err != nil {
			return fmt.Errorf("render %s: %w", dir, err)
		}
	}
	return c.compare(before, old)
}

// previous is the tag of the highest version of the bundle below the one that this commit has; "" when there is none.
func previous(ctx context.Context, checkout *git.Repository) (string, error) {
	now, err := upgrade.BundleAt(ctx, checkout, "HEAD")
	if err != nil {
		return "", err
	}
	current, err := semver.StrictNewVersion(now)
	if err != nil {
		return "", err
	}
	tags, err := checkout.Tags(ctx)
	if err != nil {
		return "", err
	}
	for i := range tags {
		tags[i].Version = upgrade.ParseTag(tags[i].Name)
	}
	highest := git.Highest(tags, func(v *semver.Version) bool { return git.Deployment(v) && v.LessThan(current) })
	if highest == nil {
		return "", nil
	}
	return highest.Name, nil
}

// compare tells the dangers of each cluster that both versions have.
func (c *checker) compare(before, old string) error {
	folders, err := filepath.Glob(filepath.Join(old, "clusters", "*", "rendered"))
	if err != nil {
		return err
	}
	stopped, compared := 0, 0
	for _, folder := range folders {
		name := filepath.Base(filepath.Dir(folder))
		current := filepath.Join(c.root, "clusters", name, "rendered")
		if _, err := os.Stat(current); err != nil {
			fmt.Fprintf(c.stdout, "%s: no longer there\n", name)
			continue
		}
		was, err := treeOf(folder)
		if err != nil {
			return err
		}
		is, err := treeOf(current)
		if err != nil {
			return err
		}
		changes, err := diff.Compare(diff.Trees{Name: name, Old: was, New: is}, nil)
		if err != nil {
			return fmt.Errorf("compare %s: %w", name, err)
		}
		compared++
		if changes == nil {
			fmt.Fprintf(c.stdout, "%s: nothing changes\n", name)
			continue
		}
		fmt.Fprintf(c.stdout, "%s: %d workloads restart, %d dangers\n", name, len(changes.Restarts), len(changes.Dangers))
		for _, danger := range changes.Dangers {
			mark := " "
			if slices.Contains(stopping(), danger.Effect) && !slices.Contains(c.accepted, danger.Rule) {
				mark = "!"
				stopped++
			}
			fmt.Fprintf(c.stdout, "%s %s (%s): %s: %s\n", mark, danger.Effect, danger.Rule, strings.Join(danger.Objects, ", "), danger.Message)
		}
	}
	switch {
	case compared == 0:
		return fmt.Errorf("%w: %s and this commit have no cluster in common, so nothing was compared", errFailed, before)
	case stopped > 0:
		return fmt.Errorf("%w: who goes from %s to this commit would meet what is marked by ! above; "+
			"change it, or accept its rule with -accept and say in CHANGELOG.md what to do by hand", errFailed, before)
	}
	_, err = fmt.Fprintf(c.stdout, "from %s to this commit: nothing that Flux cannot apply, and no data lost\n", before)
	return err
}

// treeOf reads a rendered folder.
func treeOf(dir string) (*diff.Tree, error) {
	t := &diff.Tree{Sums: map[string]string{}, Read: func(files []string) (map[string][]byte, error) {
		texts := map[string][]byte{}
		for _, file := range files {
			text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
			if err != nil {
				return nil, err
			}
			texts[file] = text
		}
		return texts, nil
	}}
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == tree.IndexName {
			return err
		}
		text, err := os.ReadFile(file) //nolint:gosec // a file of a rendered tree
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, file)
		t.Sums[filepath.ToSlash(name)] = tree.Sum(text)
		return err
	})
	return t, err
}
