package upgrade

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/git"
)

// merge merges the trees, and returns the result's. The three sides become commits that nothing refers to, the base being
// the parent of both others: git then merges against exactly this base, whatever history the fork has.
func (u *upgrade) merge(ctx context.Context) (string, error) {
	base, ours, theirs := u.base+"^{tree}", u.head+"^{tree}", u.target+"^{tree}"
	theirs, err := u.ownFolders(ctx, theirs)
	if err != nil {
		return "", err
	}
	if base, theirs, err = u.alignLocks(ctx, base, theirs); err != nil {
		return "", err
	}
	parent, err := u.side(ctx, base, "")
	if err != nil {
		return "", err
	}
	mine, err := u.side(ctx, ours, parent)
	if err != nil {
		return "", err
	}
	upstream, err := u.side(ctx, theirs, parent)
	if err != nil {
		return "", err
	}
	u.Progress.Line("merging", "bundle %s into the fork, against %s", u.Version, u.result.From)
	output, err := u.Git.Run(ctx, "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", mine, upstream)
	var failure *git.Failure
	if errors.As(err, &failure) && failure.Code != 1 || err != nil && failure == nil {
		return "", fmt.Errorf("%w\nopsgen upgrade needs git 2.38 or newer", err)
	}
	fields := strings.Split(strings.TrimSuffix(output, "\x00"), "\x00")
	tree := fields[0]
	conflicts := slices.DeleteFunc(fields[1:], func(name string) bool { return name == "" })
	if tree, err = u.settle(ctx, tree, slices.Compact(conflicts), theirs); err != nil {
		return "", err
	}
	changed, err := u.Git.Names(ctx, "diff", "--name-only", "--no-renames", "-z", ours, tree)
	u.result.Files = len(changed)
	return tree, err
}

// side makes a commit of a tree, always the same for the same tree.
func (u *upgrade) side(ctx context.Context, tree, parent string) (string, error) {
	arguments := []string{"commit-tree", "-m", "side"}
	if parent != "" {
		arguments = append(arguments, "-p", parent)
	}
	fixed := u.Git.With("GIT_AUTHOR_DATE=@0 +0000", "GIT_COMMITTER_DATE=@0 +0000")
	hash, err := fixed.Run(ctx, "rev-parse", "--verify", tree)
	if err != nil {
		return "", err
	}
	return fixed.Run(ctx, append(arguments, hash)...)
}

// settle replaces files in conflict by what --keep and --take say. What is left is the error.
func (u *upgrade) settle(ctx context.Context, tree string, conflicts []string, theirs string) (string, error) {
	left := &Conflicts{Version: u.Version, History: u.result.History}
	used := map[string]bool{}
	var edits []string
	for _, file := range conflicts {
		from := ""
		if choice := covering(u.Keep, file); choice != "" {
			from, used[choice] = u.head, true
		} else if choice := covering(u.Take, file); choice != "" {
			from, used[choice] = theirs, true
		}
		if from == "" {
			reason, err := u.reason(ctx, file, theirs)
			if err != nil {
				return "", err
			}
			left.Files = append(left.Files, Conflict{Path: file, Reason: reason})
			continue
		}
		entries, err := u.entries(ctx, from, file)
		if err != nil {
			return "", err
		}
		edits = append(append(edits, "0 "+strings.Repeat("0", len(u.head))+"\t"+file), entries...)
	}
	for _, choice := range append(slices.Clone(u.Keep), u.Take...) {
		if !used[choice] {
			return "", fmt.Errorf("%s is in no conflict, so there is nothing to keep or take; leave the flag out", choice)
		}
	}
	if len(left.Files) > 0 {
		return "", left
	}
	return u.edit(ctx, tree, edits)
}

// covering is the choice that a file falls under: the file itself or a folder that it is in.
func covering(choices []string, file string) string {
	for _, choice := range choices {
		if choice == file || strings.HasPrefix(file, strings.TrimSuffix(choice, "/")+"/") {
			return choice
		}
	}
	return ""
}

// reason says what both sides did to a file.
func (u *upgrade) reason(ctx context.Context, file, theirs string) (string, error) {
	var there [3]bool
	for i, revision := range []string{u.base, u.head, theirs} {
		entries, err := u.entries(ctx, revision, file)
		if err != nil {
			return "", err
		}
		there[i] = len(entries) > 0
	}
	switch there {
	case [3]bool{true, true, true}:
		return "changed by you and by upstream", nil
	case [3]bool{false, true, true}:
		return "added by you and by upstream, with different content", nil
	case [3]bool{true, false, true}:
		return "removed by you, changed by upstream", nil
	case [3]bool{true, true, false}:
		return "changed by you, removed or moved by upstream", nil
	default:
		return "moved by one side and changed by the other", nil
	}
}

// entries are the lines for git update-index of a file or of everything in a folder.
func (u *upgrade) entries(ctx context.Context, revision, path string) ([]string, error) {
	return u.Git.Names(ctx, "ls-tree", "-r", "-z", "--full-tree", revision, "--", path)
}

// edit changes entries of a tree and returns the new one. An edit is a line of git ls-tree, or one with the mode 0, which
// removes. The index is a file of its own: the checkout's is not touched.
func (u *upgrade) edit(ctx context.Context, tree string, edits []string) (string, error) {
	if len(edits) == 0 {
		return u.Git.Run(ctx, "rev-parse", "--verify", tree)
	}
	dir, err := os.MkdirTemp("", "opsgen-upgrade-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	index := u.Git.With("GIT_INDEX_FILE=" + filepath.Join(dir, "index"))
	if _, err := index.Run(ctx, "read-tree", tree); err != nil {
		return "", err
	}
	if _, err := index.RunInput(ctx, strings.NewReader(strings.Join(edits, "\x00")+"\x00"), "update-index", "-z", "--index-info"); err != nil {
		return "", err
	}
	return index.Run(ctx, "write-tree")
}
