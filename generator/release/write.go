package release

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/opsgen/opsgen/generator/git"
)

// Taken is the error when somebody else made the tag at the same time. Nothing of ours is left.
type Taken struct{ Tag, Where string }

// Error says what to do.
func (t *Taken) Error() string { return Refused{t.Refusal()}.Error() }

// Refusal is the same as a reason against a release.
func (t *Taken) Refusal() Refusal {
	return Refusal{
		Message: fmt.Sprintf("%s was made %s by somebody else in the meantime", t.Tag, t.Where),
		Hint:    "Fetch it and run this again: git fetch --tags.",
	}
}

// Write makes the annotated tag, for the commit itself and never for another tag. It is signed by git's own means and
// settings when sign says so.
func Write(ctx context.Context, g *git.Repository, p *Plan, sign bool) error {
	// --cleanup keeps lines of the message that begin with "#", as subjects of commits may.
	arguments := []string{"tag", "--annotate", "--cleanup=whitespace", "--file=-"}
	if sign {
		arguments = append(arguments, "--sign")
	}
	arguments = append(arguments, p.Tag, p.Commit)
	_, err := g.RunInput(ctx, strings.NewReader(p.Message()), arguments...)
	var failure *git.Failure
	if errors.As(err, &failure) && strings.Contains(failure.Text, "already exists") {
		return &Taken{Tag: p.Tag, Where: "here"}
	}
	if err != nil {
		return fmt.Errorf("make tag %s: %w", p.Tag, err)
	}
	if sign {
		return signed(ctx, g, p.Tag)
	}
	return nil
}

// signed deletes a tag without signature: git 2.39 makes one, without an error, when an SSH key cannot be read.
func signed(ctx context.Context, g *git.Repository, tag string) error {
	text, err := g.Run(ctx, "cat-file", "tag", tag)
	if err != nil {
		return err
	}
	if strings.Contains(text, "\n-----BEGIN ") {
		return nil
	}
	if _, err := g.Run(ctx, "tag", "--delete", tag); err != nil {
		return err
	}
	return fmt.Errorf("git did not sign tag %s, so it was deleted again; look at git config gpg.format and user.signingKey", tag)
}

// Push sends the tag to the remote. When the remote refuses it, the tag is deleted here too, so that the next run counts
// anew. A cancelled push leaves the tag: it may have arrived; the next run says so.
func Push(ctx context.Context, g *git.Repository, p *Plan) error {
	reference := "refs/tags/" + p.Tag
	// The empty lease asks the remote itself that there is no such tag: two releases at once cannot both win.
	_, err := g.Run(ctx, "push", "--quiet", "--force-with-lease="+reference+":", p.Remote, reference+":"+reference)
	var failure *git.Failure
	if !errors.As(err, &failure) {
		return err
	}
	if _, undo := g.Run(ctx, "tag", "--delete", p.Tag); undo != nil {
		return errors.Join(fmt.Errorf("push %s: %w", p.Tag, err), undo)
	}
	there, listed := g.RemoteTags(ctx, p.Remote, reference)
	if listed == nil && there[p.Tag] != "" {
		return &Taken{Tag: p.Tag, Where: "in " + p.Remote}
	}
	return fmt.Errorf("tag %s was not accepted by %s, and was deleted here again: %w", p.Tag, p.Remote, err)
}

// Unpushed is a deployment tag of this commit that the remote lacks, as a run leaves it that was killed before it pushed;
// nil when there is none.
func Unpushed(ctx context.Context, g *git.Repository, remote string) (*Plan, error) {
	if remote == "" {
		return nil, nil
	}
	here, err := g.Lines(ctx, "tag", "--points-at", "HEAD")
	if err != nil || len(here) == 0 {
		return nil, err
	}
	there, err := g.RemoteTags(ctx, remote)
	if err != nil {
		return nil, err
	}
	for _, name := range here {
		version := git.ParseVersion(name)
		if version == nil || !git.Deployment(version) || there[name] != "" {
			continue
		}
		above := git.Highest(remoteVersions(there), git.Deployment)
		if above != nil && !version.GreaterThan(above.Version) {
			continue // somebody else went on since; this one must not be slipped in below
		}
		commit, err := g.Commit(ctx, "HEAD")
		return &Plan{Tag: name, Commit: commit, Remote: remote}, err
	}
	return nil, nil
}

func remoteVersions(tags map[string]string) []git.Tag {
	var all []git.Tag
	for name, object := range tags {
		all = append(all, git.Tag{Name: name, Object: object, Version: git.ParseVersion(name)})
	}
	return all
}
