package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/opsgen/opsgen/test/build"
	"github.com/opsgen/opsgen/test/flux"
)

// from names the variable that says which revision of the repository a release is compared with.
const from = "OPSGEN_RELEASE_FROM"

// without is how many commits a release is compared over when the bundle was never released.
const without = "50"

// previous answers the revision of the repository at dir that OPSGEN_RELEASE_FROM names. Else it is the last release of the bundle before this
// commit; a pre-release is none. Where nothing was released, it is an older commit, so that the check is never idle.
func previous(ctx context.Context, dir string) (string, error) {
	if named := os.Getenv(from); named != "" {
		return named, nil
	}
	tags, err := git(ctx, dir, "tag", "--list", "bundle-v*", "--merged", "HEAD", "--no-contains", "HEAD", "--sort=-version:refname")
	if err != nil {
		return "", err
	}
	for tag := range strings.Lines(tags) {
		if tag = strings.TrimSpace(tag); !strings.Contains(strings.TrimPrefix(tag, "bundle-"), "-") {
			return tag, nil
		}
	}
	commits, err := git(ctx, dir, "rev-list", "--first-parent", "--max-count="+without, "HEAD")
	lines := strings.Fields(commits)
	if err != nil || len(lines) == 0 {
		return "", fmt.Errorf("looking for an older commit: %w", err)
	}
	return lines[len(lines)-1], nil // git names the newest first.
}

func git(ctx context.Context, dir string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", arguments...)
	command.Dir = dir
	out, err := command.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(arguments, " "), err, failed.Stderr)
	}
	return string(out), err
}

// find looks for what is forked: the working folder, or a copy of what it was at a revision, with the program of then.
func (f *Fleet) find(ctx context.Context, revision string) error {
	here, err := build.Folder("")
	if err != nil {
		return err
	}
	f.source = filepath.Dir(here)
	if revision == "" {
		return nil
	}
	commit, err := git(ctx, f.source, "rev-parse", "--verify", revision+"^{commit}")
	if err != nil {
		return err
	}
	old := filepath.Join(f.t.TempDir(), "old")
	if _, err := git(ctx, "", "clone", "--quiet", "--no-checkout", f.source, old); err != nil {
		return err
	}
	if _, err := git(ctx, old, "checkout", "--quiet", "--detach", strings.TrimSpace(commit)); err != nil {
		return err
	}
	f.source, f.next = old, f.programs["opsgen"]
	programs, err := build.Ensure(ctx, []string{"opsgen"}, build.Options{Folder: filepath.Join(old, "test")})
	f.programs["opsgen"] = programs["opsgen"]
	return err
}

// upgrade releases the bundle that is in the working folder to a cluster of an older one, and waits until it is there. What
// holds data must be the same as before, not made anew under its old name.
func (f *Fleet) upgrade(ctx context.Context) (string, error) {
	before, err := f.holders(ctx)
	if err != nil {
		return "", err
	}
	objects, err := f.snapshot(ctx)
	if err != nil {
		return "", err
	}
	here, err := build.Folder("")
	if err != nil {
		return "", err
	}
	if err := f.Fork.Take(ctx, filepath.Dir(here), f.next); err != nil {
		return "", err
	}
	if err := f.Release(ctx, "Upgrade the bundle"); err != nil {
		return "", err
	}
	if err := flux.Fetch(ctx, f.Dynamic); err != nil {
		return "", err
	}
	if err := f.awaitOrRefusal(ctx); err != nil {
		return "", err
	}
	after, err := f.holders(ctx)
	if err != nil {
		return "", err
	}
	if err := kept(before, after); err != nil {
		return "", err
	}
	now, err := f.snapshot(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d objects, %d written; all %d that hold data are the same", len(now), len(written(objects, now)), len(before)), nil
}

// awaitOrRefusal is await, but ends when the API server refuses an object in a way that no time mends.
func (f *Fleet) awaitOrRefusal(ctx context.Context) error {
	names, err := f.unitNames()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ready := flux.ReadyAt(f.Commit, len(names))
	err = flux.Await(ctx, f.Dynamic, func(all []flux.Unit) error {
		for _, u := range all {
			if !u.Ready && u.Attempted == f.Commit && refused(u.Message) {
				stop(fmt.Errorf("%s: %s", u.Name, u.Message))
			}
		}
		return ready(all)
	})
	if err != nil && context.Cause(ctx) != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return err
}

// refused says whether a message is the API server's about a field that cannot be changed.
func refused(message string) bool {
	for _, text := range []string{"field is immutable", "updates to statefulset spec for fields other than", "spec is immutable"} {
		if strings.Contains(message, text) {
			return true
		}
	}
	return false
}

// A holder is an object that holds data, or whose end takes data with it.
type holder struct {
	uid   types.UID
	going bool
}

// holders are all objects of these kinds, whether they were rendered or not, by their kind and name.
func (f *Fleet) holders(ctx context.Context) (map[string]holder, error) {
	found := map[string]holder{}
	for _, kind := range []schema.GroupVersionResource{
		{Group: "apps", Version: "v1", Resource: "statefulsets"},
		{Version: "v1", Resource: "persistentvolumeclaims"},
		{Version: "v1", Resource: "persistentvolumes"},
		{Version: "v1", Resource: "namespaces"},
		{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"},
	} {
		list, err := f.Dynamic.Resource(kind).List(ctx, meta.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", kind.Resource, err)
		}
		for i := range list.Items {
			o := &list.Items[i]
			found[strings.Trim(kind.Resource+"/"+o.GetNamespace()+"/"+o.GetName(), "/")] = holder{o.GetUID(), o.GetDeletionTimestamp() != nil}
		}
	}
	return found, nil
}

// kept complains about each that is gone, is going, or is another of the same name.
func kept(before, after map[string]holder) error {
	var problems []error
	for name, was := range before {
		is, there := after[name]
		switch {
		case !there:
			problems = append(problems, fmt.Errorf("%s is gone", name))
		case is.going:
			problems = append(problems, fmt.Errorf("%s is being deleted", name))
		case is.uid != was.uid:
			problems = append(problems, fmt.Errorf("%s was made anew", name))
		}
	}
	if len(before) == 0 {
		problems = append(problems, errors.New("nothing held data before"))
	}
	return errors.Join(problems...)
}
