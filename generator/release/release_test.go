package release_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/release"
)

// The number of the next deployment, given the tags that are there.
func TestNextTag(t *testing.T) {
	for name, test := range map[string]struct {
		tags     []string
		bundle   string
		semver   string
		rollback bool
		want     string
	}{
		"the first":                         {nil, "1.4.2", "1.x", false, "v1.4.0"},
		"the next":                          {[]string{"v1.4.0"}, "1.4.2", "1.x", false, "v1.4.1"},
		"nine and ten are numbers":          {[]string{"v1.4.9", "v1.4.10"}, "1.4.2", "1.x", false, "v1.4.11"},
		"a new minor of the bundle":         {[]string{"v1.4.31"}, "1.5.0", "1.x", false, "v1.5.0"},
		"a new patch of the bundle":         {[]string{"v1.4.31"}, "1.4.9", "1.x", false, "v1.4.32"},
		"upstream's tags do not count":      {[]string{"bundle-v1.4.7", "bundle-v9.0.0"}, "1.4.2", "1.x", false, "v1.4.0"},
		"a name that Flux passes over":      {[]string{"v1.4", "release-1.4.8", "1.4"}, "1.4.2", "1.x", false, "v1.4.0"},
		"a tag without v counts":            {[]string{"1.4.3"}, "1.4.2", "1.x", false, "v1.4.4"},
		"build metadata does not count":     {[]string{"v1.4.2+rev.7"}, "1.4.2", "1.x", false, "v1.4.3"},
		"pre-releases are outside of 1.x":   {[]string{"v1.4.7-rc.1"}, "1.4.2", "1.x", false, "v1.4.0"},
		"an old minor is held by its range": {[]string{"v1.4.3", "v1.5.0"}, "1.4.2", "1.4.x", false, "v1.4.4"},
		"a rollback to an older minor":      {[]string{"v1.4.31", "v1.5.3"}, "1.4.2", "1.x", true, "v1.5.4"},
		"a rollback that needs no flag":     {[]string{"v1.4.31"}, "1.4.2", "1.x", true, "v1.4.32"},
		"a cluster that follows a branch":   {[]string{"v1.5.0"}, "1.4.2", "", false, "v1.4.0"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFork(t)
			for _, tag := range test.tags {
				f.git("tag", "--annotate", "--message=x", tag)
			}
			f.bundle, f.semver = test.bundle, test.semver
			f.commit("Next")
			plan, err := f.prepare(func(o *release.Options) { o.Rollback = test.rollback })
			if err != nil {
				t.Fatal(err)
			}
			if plan.Tag != test.want {
				t.Errorf("the tag is %s, want %s", plan.Tag, test.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*fork)
		// want is a part of each message.
		want []string
	}{
		"a file that is not committed": {func(f *fork) { f.write("tenants/new/tenant.yaml", "{}") }, []string{"the checkout is not clean: tenants/new/"}},
		"a commit that is deployed":    {func(f *fork) { f.git("tag", "v1.4.0") }, []string{"deployed already, as v1.4.0"}},
		"a higher tag in the range": {
			func(f *fork) { f.git("tag", "v1.5.0"); f.commit("More") },
			[]string{`v1.4.0 would not be the highest tag in "1.x", which cluster prod follows: there is v1.5.0`},
		},
		"a pre-release in a range that takes them": {
			func(f *fork) { f.git("tag", "v1.4.9-rc.1"); f.semver = ">=1.0.0-0" },
			[]string{"there is v1.4.9-rc.1"},
		},
		"a tag of a tag": {
			func(f *fork) {
				f.git("tag", "-a", "-m", "x", "one")
				f.git("tag", "-a", "-m", "x", "bundle-v1.0.0", "one")
			},
			[]string{"tag bundle-v1.0.0 points to another tag, not to a commit"},
		},
		"a tag of a file":            {func(f *fork) { f.git("tag", "key", "HEAD:versions.yaml") }, []string{"tag key points to a blob"}},
		"a tag of a folder":          {func(f *fork) { f.git("tag", "-am", "x", "folder", "HEAD^{tree}") }, []string{"tag folder points to a tree"}},
		"an image without digest":    {func(f *fork) { f.unlocked = "cortex" }, []string{"1 of 2 images are not locked by digest: cortex"}},
		"rendered files out of date": {func(f *fork) { f.stale = "rendered is old" }, []string{"rendered is old"}},
		"a bundle's pre-release":     {func(f *fork) { f.bundle = "1.5.0-rc.1" }, []string{"bundle 1.5.0-rc.1 is a pre-release"}},
		"nothing rendered in Git":    {func(f *fork) { f.git("rm", "-rq", "clusters"); f.commit("None") }, []string{"a tag would deploy nothing"}},
		"several at once": {
			func(f *fork) { f.write("x", ""); f.unlocked = "cortex"; f.git("tag", "v1.4.7") },
			[]string{"not clean", "deployed already", "not locked"},
		},
		"a deployment that only the remote has": {
			func(f *fork) {
				f.origin()
				other := f.clone()
				other.commit("Elsewhere")
				other.release()
			},
			[]string{"origin has tags that this clone lacks: v1.4.0"},
		},
		"a tag that moved in the remote": {
			func(f *fork) {
				f.git("tag", "v1.4.0")
				bare := f.origin()
				f.commit("More")
				f.git("push", "-q", "origin", "main")
				f.git("--git-dir="+bare, "tag", "--force", "v1.4.0", "main")
			},
			[]string{"tags are other objects in origin than here: v1.4.0"},
		},
		"a shallow clone without tags": {
			func(f *fork) {
				f.git("tag", "-am", "x", "v1.4.0")
				f.commit("More")
				f.origin()
				f.dir = f.clone("--depth=1", "--no-tags").dir
			},
			[]string{"origin has tags that this clone lacks: v1.4.0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFork(t)
			test.change(f)
			before := f.git("for-each-ref")
			plan, err := f.prepare(nil)
			var refused release.Refused
			if !errors.As(err, &refused) {
				t.Fatalf("it was not refused: %v %v", plan, err)
			}
			if len(refused) != len(test.want) {
				t.Fatalf("%d reasons, want %d:\n%v", len(refused), len(test.want), refused)
			}
			for i, want := range test.want {
				if !strings.Contains(refused[i].Message, want) || refused[i].Hint == "" {
					t.Errorf("reason %d is %+v, want one with %q and a hint", i, refused[i], want)
				}
			}
			if after := f.git("for-each-ref"); after != before {
				t.Errorf("references changed:\n%s\n%s", before, after)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	f := newFork(t)
	f.write("tenants/search/tenant.yaml", "{}")
	f.write("tenants/old/tenant.yaml", "{}")
	f.commit("Prepare")
	first := f.release()
	if diff := cmp.Diff([]string{"prod"}, first.Rendered); diff != "" {
		t.Error(diff)
	}
	f.write("tenants/new/rules/a.yaml", "{}")
	f.write("tenants/search/tenant.yaml", "{a: 1}")
	f.git("rm", "-rq", "tenants/old")
	f.write("clusters/prod/cluster.yaml", "{}")
	f.write("clusters/prod/rendered/index.json", "2")
	f.bundle = "1.4.3"
	f.write("versions.yaml", f.versions())
	f.commit("# Add new, change search, remove old")
	f.unlocked = "cortex"
	plan, err := f.prepare(func(o *release.Options) {
		o.AllowUnlocked = true
		o.Dangers = func(_ context.Context, from, to string, clusters []string) ([]release.Danger, error) {
			return []release.Danger{{Text: fmt.Sprintf("%d %d %v", len(from), len(to), clusters)}}, nil
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `Deployment v1.4.1 of bundle 1.4.3

Since v1.4.0: bundle 1.4.3, was 1.4.2.
Tenants: added new; removed old; changed search.
Clusters: changed prod.
Manifests changed in: prod.

Dangers:
- 40 40 [prod]

Images that are not locked by digest:
- cortex

Commits:
- # Add new, change search, remove old
`
	if diff := cmp.Diff(want, plan.Message()); diff != "" {
		t.Errorf("the message (-want +got):\n%s", diff)
	}
	_, checkout := f.options(nil)
	if err := release.Write(context.Background(), checkout, plan, false); err != nil {
		t.Fatal(err)
	}
	if kind := f.git("cat-file", "-t", "v1.4.1"); kind != "tag" {
		t.Errorf("the tag is a %s, want an annotated one", kind)
	}
	if message := f.git("tag", "--list", "--format=%(contents)", "v1.4.1"); message != strings.TrimSpace(want) {
		t.Errorf("the tag says:\n%s", message)
	}
}

// Upstream's commits are the bundle's; the fork's are told.
func TestOwnCommits(t *testing.T) {
	f := newFork(t)
	f.git("tag", "bundle-v1.4.2")
	f.commit("Describe prod")
	first, err := f.prepare(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Describe prod"}, first.Commits); diff != "" {
		t.Errorf("the first deployment: %s", diff)
	}
	f.release()
	f.git("checkout", "--quiet", "--detach", "bundle-v1.4.2")
	f.commit("Work upstream")
	f.git("tag", "bundle-v1.4.3")
	f.git("checkout", "--quiet", "main")
	f.git("merge", "--quiet", "--no-ff", "--message=Upgrade", "bundle-v1.4.3")
	f.commit("Render")
	second, err := f.prepare(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Render"}, second.Commits); diff != "" {
		t.Errorf("after an upgrade: %s", diff)
	}
}

// A detached checkout, as workflows have it, and a shallow one with tags can release.
func TestUnusualCheckouts(t *testing.T) {
	f := newFork(t)
	f.release()
	f.commit("More")
	f.origin()
	for name, clone := range map[string]*fork{
		"detached": f.clone(), "shallow": f.clone("--depth=1"),
	} {
		if name == "detached" {
			clone.git("checkout", "--quiet", "--detach")
		} else {
			clone.git("fetch", "--quiet", "--depth=1", "--tags", "origin")
		}
		plan, err := clone.prepare(nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if plan.Tag != "v1.4.1" || plan.Previous != "v1.4.0" {
			t.Errorf("%s: tag %s after %s", name, plan.Tag, plan.Previous)
		}
		if noted := strings.Contains(strings.Join(plan.Notes, " "), "shallow"); noted != (name == "shallow") {
			t.Errorf("%s: notes are %q", name, plan.Notes)
		}
	}
}

// Two clones release different commits at the same moment: one wins, the other is told so and has nothing left over.
func TestRace(t *testing.T) {
	f := newFork(t)
	f.origin()
	clones := []*fork{f.clone(), f.clone()}
	plans := make([]*release.Plan, len(clones))
	for i, clone := range clones {
		clone.commit(fmt.Sprintf("Change %d", i))
		var err error
		if plans[i], err = clone.prepare(nil); err != nil {
			t.Fatal(err)
		}
	}
	errs := make([]error, len(clones))
	var group sync.WaitGroup
	for i, clone := range clones {
		_, checkout := clone.options(nil)
		group.Go(func() {
			if errs[i] = release.Write(context.Background(), checkout, plans[i], false); errs[i] == nil {
				errs[i] = release.Push(context.Background(), checkout, plans[i])
			}
		})
	}
	group.Wait()
	won := 0
	for i, err := range errs {
		var taken *release.Taken
		switch {
		case err == nil:
			won++
		case !errors.As(err, &taken):
			t.Errorf("the loser is told: %v", err)
		default:
			if tags := clones[i].git("tag"); tags != "" {
				t.Errorf("the loser has %s", tags)
			}
		}
	}
	if won != 1 {
		t.Errorf("%d releases won, want 1: %v", won, errs)
	}
}

// A run that was killed after it made the tag and before it pushed it: the next one finds it.
func TestUnpushed(t *testing.T) {
	f := newFork(t)
	f.origin()
	_, checkout := f.options(nil)
	if left, err := release.Unpushed(context.Background(), checkout, "origin"); left != nil || err != nil {
		t.Fatalf("there is no tag: %v %v", left, err)
	}
	f.git("tag", "--annotate", "--message=x", "v1.4.0")
	left, err := release.Unpushed(context.Background(), checkout, "origin")
	if err != nil || left == nil || left.Tag != "v1.4.0" {
		t.Fatalf("got %v, %v", left, err)
	}
	if err := release.Push(context.Background(), checkout, left); err != nil {
		t.Fatal(err)
	}
	if left, err := release.Unpushed(context.Background(), checkout, "origin"); left != nil || err != nil {
		t.Errorf("it was pushed: %v %v", left, err)
	}
}

// A remote that takes no tags, as one with a protection rule: nothing is left here.
func TestPushRefused(t *testing.T) {
	f := newFork(t)
	bare := f.origin()
	f.git("config", "--file", filepath.Join(bare, "config"), "receive.unpackLimit", "1")
	hook := filepath.Join(bare, "hooks", "pre-receive")
	f.write("hook", "#!/bin/sh\necho protected >&2\nexit 1\n")
	if output, err := exec.Command("install", "-D", "-m", "0755", filepath.Join(f.dir, "hook"), hook).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	f.git("clean", "-fdq")
	plan, err := f.prepare(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, checkout := f.options(nil)
	if err := release.Write(context.Background(), checkout, plan, false); err != nil {
		t.Fatal(err)
	}
	if err := release.Push(context.Background(), checkout, plan); err == nil || !strings.Contains(err.Error(), "protected") {
		t.Errorf("the remote's reason is not told: %v", err)
	}
	if tags := f.git("tag"); tags != "" {
		t.Errorf("left over: %s", tags)
	}
}

// Signed by an SSH key, by git's own settings, and verified by git.
func TestSigned(t *testing.T) {
	f := newFork(t)
	key := filepath.Join(t.TempDir(), "key")
	if output, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	plan, err := f.prepare(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, checkout := f.options(nil)
	f.git("config", "gpg.format", "ssh")
	f.git("config", "user.signingKey", filepath.Join(t.TempDir(), "missing"))
	if err := release.Write(context.Background(), checkout, plan, true); err == nil || f.git("tag") != "" {
		t.Errorf("a key that is not there made the tag %q, %v", f.git("tag"), err)
	}
	f.git("config", "user.signingKey", key)
	if err := release.Write(context.Background(), checkout, plan, true); err != nil {
		t.Fatal(err)
	}
	if text := f.git("cat-file", "tag", plan.Tag); !strings.Contains(text, "BEGIN SSH SIGNATURE") {
		t.Errorf("the tag is not signed:\n%s", text)
	}
}
