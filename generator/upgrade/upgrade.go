package upgrade

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/git"
	"github.com/opsgen/opsgen/generator/progress"
)

// TagPrefix begins the tags of upstream's versions. Flux does not take them for versions.
const TagPrefix = "bundle-v"

// Options say what to upgrade to.
type Options struct {
	// Git is the fork's checkout, whose top folder holds versions.yaml.
	Git *git.Repository
	// From is upstream: a remote's name, an address or a path.
	From string
	// Version is upstream's version, "1.5.0".
	Version string
	// Branch is the branch to make; "" means "upgrade-<version>".
	Branch string
	// Keep and Take settle conflicts, by file or by folder: the fork's content, or upstream's.
	Keep, Take []string
	// Verify asks git to verify the signature of upstream's tag.
	Verify bool
	// Render writes the manifests of clusters in a folder that holds the merged files; nil means that nothing is rendered.
	Render func(ctx context.Context, dir string, clusters []string) error
	// Progress is told what happens; it may be nil.
	Progress *progress.Reporter
}

// Result is an upgrade that was made.
type Result struct {
	// Branch is the branch's name, Commit its end.
	Branch string `json:"branch"`
	Commit string `json:"commit"`
	// From and To are versions of the bundle.
	From string `json:"from"`
	To   string `json:"to"`
	// Before is the commit that the branch begins at.
	Before string `json:"before"`
	// Files counts the files that the merge changed, Rendered are the clusters that were rendered.
	Files    int      `json:"files"`
	Rendered []string `json:"rendered"`
	// Kept are folders of clusters/ and tenants/ that upstream changed and that stayed as the fork has them.
	Kept []string `json:"kept"`
	// Added are folders of clusters/ and tenants/ that are new upstream and were not taken.
	Added []string `json:"added"`
	// History says that the fork shares commits with upstream, so that the branch holds a real merge.
	History bool `json:"history"`
}

