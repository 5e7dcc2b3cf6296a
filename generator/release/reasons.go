package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/git"
)

// shown is how many names a message lists.
const shown = 5

// clean refuses a checkout that is not the commit: what was checked would not be what is deployed.
func (p *planner) clean(ctx context.Context) error {
	lines, err := p.Git.Lines(ctx, "status", "--porcelain", "--no-renames")
	if err != nil {
		return err
	}
	if len(lines) > 0 {
		for i, line := range lines {
			lines[i] = strings.TrimSpace(line[2:])
		}
		p.refuse("Commit it, or put it away with git stash --include-untracked.", "the checkout is not clean: %s", some(lines))
	}
	return nil
}

// sound refuses tags that make Flux fail, for every cluster that follows tags.
func (p *planner) sound(context.Context) error {
	for _, tag := range p.tags {
		if tag.Broken != "" {
			p.refuse(fmt.Sprintf("Delete it here and in the remote: git tag -d %s && git push --delete %s %s.",
				tag.Name, or(p.Options.Remote, "origin"), tag.Name),
				"tag %s %s, not to a commit: Flux then fails for every range", tag.Name, tag.Broken)
		}
	}
	return nil
}

// remote refuses when the remote has deployments that this clone does not know: the number would be taken.
func (p *planner) remote(ctx context.Context) error {
	if p.Options.Remote == "" {
		return nil
	}
	there, err := p.Git.RemoteTags(ctx, p.Options.Remote)
	var failure *git.Failure
	if errors.As(err, &failure) {
		return fmt.Errorf("the tags of remote %s cannot be listed: %w\nA release must know them; try again when it is reached",
			p.Options.Remote, err)
	}
	if err != nil {
		return err
	}
	here := map[string]string{}
	for _, tag := range p.tags {
		here[tag.Name] = tag.Object
	}
	var missing, moved []string
	for _, name := range slices.Sorted(maps.Keys(there)) {
		switch {
		case git.ParseVersion(name) == nil:
		case here[name] == "":
			missing = append(missing, name)
		case here[name] != there[name]:
			moved = append(moved, name)
		}
	}
	fetch := "Fetch them, then run this again: git fetch --tags " + p.Options.Remote + "."
	if len(missing) > 0 {
		p.refuse(fetch, "%s has tags that this clone lacks: %s", p.Options.Remote, some(missing))
	}
	if len(moved) > 0 {
		p.refuse("A deployment tag never moves. Look at both, and take the remote's: git fetch --force --tags "+p.Options.Remote+".",
			"tags are other objects in %s than here: %s", p.Options.Remote, some(moved))
	}
	return nil
}

// locked refuses images that may be other bytes tomorrow.
func (p *planner) locked(context.Context) error {
	images := p.Repository.Bundle.Images
	for _, name := range slices.Sorted(maps.Keys(images)) {
		if images[name].Digest == "" {
			p.Unlocked = append(p.Unlocked, name)
		}
	}
	if len(p.Unlocked) > 0 && !p.AllowUnlocked {
		p.refuse("Lock them: opsgen lock && opsgen render. Or accept that their tags may move: --allow-unlocked.",
			"%d of %d images are not locked by digest: %s", len(p.Unlocked), len(images), some(p.Unlocked))
	}
	return nil
}

// rendered refuses a commit whose manifests are not what a render writes.
func (p *planner) rendered(ctx context.Context) error {
	if len(p.inGit) == 0 {
		p.refuse("Render and commit: opsgen render, and remove the cluster from .gitignore.",
			"no cluster has rendered files in Git: a tag would deploy nothing")
		return nil
	}
	known := map[string]bool{}
	for _, c := range p.Repository.Clusters {
		known[c.Name] = true
	}
	clusters := slices.DeleteFunc(slices.Clone(p.inGit), func(name string) bool {
		if !known[name] {
			p.note("clusters/%s/rendered is in Git, but the cluster has no cluster.yaml any more", name)
		}
		return !known[name]
	})
	if len(p.refused) > 0 {
		return nil // a render costs seconds, and would be of something else than the commit
	}
	wrong, err := p.Check(ctx, clusters)
	if err == nil && wrong != "" {
		p.refuse("Run opsgen render, commit the result, and run this again.", "%s", wrong)
	}
	return err
}

// RenderedClusters are the clusters that have rendered files in a commit, by name.
func RenderedClusters(ctx context.Context, g *git.Repository, root, revision string) ([]string, error) {
	prefix, err := Prefix(ctx, g, root)
	if err != nil {
		return nil, err
	}
	names, err := g.Names(ctx, "ls-tree", "-r", "-z", "--name-only", revision, "--", prefix+"clusters/")
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	const parts = 4
	for _, name := range names {
		f := strings.SplitN(strings.TrimPrefix(name, prefix), "/", parts)
		if len(f) == parts && f[2] == "rendered" {
			found[f[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// Prefix is the repository's folder inside the Git checkout, "" or with a slash behind it.
func Prefix(ctx context.Context, g *git.Repository, root string) (string, error) {
	in := *g
	in.Dir = root
	return in.Run(ctx, "rev-parse", "--show-prefix")
}

// some lists the first of many names.
func some(names []string) string {
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s, and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}
