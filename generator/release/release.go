package release

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/opsgen/opsgen/generator/git"
	"github.com/opsgen/opsgen/generator/repository"
)

// Options say what to release.
type Options struct {
	// Repository is the checkout as it was read, with all clusters.
	Repository *repository.Repository
	// Git is the same checkout.
	Git *git.Repository
	// Remote is the remote to compare with and to push to; "" means that there is none.
	Remote string
	// AllowUnlocked accepts images without a digest.
	AllowUnlocked bool
	// Rollback numbers within the highest minor that was released, though the bundle is older.
	Rollback bool
	// Check says what is out of date in the rendered files of these clusters, "" when nothing is.
	Check func(ctx context.Context, clusters []string) (string, error)
	// Dangers tells what is dangerous in going from one commit to another; nil means that nobody looks.
	Dangers func(ctx context.Context, from, to string, clusters []string) ([]Danger, error)
}

// Danger is something that a person should know before clusters follow.
type Danger struct {
	// Text is one line.
	Text string
	// Instead says what to do instead; empty where the release may be made all the same.
	Instead string
}

// Plan is a release that may be made.
type Plan struct {
	// Tag is the new tag's name, Commit what it is for.
	Tag    string `json:"tag"`
	Commit string `json:"commit"`
	// Bundle is the bundle's version at the commit.
	Bundle string `json:"bundle"`
	// Previous is the highest deployment so far, PreviousBundle its bundle; both are empty for the first.
	Previous       string `json:"previous,omitempty"`
	PreviousBundle string `json:"previousBundle,omitempty"`
	// Remote is where the tag goes; empty when there is none.
	Remote string `json:"remote,omitempty"`
	// Tenants and Clusters are what changed by what people wrote, Rendered the clusters whose manifests changed.
	Tenants  Change   `json:"tenants"`
	Clusters Change   `json:"clusters"`
	Rendered []string `json:"rendered"`
	// Commits are the subjects of the fork's own commits since, newest first, at most 50.
	Commits []string `json:"commits"`
	// Dangers are what a person should know before clusters follow.
	Dangers []string `json:"dangers"`
	// Unlocked are images without a digest.
	Unlocked []string `json:"unlocked"`
	// Reaches are the clusters that will follow the tag.
	Reaches []string `json:"reaches"`
	// Notes are oddities that are no reason to refuse.
	Notes []string `json:"notes"`
}

// Destination is the remote that the tag belongs in, "origin" when there is none yet.
func (p *Plan) Destination() string { return or(p.Remote, "origin") }

// Change lists what was added, removed and changed, by name.
type Change struct {
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
	Changed []string `json:"changed"`
}

// Empty says that nothing changed.
func (c Change) Empty() bool { return len(c.Added)+len(c.Removed)+len(c.Changed) == 0 }

// Refusal is one reason why there is no release.
type Refusal struct {
	// Message says what is wrong, Hint what to do.
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// Refused is the error when a release is not made: all the reasons.
type Refused []Refusal

// Error lists the reasons.
func (r Refused) Error() string {
	lines := make([]string, len(r))
	for i, refusal := range r {
		lines[i] = refusal.Message + "\n  " + refusal.Hint
	}
	return strings.Join(lines, "\n")
}

// planner collects a plan and the reasons against it.
type planner struct {
	Options
	Plan
	tags    []git.Tag
	refused Refused
	// inGit are the clusters whose manifests are in Git. The others are not deployed from here.
	inGit []string
}

func (p *planner) refuse(hint, format string, arguments ...any) {
	p.refused = append(p.refused, Refusal{Message: fmt.Sprintf(format, arguments...), Hint: hint})
}

func (p *planner) note(format string, arguments ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, arguments...))
}

