package release

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/document"
)

// maxCommits bounds the list in a tag's message.
const maxCommits = 50

// summarise compares the commit with the deployment before it.
func (p *planner) summarise(ctx context.Context) error {
	prefix, err := Prefix(ctx, p.Git, p.Repository.Root)
	if err != nil {
		return err
	}
	// Upstream's commits are not listed: the bundle's version stands for them, and its changelog says more.
	log := []string{
		"log", "--no-merges", fmt.Sprintf("--max-count=%d", maxCommits), "--format=%s", "HEAD", "--not", "--glob=refs/tags/bundle-v*",
	}
	before := ""
	if p.Previous != "" {
		if before, err = p.Git.Commit(ctx, "refs/tags/"+p.Previous); err != nil {
			return err
		}
		log = append(log, "refs/tags/"+p.Previous)
	}
	if p.Plan.Commits, err = p.Git.Lines(ctx, log...); err != nil {
		return err
	}
	if shallow, err := p.Git.Run(ctx, "rev-parse", "--is-shallow-repository"); err == nil && shallow == "true" {
		p.note("this clone is shallow: the list of commits may be too short or too long")
	}
	if before == "" {
		p.first()
		return nil
	}
	if p.PreviousBundle, err = p.bundleAt(ctx, before, prefix); err != nil {
		return err
	}
	changed, err := p.folders(ctx, before, prefix)
	if err != nil {
		return err
	}
	if p.Tenants, err = p.change(ctx, before, prefix+"tenants/", changed["tenants"]); err != nil {
		return err
	}
	if p.Plan.Clusters, err = p.change(ctx, before, prefix+"clusters/", changed["clusters"]); err != nil {
		return err
	}
	p.Plan.Rendered = slices.AppendSeq(p.Plan.Rendered, maps.Keys(changed["rendered"]))
	slices.Sort(p.Plan.Rendered)
	return p.weigh(ctx, before)
}

// weigh lists what is dangerous since the deployment before, and refuses what must not be deployed.
func (p *planner) weigh(ctx context.Context, before string) error {
	if p.Options.Dangers == nil || len(p.Plan.Rendered) == 0 {
		return nil
	}
	dangers, err := p.Options.Dangers(ctx, before, p.Commit, p.Plan.Rendered)
	if err != nil {
		return err
	}
	for _, d := range dangers {
		p.Plan.Dangers = append(p.Plan.Dangers, d.Text)
		if d.Instead != "" {
			p.refuse(d.Instead, "after %s, %s", p.Previous, d.Text)
		}
	}
	return nil
}

// folders are the names of the folders in which something changed: "tenants", "clusters" by hand, and "rendered".
func (p *planner) folders(ctx context.Context, before, prefix string) (map[string]map[string]bool, error) {
	names, err := p.Git.Names(ctx, "diff", "--no-renames", "--name-only", "-z", before, p.Commit, "--", prefix+"tenants/", prefix+"clusters/")
	if err != nil {
		return nil, err
	}
	changed := map[string]map[string]bool{"tenants": {}, "clusters": {}, "rendered": {}}
	for _, name := range names {
		const parts = 4
		f := strings.SplitN(strings.TrimPrefix(name, prefix), "/", parts)
		switch {
		case len(f) < parts-1:
		case f[0] == "clusters" && f[2] == "rendered":
			changed["rendered"][f[1]] = true
		default:
			changed[f[0]][f[1]] = true
		}
	}
	return changed, nil
}

// first fills the summary of the first deployment.
func (p *planner) first() {
	p.Plan.Rendered = p.inGit
	p.Tenants = Change{Added: []string{}, Removed: []string{}, Changed: []string{}}
	p.Plan.Clusters = Change{Added: p.inGit, Removed: []string{}, Changed: []string{}}
	for _, t := range p.Repository.Tenants {
		p.Tenants.Added = append(p.Tenants.Added, t.Name)
	}
}

// change sorts changed folders by whether they were there before and are now.
func (p *planner) change(ctx context.Context, before, folder string, changed map[string]bool) (Change, error) {
	result := Change{Added: []string{}, Removed: []string{}, Changed: []string{}}
	folders := func(revision string) (map[string]bool, error) {
		names, err := p.Git.Names(ctx, "ls-tree", "-d", "-z", "--name-only", revision, "--", folder)
		found := map[string]bool{}
		for _, name := range names {
			found[strings.TrimPrefix(name, folder)] = true
		}
		return found, err
	}
	was, err := folders(before)
	if err != nil {
		return result, err
	}
	is, err := folders(p.Commit)
	if err != nil {
		return result, err
	}
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		switch {
		case !was[name]:
			result.Added = append(result.Added, name)
		case !is[name]:
			result.Removed = append(result.Removed, name)
		default:
			result.Changed = append(result.Changed, name)
		}
	}
	return result, nil
}

// bundleAt is the bundle's version in a commit, "" where it cannot be read: an old deployment is not ours to mend.
func (p *planner) bundleAt(ctx context.Context, revision, prefix string) (string, error) {
	text, ok, err := p.Git.File(ctx, revision, prefix+"versions.yaml")
	if err != nil || !ok {
		return "", err
	}
	var old bundle.Bundle
	if _, err := document.Decode("versions.yaml", []byte(text), &old); err != nil {
		p.note("versions.yaml at %s cannot be read by this version of opsgen", p.Previous)
	}
	return old.Version, nil
}

// Message is the tag's message.
func (p *Plan) Message() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Deployment %s of bundle %s\n\n", p.Tag, p.Bundle)
	line := func(format string, arguments ...any) { fmt.Fprintf(&b, format+"\n", arguments...) }
	switch {
	case p.Previous == "":
		line("The first deployment.")
	case p.PreviousBundle != "" && p.PreviousBundle != p.Bundle:
		line("Since %s: bundle %s, was %s.", p.Previous, p.Bundle, p.PreviousBundle)
	default:
		line("Since %s: the same bundle.", p.Previous)
	}
	for _, part := range []struct {
		what string
		Change
	}{{"Tenants", p.Tenants}, {"Clusters", p.Clusters}} {
		if text := part.text(); text != "" {
			line("%s: %s.", part.what, text)
		}
	}
	if len(p.Rendered) > 0 {
		line("Manifests changed in: %s.", strings.Join(p.Rendered, ", "))
	}
	section := func(title string, items []string) {
		if len(items) == 0 {
			return
		}
		line("\n%s:", title)
		for _, item := range items {
			line("- %s", item)
		}
	}
	section("Dangers", p.Dangers)
	section("Images that are not locked by digest", p.Unlocked)
	section("Commits", p.Commits)
	return b.String()
}

// text is a change in words, "" for none.
func (c Change) text() string {
	var parts []string
	for _, part := range []struct {
		what  string
		names []string
	}{{"added", c.Added}, {"removed", c.Removed}, {"changed", c.Changed}} {
		if len(part.names) > 0 {
			parts = append(parts, part.what+" "+strings.Join(part.names, ", "))
		}
	}
	return strings.Join(parts, "; ")
}
