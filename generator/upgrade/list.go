package upgrade

import (
	"context"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/opsgen/opsgen/generator/git"
)

// Version is one of upstream's versions.
type Version struct {
	Version string `json:"version"`
	// Current says that the fork is at it.
	Current bool `json:"current"`
	// Changes is its section of CHANGELOG.md, without the heading; empty where there is none.
	Changes string `json:"changes"`
}

// ParseTag reads the name of one of upstream's tags; nil for other names.
func ParseTag(tag string) *semver.Version {
	text, ok := strings.CutPrefix(tag, TagPrefix)
	if !ok {
		return nil
	}
	v, err := semver.StrictNewVersion(text)
	if err != nil {
		return nil
	}
	return v
}

// List fetches the tags of upstream's versions and describes them, the newest first.
func List(ctx context.Context, g *git.Repository, from string) ([]Version, error) {
	there, err := g.RemoteTags(ctx, from, TagPrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("upstream's versions cannot be listed: %w", err)
	}
	current, err := BundleAt(ctx, g, "HEAD")
	if err != nil {
		return nil, err
	}
	found := names(there)
	arguments := []string{"fetch", "--quiet", "--no-tags", "--", from}
	for _, name := range found {
		arguments = append(arguments, "refs/tags/"+TagPrefix+name+":refs/tags/"+TagPrefix+name)
	}
	if len(found) > 0 {
		if _, err := g.Run(ctx, arguments...); err != nil {
			return nil, fmt.Errorf("fetch the versions from upstream; a tag that moved is refused: %w", err)
		}
	}
	versions := make([]Version, 0, len(found))
	for _, name := range found {
		text, _, err := g.File(ctx, "refs/tags/"+TagPrefix+name, "CHANGELOG.md")
		if err != nil {
			return nil, err
		}
		versions = append(versions, Version{Version: name, Current: name == current, Changes: section(text, name)})
	}
	return versions, nil
}

// section is what stands below a version's heading, "## [1.5.0] – 2026-11-21".
func section(changelog, name string) string {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(changelog) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			first, _, _ := strings.Cut(strings.TrimSpace(heading), " ")
			inside = strings.Trim(first, "[]") == name
			continue
		}
		if inside {
			b.WriteString(line)
		}
	}
	return strings.TrimSpace(b.String())
}