// Prepare looks at everything and writes nothing. The error is Refused, with all reasons at once, when there must be no
// release.
func Prepare(ctx context.Context, o Options) (*Plan, error) {
	none := func() []string { return []string{} }
	p := &planner{Options: o, Plan: Plan{
		Bundle: o.Repository.Bundle.Version, Remote: o.Remote, Rendered: none(), Commits: none(), Dangers: none(),
		Unlocked: none(), Reaches: none(), Notes: none(),
	}}
	var err error
	if p.Commit, err = o.Git.Commit(ctx, "HEAD"); err != nil {
		return nil, err
	}
	if p.Commit == "" {
		return nil, Refused{{"there is no commit yet", "Commit something first."}}
	}
	if p.tags, err = o.Git.Tags(ctx); err != nil {
		return nil, err
	}
	if p.inGit, err = RenderedClusters(ctx, o.Git, o.Repository.Root, "HEAD"); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{p.clean, p.sound, p.remote, p.number, p.locked, p.rendered} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	if len(p.refused) > 0 {
		return nil, p.refused
	}
	if err := p.summarise(ctx); err != nil {
		return nil, fmt.Errorf("summarise what changed since %s: %w", p.Previous, err)
	}
	if len(p.refused) > 0 {
		return nil, p.refused
	}
	return &p.Plan, nil
}

// number chooses the tag's name, and refuses one that would not be the highest where a cluster follows.
func (p *planner) number(ctx context.Context) error {
	bundle, err := semver.StrictNewVersion(p.Plan.Bundle)
	if err != nil {
		return fmt.Errorf("versions.yaml: version %s: %w", p.Plan.Bundle, err)
	}
	if bundle.Prerelease() != "" {
		p.refuse("Try it on a cluster that follows a branch; release when the bundle is out.",
			"bundle %s is a pre-release, and a deployment tag v%d.%d.N of it would look like a release to every cluster",
			p.Plan.Bundle, bundle.Major(), bundle.Minor())
		return nil
	}
	if err := p.untagged(ctx); err != nil {
		return err
	}
	highest := git.Highest(p.tags, git.Deployment)
	major, minor := bundle.Major(), bundle.Minor()
	if highest != nil {
		p.Previous = highest.Name
	}
	if highest != nil && p.Rollback && highest.Version.GreaterThan(bundle) {
		major, minor = highest.Version.Major(), highest.Version.Minor()
	}
	next := semver.New(major, minor, 0, "", "")
	same := git.Highest(p.tags, func(v *semver.Version) bool {
		return v.Major() == major && v.Minor() == minor && v.Prerelease() == ""
	})
	if same != nil {
		p.Previous = same.Name // what this minor's clusters run, though another minor may be ahead
		next = semver.New(major, minor, same.Version.Patch()+1, "", "")
	}
	p.Tag = "v" + next.String()
	return p.reach(next)
}

// untagged refuses a commit that is deployed already.
func (p *planner) untagged(ctx context.Context) error {
	here, err := p.Git.Lines(ctx, "tag", "--points-at", "HEAD")
	if err != nil {
		return err
	}
	here = slices.DeleteFunc(here, func(name string) bool {
		version := git.ParseVersion(name)
		return version == nil || !git.Deployment(version)
	})
	if len(here) > 0 {
		p.refuse("Nothing is to do. To have it deployed once more, make a commit: git commit --allow-empty.",
			"this commit is deployed already, as %s", strings.Join(here, ", "))
	}
	return nil
}

// reach compares the new version with what each cluster follows.
func (p *planner) reach(next *semver.Version) error {
	const hint = "Flux takes the highest: it would never deploy the new tag there. " +
		"For a rollback, number it above: opsgen release --rollback. Else give that cluster a narrower range."
	for _, c := range p.Repository.Clusters {
		if c.Source.Semver == "" || !slices.Contains(p.inGit, c.Name) {
			continue
		}
		follows, err := semver.NewConstraint(c.Source.Semver)
		if err != nil {
			return fmt.Errorf("clusters/%s/cluster.yaml: source.semver %q: %w", c.Name, c.Source.Semver, err)
		}
		if !follows.Check(next) {
			p.note("cluster %s follows %q: this tag does not reach it", c.Name, c.Source.Semver)
			continue
		}
		if above := git.Highest(p.tags, follows.Check); above != nil && !next.GreaterThan(above.Version) {
			p.refuse(hint, "%s would not be the highest tag in %q, which cluster %s follows: there is %s",
				p.Tag, c.Source.Semver, c.Name, above.Name)
			continue
		}
		p.Reaches = append(p.Reaches, c.Name)
	}
	return nil
}
