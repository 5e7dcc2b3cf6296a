package upgrade

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/image"
)

// ownFolders gives the fork what is its own: of clusters/ and tenants/ an upgrade changes only examples that nobody touched.
// Upstream's tree is returned with all else there as in the base, so that the merge sees no change of upstream's. New
// folders are not taken either: a new tenant of upstream's would run in the fork's clusters.
func (u *upgrade) ownFolders(ctx context.Context, theirs string) (string, error) {
	var edits []string
	for _, parent := range []string{"clusters", "tenants"} {
		base, err := u.folders(ctx, u.base, parent)
		if err != nil {
			return "", err
		}
		ours, err := u.folders(ctx, u.head, parent)
		if err != nil {
			return "", err
		}
		upstream, err := u.folders(ctx, theirs, parent)
		if err != nil {
			return "", err
		}
		for _, name := range slices.Sorted(maps.Keys(upstream)) {
			if base[name] == nil && ours[name] == nil {
				u.result.Added = append(u.result.Added, name)
			}
		}
		all := maps.Clone(base)
		maps.Copy(all, upstream)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if slices.Equal(base[name], upstream[name]) || untouched(base[name], ours[name], upstream[name]) {
				continue
			}
			if ours[name] != nil {
				u.result.Kept = append(u.result.Kept, name)
			}
			for _, entry := range upstream[name] {
				_, file, _ := strings.Cut(entry, "\t")
				edits = append(edits, "0 "+strings.Repeat("0", len(u.head))+"\t"+file)
			}
			edits = append(edits, base[name]...)
		}
	}
	return u.edit(ctx, theirs, edits)
}

// untouched says that a folder is upstream's example as it was. One that upstream removes and that has rendered files here is
// deployed: it is the fork's.
func untouched(base, ours, upstream []string) bool {
	written := slices.DeleteFunc(slices.Clone(ours), rendered)
	return base != nil && slices.Equal(base, written) && (upstream != nil || len(written) == len(ours))
}

func rendered(entry string) bool {
	const parts = 4
	_, file, _ := strings.Cut(entry, "\t")
	f := strings.SplitN(file, "/", parts)
	return len(f) == parts && f[0] == "clusters" && f[2] == "rendered"
}

// folders are the entries below a folder, by the folders and files in it.
func (u *upgrade) folders(ctx context.Context, revision, parent string) (map[string][]string, error) {
	entries, err := u.entries(ctx, revision, parent+"/")
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, entry := range entries {
		_, file, _ := strings.Cut(entry, "\t")
		name, _, _ := strings.Cut(strings.TrimPrefix(file, parent+"/"), "/")
		found[parent+"/"+name] = append(found[parent+"/"+name], entry)
	}
	return found, nil
}

// alignLocks puts the fork's digests of images into the base and into upstream's versions.yaml, where these mean the same
// repository and tag. Every fork locks its images; without this, each upgrade of an image would be a conflict.
func (u *upgrade) alignLocks(ctx context.Context, base, theirs string) (alignedBase, alignedTheirs string, err error) {
	ours, _, err := u.versions(ctx, u.head)
	if err != nil {
		return "", "", err
	}
	aligned := []string{base, theirs}
	for i, tree := range aligned {
		other, text, err := u.versions(ctx, tree)
		var problems document.Problems
		if errors.As(err, &problems) {
			continue // not readable for this version of opsgen: the texts are merged as they are
		}
		if err != nil {
			return "", "", err
		}
		var locks []image.Resolution
		for _, name := range slices.Sorted(maps.Keys(ours.Images)) {
			mine, its := ours.Images[name], other.Images[name]
			if mine.Digest != "" && mine.DigestFrom == "" && mine != its && mine.Repository == its.Repository && mine.Tag == its.Tag {
				locks = append(locks, image.Resolution{Name: name, Digest: mine.Digest})
			}
		}
		if len(locks) == 0 {
			continue
		}
		edited, err := image.Apply([]byte(text), locks)
		if err != nil {
			continue // written in a way that cannot be edited: likewise
		}
		blob, err := u.Git.RunInput(ctx, strings.NewReader(string(edited)), "hash-object", "-w", "--stdin")
		if err != nil {
			return "", "", err
		}
		if aligned[i], err = u.edit(ctx, tree, []string{"100644 " + blob + "\tversions.yaml"}); err != nil {
			return "", "", err
		}
	}
	return aligned[0], aligned[1], nil
}

// versions reads the versions.yaml of a commit or tree.
func (u *upgrade) versions(ctx context.Context, revision string) (*bundle.Bundle, string, error) {
	text, _, err := u.Git.File(ctx, revision, "versions.yaml")
	if err != nil {
		return nil, "", err
	}
	var b bundle.Bundle
	_, err = document.Decode("versions.yaml", []byte(text), &b)
	return &b, text, err
}
