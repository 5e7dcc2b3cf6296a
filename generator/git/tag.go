package git

import (
	"context"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Tag is a tag of this repository.
type Tag struct {
	// Name is without "refs/tags/".
	Name string
	// Object is the hash that the reference names: of the tag object, or of the commit of a lightweight tag.
	Object string
	// Broken says why Flux fails while this tag is there, "" for a good one. source-controller 1.9.4 resolves every tag of
	// the repository to a commit, whatever its name, and follows one tag object only (fluxcd/pkg git v0.52.0,
	// gogit/clone.go, cloneSemVer).
	Broken string
	// Version is what Flux compares; nil for a name that it passes over, as "bundle-v1.0.0".
	Version *semver.Version
}

// Tags lists the repository's tags by name.
func (r *Repository) Tags(ctx context.Context) ([]Tag, error) {
	lines, err := r.Lines(ctx, "for-each-ref", "--format=%(objectname) %(objecttype) %(type) %(refname:strip=2)", "refs/tags")
	if err != nil {
		return nil, err
	}
	const parts = 4
	tags := make([]Tag, 0, len(lines))
	for _, line := range lines {
		f := strings.SplitN(line, " ", parts)
		tag := Tag{Object: f[0], Name: f[3], Version: ParseVersion(f[3])}
		kind, target := f[1], f[2]
		switch {
		case kind == "tag" && target == "tag":
			tag.Broken = "points to another tag"
		case kind == "tag" && target != "commit":
			tag.Broken = "points to a " + target
		case kind != "tag" && kind != "commit":
			tag.Broken = "points to a " + kind
		}
		tags = append(tags, tag)
	}
	return tags, nil
}

// ParseVersion reads a tag's name as Flux does: three parts, with or without a "v". It is nil for what Flux passes over
// (fluxcd/pkg version v0.16.0, ParseVersion).
func ParseVersion(name string) *semver.Version {
	if strings.Count(name, ".") < 2 {
		return nil
	}
	version, err := semver.NewVersion(name)
	if err != nil {
		return nil
	}
	return version
}

// RemoteTags lists the tags of a remote or an address with the hashes that their references name. Patterns are as for
// git ls-remote; none means all.
func (r *Repository) RemoteTags(ctx context.Context, remote string, patterns ...string) (map[string]string, error) {
	lines, err := r.Lines(ctx, append([]string{"ls-remote", "--tags", "--refs", "--", remote}, patterns...)...)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	for _, line := range lines {
		hash, name, ok := strings.Cut(line, "\t")
		if ok {
			tags[strings.TrimPrefix(name, "refs/tags/")] = hash
		}
	}
	return tags, nil
}

// Highest is the tag with the highest version among those that wanted accepts; nil when there is none. Among equals, such as
// 1.4.2 and 1.4.2+a, it is the first by name.
func Highest(tags []Tag, wanted func(*semver.Version) bool) *Tag {
	var highest *Tag
	for i, tag := range tags {
		if tag.Version == nil || !wanted(tag.Version) {
			continue
		}
		if highest == nil || tag.Version.GreaterThan(highest.Version) {
			highest = &tags[i]
		}
	}
	return highest
}

// Deployment says whether a version is one of a deployment: neither a pre-release nor with build metadata.
func Deployment(v *semver.Version) bool { return v.Prerelease() == "" && v.Metadata() == "" }

// Subset are the tags of a name's prefix.
func Subset(tags []Tag, prefix string) []Tag {
	return slices.DeleteFunc(slices.Clone(tags), func(t Tag) bool { return !strings.HasPrefix(t.Name, prefix) })
}
