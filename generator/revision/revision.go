package revision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/git"
)

// History is the Git history of a repository.
type History struct {
	repository *git.Repository
}

// Revision is one commit.
type Revision struct {
	// Name is what the user called it ("main", "HEAD~2").
	Name string
	// Commit is the commit's full hash.
	Commit string
}

// Range is two states of the repository, from an older to a newer one.
type Range struct {
	From Revision
	// To is nil for the files as they are on disk.
	To *Revision
}

// Open looks at the history of the repository at root, which may be a folder within a bigger Git repository.
func Open(ctx context.Context, root string) (*History, error) {
	repository, err := git.In(root)
	if err != nil {
		return nil, err
	}
	h := &History{repository}
	if _, err := h.git(ctx, "rev-parse", "--git-dir"); err != nil {
		return nil, fmt.Errorf("%s is not in a Git repository, so there is no revision to compare with; run git init and commit", root)
	}
	return h, nil
}

// Resolve finds the commit that a name stands for. A shallow clone, as in CI, may not have it; the error says so.
func (h *History) Resolve(ctx context.Context, name string) (Revision, error) {
	// A name that looks like an option must stay a name.
	out, err := h.git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if err == nil {
		return Revision{Name: name, Commit: out}, nil
	}
	if shallow, err := h.git(ctx, "rev-parse", "--is-shallow-repository"); err == nil && shallow == "true" {
		return Revision{}, fmt.Errorf("there is no revision %q in this clone, which is shallow; fetch more of the history (git fetch --unshallow)", name)
	}
	return Revision{}, fmt.Errorf("there is no revision %q; write a branch, a tag or a commit", name)
}

// Resolves says whether a name is a revision.
func (h *History) Resolves(ctx context.Context, name string) bool {
	_, err := h.Resolve(ctx, name)
	return err == nil
}

// ParseRange reads "A" (A and the files on disk), "A..B" and "A...B" (B and where it left A, as a pull request shows it).
// An end that is left out is HEAD.
func (h *History) ParseRange(ctx context.Context, text string) (Range, error) {
	from, to, isRange := strings.Cut(text, "...")
	if isRange {
		return h.sinceFork(ctx, orHead(from), orHead(to))
	}
	from, to, isRange = strings.Cut(text, "..")
	first, err := h.Resolve(ctx, orHead(from))
	if err != nil || !isRange {
		return Range{From: first}, err
	}
	second, err := h.Resolve(ctx, orHead(to))
	return Range{From: first, To: &second}, err
}

func (h *History) sinceFork(ctx context.Context, from, to string) (Range, error) {
	first, err := h.Resolve(ctx, from)
	if err != nil {
		return Range{}, err
	}
	second, err := h.Resolve(ctx, to)
	if err != nil {
		return Range{}, err
	}
	base, err := h.git(ctx, "merge-base", first.Commit, second.Commit)
	if err != nil {
		return Range{}, fmt.Errorf("%s and %s have no commit in common; compare them with %s..%s", from, to, from, to)
	}
	commit := base
	return Range{From: Revision{Name: commit[:12], Commit: commit}, To: &second}, nil
}

func orHead(name string) string {
	if name == "" {
		return "HEAD"
	}
	return name
}

// Changed are the files that differ between the two ends, relative to the repository, sorted; files on disk that Git
// does not know are among them, ignored ones are not.
func (h *History) Changed(ctx context.Context, r Range) ([]string, error) {
	arguments := []string{"diff", "--name-only", "--no-renames", "--no-ext-diff", "--relative", "-z", r.From.Commit}
	if r.To != nil {
		arguments = append(arguments, r.To.Commit)
	}
	out, err := h.git(ctx, arguments...)
	if err != nil {
		return nil, fmt.Errorf("list what changed since %s: %w", r.From.Name, err)
	}
	names := split(out)
	if r.To == nil {
		untracked, err := h.git(ctx, "ls-files", "--others", "--exclude-standard", "-z")
		if err != nil {
			return nil, fmt.Errorf("list what Git does not know: %w", err)
		}
		names = append(names, split(untracked)...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func split(out string) []string {
	return strings.FieldsFunc(out, func(r rune) bool { return r == 0 })
}

// git runs git in the repository. Its own words are the error.
func (h *History) git(ctx context.Context, arguments ...string) (string, error) {
	out, err := h.repository.Run(ctx, arguments...)
	var failure *git.Failure
	if errors.As(err, &failure) && failure.Text != "" {
		return "", errors.New(strings.TrimSpace(failure.Text))
	}
	return out, err
}
