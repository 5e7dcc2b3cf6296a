package upgrade

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/git"
	"github.com/opsgen/opsgen/generator/release"
)

// render writes the merged files into a temporary folder, renders there the clusters that the fork has rendered files of, and
// commits what changed on top.
func (u *upgrade) render(ctx context.Context, commit string) (string, error) {
	clusters, err := release.RenderedClusters(ctx, u.Git, u.Git.Dir, commit)
	if err != nil || len(clusters) == 0 {
		return commit, err
	}
	dir, err := os.MkdirTemp("", "opsgen-upgrade-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	files := filepath.Join(dir, "files")
	if err := os.Mkdir(files, 0o750); err != nil {
		return "", err
	}
	folder, err := u.Git.Run(ctx, "rev-parse", "--absolute-git-dir")
	if err != nil {
		return "", err
	}
	copied := u.Git.With("GIT_DIR="+folder, "GIT_WORK_TREE="+files, "GIT_INDEX_FILE="+filepath.Join(dir, "index"))
	copied.Dir = files
	for _, command := range [][]string{{"read-tree", commit}, {"checkout-index", "--all", "--force"}} {
		if _, err := copied.Run(ctx, command...); err != nil {
			return "", err
		}
	}
	u.Progress.Line("rendering", "%s with bundle %s", strings.Join(clusters, ", "), u.Version)
	if err := u.Render(ctx, files, clusters); err != nil {
		return "", fmt.Errorf("render bundle %s: %w\nno branch was made; with --no-render you get one with the merge alone, to mend the inputs on", u.Version, err)
	}
	u.result.Rendered = clusters
	return u.record(ctx, copied, commit, clusters)
}

// record commits the rendered files.
func (u *upgrade) record(ctx context.Context, copied *git.Repository, commit string, clusters []string) (string, error) {
	arguments := []string{"add", "--all", "--"}
	for _, name := range clusters {
		arguments = append(arguments, "clusters/"+name+"/rendered")
	}
	if _, err := copied.Run(ctx, arguments...); err != nil {
		return "", err
	}
	tree, err := copied.Run(ctx, "write-tree")
	if err != nil {
		return "", err
	}
	if before, err := u.Git.Run(ctx, "rev-parse", commit+"^{tree}"); err != nil || before == tree {
		return commit, err
	}
	return u.Git.RunInput(ctx, strings.NewReader("Render bundle "+u.Version+"\n"), "commit-tree", tree, "-p", commit, "-F", "-")
}

// names are the versions of tags, newest first.
func names(tags map[string]string) []string {
	var found []string
	for name := range tags {
		if v := ParseTag(name); v != nil {
			found = append(found, v.Original())
		}
	}
	slices.SortFunc(found, func(a, b string) int { return ParseTag(TagPrefix + b).Compare(ParseTag(TagPrefix + a)) })
	return found
}