// Conflict is a file that both sides changed.
type Conflict struct {
	// Path is the file, Reason what both sides did.
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Conflicts is the error when both sides changed the same files. Nothing was written.
type Conflicts struct {
	Version string
	Files   []Conflict
	// History says that git merge can be used instead.
	History bool
}

// Error names the files, and what to do.
func (c *Conflicts) Error() string {
	var b strings.Builder
	for _, f := range c.Files {
		fmt.Fprintf(&b, "%s: %s\n", f.Path, f.Reason)
	}
	tag := TagPrefix + c.Version
	b.WriteString("  Settle each, and run this again: --keep FILE for yours, --take FILE for upstream's; folders work too.\n")
	fmt.Fprintf(&b, "  To see upstream's: git show %s:FILE. What is only yours belongs in clusters/<name>/patches/, which never conflicts.", tag)
	if c.History {
		fmt.Fprintf(&b, "\n  Or merge by hand: git switch -c upgrade-%s && git merge %s, then opsgen render.", c.Version, tag)
	}
	return b.String()
}

// upgrade is one run.
type upgrade struct {
	Options
	// head, base and target are commits: the fork's, upstream's that the fork is based on, and upstream's new one.
	head, base, target string
	result             Result
}

// Run makes the branch. The error is *Conflicts when both sides changed the same files.
func Run(ctx context.Context, o Options) (*Result, error) {
	u := &upgrade{Options: o, result: Result{
		To: o.Version, Branch: o.Branch, Kept: []string{}, Added: []string{}, Rendered: []string{},
	}}
	if u.result.Branch == "" {
		u.result.Branch = "upgrade-" + o.Version
	}
	if err := u.locate(ctx); err != nil {
		return nil, err
	}
	merged, err := u.merge(ctx)
	if err != nil {
		return nil, err
	}
	commit, err := u.commit(ctx, merged)
	if err != nil {
		return nil, err
	}
	if o.Render != nil {
		if commit, err = u.render(ctx, commit); err != nil {
			return nil, err
		}
	}
	u.result.Commit = commit
	// The old value of zeros: the branch must not be there, whoever made it in the meantime.
	none := strings.Repeat("0", len(commit))
	if _, err := o.Git.Run(ctx, "update-ref", "-m", "opsgen upgrade "+o.Version, "refs/heads/"+u.result.Branch, commit, none); err != nil {
		return nil, fmt.Errorf("make branch %s: %w", u.result.Branch, err)
	}
	return &u.result, nil
}

// locate finds the three commits, and fetches upstream's.
func (u *upgrade) locate(ctx context.Context) error {
	var err error
	if u.head, err = u.Git.Commit(ctx, "HEAD"); err != nil {
		return err
	}
	if u.head == "" {
		return errors.New("there is no commit yet; commit the fork first")
	}
	u.result.Before = u.head
	if u.result.From, err = BundleAt(ctx, u.Git, u.head); err != nil {
		return err
	}
	if taken, err := u.Git.Commit(ctx, "refs/heads/"+u.result.Branch); err != nil || taken != "" {
		return errors.Join(err, fmt.Errorf("branch %s is there already; delete it (git branch -D %s) or name another with --branch",
			u.result.Branch, u.result.Branch))
	}
	if err := u.newer(); err != nil {
		return err
	}
	if err := u.fetch(ctx); err != nil {
		return err
	}
	if u.target, err = u.Git.Commit(ctx, "refs/tags/"+TagPrefix+u.Version); err != nil {
		return err
	}
	if u.Verify {
		if _, err := u.Git.Run(ctx, "verify-tag", TagPrefix+u.Version); err != nil {
			return fmt.Errorf("the signature of upstream's tag is not good, or not known here: %w", err)
		}
	}
	return u.findBase(ctx)
}

// newer refuses what is not an upgrade.
func (u *upgrade) newer() error {
	wanted, err := semver.StrictNewVersion(u.Version)
	if err != nil {
		return fmt.Errorf("%q is not a version of the bundle; write one as in \"1.5.0\"; opsgen upgrade --list shows them", u.Version)
	}
	now, err := semver.StrictNewVersion(u.result.From)
	if err != nil {
		return fmt.Errorf("versions.yaml at HEAD: version %q: %w", u.result.From, err)
	}
	if !wanted.GreaterThan(now) {
		return fmt.Errorf("the fork is at bundle %s, and %s is not newer; to go back, revert the upgrade's merge: docs/operations/rollback.md", now, wanted)
	}
	return nil
}

// fetch brings upstream's two tags, and no other: tags of somebody's deployments must not get into the fork.
func (u *upgrade) fetch(ctx context.Context) error {
	there, err := u.Git.RemoteTags(ctx, u.From, TagPrefix+"*")
	if err != nil {
		return fmt.Errorf("upstream's versions cannot be listed: %w", err)
	}
	if there[TagPrefix+u.Version] == "" {
		return fmt.Errorf("upstream has no version %s; it has: %s", u.Version, strings.Join(names(there), ", "))
	}
	arguments := []string{"fetch", "--quiet", "--no-tags", "--", u.From}
	for _, version := range []string{u.result.From, u.Version} {
		tag := "refs/tags/" + TagPrefix + version
		hash := there[TagPrefix+version]
		if hash == "" {
			continue
		}
		if here, err := u.Git.Run(ctx, "rev-parse", "--verify", "--quiet", tag); err == nil && here != hash {
			return fmt.Errorf("tag %s%s is another object upstream than here; a version never moves: "+
				"find out which is the real one, and delete the other (git tag -d)", TagPrefix, version)
		}
		arguments = append(arguments, tag+":"+tag)
	}
	u.Progress.Line("fetching", "%s%s from %s", TagPrefix, u.Version, u.From)
	if _, err := u.Git.Run(ctx, arguments...); err != nil {
		return fmt.Errorf("fetch bundle %s from upstream: %w", u.Version, err)
	}
	return nil
}

// findBase finds what of upstream's the fork is based on: the version that its versions.yaml names, or, where both share
// commits later than that, the last shared one. The version comes first because a squashed merge shares no later commit.
func (u *upgrade) findBase(ctx context.Context) error {
	named, err := u.Git.Commit(ctx, "refs/tags/"+TagPrefix+u.result.From)
	if err != nil {
		return err
	}
	shared, err := u.Git.Run(ctx, "merge-base", u.head, u.target)
	var failure *git.Failure
	if err != nil && !errors.As(err, &failure) {
		return err
	}
	u.result.History = err == nil
	switch {
	case named == "" && !u.result.History:
		return fmt.Errorf("the fork shares no commit with upstream, and upstream has no tag %s%s: what upstream changed since cannot be known; "+
			"correct version in versions.yaml to the one that the fork was copied from", TagPrefix, u.result.From)
	case named == "":
		u.base = shared
	case u.result.History:
		u.base = named
		if _, err := u.Git.Run(ctx, "merge-base", "--is-ancestor", named, shared); err == nil {
			u.base = shared
		}
	default:
		u.base = named
	}
	return nil
}

// commit records the merged tree: a merge where the histories meet, a plain commit in a fork that was made by copying.
func (u *upgrade) commit(ctx context.Context, tree string) (string, error) {
	arguments := []string{"commit-tree", tree, "-p", u.head}
	if u.result.History {
		arguments = append(arguments, "-p", u.target)
	}
	message := fmt.Sprintf("Upgrade the bundle from %s to %s\n\nMade by opsgen upgrade %s.\n", u.result.From, u.Version, u.Version)
	return u.Git.RunInput(ctx, strings.NewReader(message), append(arguments, "-F", "-")...)
}

// BundleAt is the bundle's version in a commit.
func BundleAt(ctx context.Context, g *git.Repository, revision string) (string, error) {
	text, ok, err := g.File(ctx, revision, "versions.yaml")
	if err != nil {
		return "", err
	}
	if !ok {
		return "", errors.New("versions.yaml is not in the commit, or not at the top of the Git checkout; upgrade needs it there")
	}
	var b bundle.Bundle
	if _, err := document.Decode("versions.yaml", []byte(text), &b); err != nil {
		return "", err
	}
	return b.Version, nil
}
