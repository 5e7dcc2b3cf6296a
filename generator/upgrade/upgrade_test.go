package upgrade_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/git"
	"github.com/opsgen/opsgen/generator/upgrade"
)

func TestUpgrade(t *testing.T) {
	for name, copied := range map[string]bool{"with upstream's history": false, "copied without history": true} {
		t.Run(name, func(t *testing.T) {
			f := fork(t, upstream(t), copied)
			// What is not committed does not matter, and is not touched.
			if err := os.WriteFile(filepath.Join(f.dir, "bases", "loki", "main.jsonnet"), []byte("half-done\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			before, files := f.state(), f.git("diff", "HEAD")
			result, err := f.run(nil)
			if err != nil {
				t.Fatal(err)
			}
			f.git("update-ref", "refs/kept", result.Branch)
			f.git("branch", "--quiet", "-D", result.Branch)
			if after := f.state(); after != before || f.git("diff", "HEAD") != files {
				t.Errorf("the checkout changed (-before +after):\n%s", cmp.Diff(before, after))
			}
			for file, want := range map[string]string{
				"bases/loki/main.jsonnet":           "ONE\ntwo\nthree\nfour\nfive\nSIX\n",
				"bases/loki/limits.libsonnet":       "2\n",
				"bases/old/main.jsonnet":            "",
				"bases/new/main.jsonnet":            "new\n",
				"clusters/prod/cluster.yaml":        "domain: acme.example.com\n",
				"clusters/prod/patches/p.yaml":      "patch\n",
				"clusters/prod/keys/jwks.json":      "{}\n",
				"clusters/prod/rendered/all.yaml":   "rendered by new\n",
				"tenants/team/tenant.yaml":          "limits: huge\n",
				"tenants/payments/tenant.yaml":      "limits: mine\n",
				"tenants/system/tenant.yaml":        "limits: medium\n",
				"clusters/example-aws/cluster.yaml": "domain: aws.example.com\n",
				"clusters/example-gcp/cluster.yaml": "",
				"clusters/example-new/cluster.yaml": "",
				"tenants/extra/tenant.yaml":         "",
				"tenants/search/tenant.yaml":        "",
			} {
				if got := f.at(result.Commit, file); got != want {
					t.Errorf("%s is %q, want %q", file, got, want)
				}
			}
			wantVersions := strings.NewReplacer("VERSION", "1.1.0", "cortex\n    tag: v1", "cortex\n    tag: v2",
				"loki\n    tag: v1", "loki\n    tag: v1\n    digest: "+digest).Replace(versions)
			if diff := cmp.Diff(wantVersions, f.at(result.Commit, "versions.yaml")); diff != "" {
				t.Errorf("versions.yaml: the lock of loki stays, that of cortex goes with its tag (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"clusters/example-new", "tenants/extra"}, result.Added); diff != "" {
				t.Errorf("new upstream: %s", diff)
			}
			if diff := cmp.Diff([]string{"tenants/payments"}, result.Kept); diff != "" {
				t.Errorf("kept: %s", diff)
			}
			if tags := f.git("tag"); tags != "bundle-v1.0.0\nbundle-v1.1.0" {
				t.Errorf("tags are %q; a deployment tag of upstream's would be deployed", tags)
			}
			parents := strings.Fields(f.git("rev-list", "--parents", "--max-count=1", result.Commit+"^"))
			if merged := len(parents) == 3; merged == copied {
				t.Errorf("the merge has the parents %v", parents[1:])
			}
		})
	}
}

// The next upgrade after one that was merged, squashed or not, does not meet the same changes again.
func TestNextUpgrade(t *testing.T) {
	for name, merge := range map[string][]string{"merged": {"merge", "--quiet", "--no-ff"}, "squashed": {"merge", "--quiet", "--squash"}} {
		t.Run(name, func(t *testing.T) {
			up := upstream(t)
			f := fork(t, up, false)
			result, err := f.run(nil)
			if err != nil {
				t.Fatal(err)
			}
			f.git(append(merge, result.Branch)...)
			if name == "squashed" {
				f.git("commit", "--quiet", "--message=Squashed")
			}
			up.commit(map[string]string{
				"versions.yaml":           strings.Replace(up.at("HEAD", "versions.yaml"), "1.1.0", "1.2.0", 1),
				"bases/loki/main.jsonnet": "UNO\ntwo\nthree\nfour\nfive\nsix\n",
			})
			up.git("tag", "bundle-v1.2.0")
			result, err = f.run(func(o *upgrade.Options) { o.Version = "1.2.0" })
			if err != nil {
				t.Fatal(err)
			}
			if got := f.at(result.Commit, "bases/loki/main.jsonnet"); got != "UNO\ntwo\nthree\nfour\nfive\nSIX\n" {
				t.Errorf("main.jsonnet is %q", got)
			}
		})
	}
}

func TestConflicts(t *testing.T) {
	for name, copied := range map[string]bool{"with upstream's history": false, "copied without history": true} {
		t.Run(name, func(t *testing.T) {
			f := fork(t, upstream(t), copied)
			f.commit(map[string]string{
				"bases/loki/limits.libsonnet": "7\n", "bases/new/main.jsonnet": "mine\n", "bases/old/main.jsonnet": "older\n",
				"overlays/aws/loki/k.yaml": "b\n",
			})
			before := f.state()
			_, err := f.run(nil)
			var conflicts *upgrade.Conflicts
			if !errors.As(err, &conflicts) {
				t.Fatalf("no conflict: %v", err)
			}
			want := []upgrade.Conflict{
				{Path: "bases/loki/limits.libsonnet", Reason: "changed by you and by upstream"},
				{Path: "bases/new/main.jsonnet", Reason: "added by you and by upstream, with different content"},
				{Path: "bases/old/main.jsonnet", Reason: "changed by you, removed or moved by upstream"},
			}
			if diff := cmp.Diff(want, conflicts.Files); diff != "" {
				t.Errorf("conflicts (-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "git merge") == copied {
				t.Errorf("what to do: %v", err)
			}
			if after := f.state(); after != before {
				t.Errorf("something was written:\n%s", cmp.Diff(before, after))
			}
			// Some are settled: the others are left.
			_, err = f.run(func(o *upgrade.Options) { o.Take = []string{"bases/old/main.jsonnet"} })
			if !errors.As(err, &conflicts) || len(conflicts.Files) != 2 {
				t.Errorf("two conflicts are left: %v", err)
			}
			if _, err := f.run(func(o *upgrade.Options) { o.Keep = []string{"bases/typo"} }); err == nil || !strings.Contains(err.Error(), "bases/typo") && !errors.As(err, &conflicts) {
				t.Errorf("a choice that is about nothing: %v", err)
			}
			result, err := f.run(func(o *upgrade.Options) {
				o.Keep = []string{"bases/loki/"}
				o.Take = []string{"bases/old/main.jsonnet", "bases/new/main.jsonnet"}
			})
			if err != nil {
				t.Fatal(err)
			}
			for file, want := range map[string]string{
				"bases/loki/limits.libsonnet": "7\n", "bases/loki/main.jsonnet": "ONE\ntwo\nthree\nfour\nfive\nSIX\n",
				"bases/new/main.jsonnet": "new\n", "bases/old/main.jsonnet": "", "overlays/aws/loki/k.yaml": "b\n",
			} {
				if got := f.at(result.Commit, file); got != want {
					t.Errorf("%s is %q, want %q", file, got, want)
				}
			}
		})
	}
}

// What ends a run, and that it leaves nothing.
func TestNothingIsLeft(t *testing.T) {
	stop := errors.New("stopped")
	for name, test := range map[string]struct {
		change func(*checkout, *upgrade.Options)
		want   string
	}{
		"a render that fails": {func(_ *checkout, o *upgrade.Options) {
			o.Render = func(context.Context, string, []string) error { return stop }
		}, "--no-render"},
		"no such version":  {func(_ *checkout, o *upgrade.Options) { o.Version = "1.9.0" }, "upstream has no version 1.9.0; it has: 1.1.0, 1.0.0"},
		"an older version": {func(_ *checkout, o *upgrade.Options) { o.Version = "1.0.0" }, "is not newer"},
		"no version":       {func(_ *checkout, o *upgrade.Options) { o.Version = "latest" }, `"latest" is not a version of the bundle`},
		"no upstream":      {func(_ *checkout, o *upgrade.Options) { o.From = filepath.Join(o.Git.Dir, "nowhere") }, "cannot be listed"},
		"an unsigned tag":  {func(_ *checkout, o *upgrade.Options) { o.Verify = true }, "signature of upstream's tag"},
		"a branch that is there": {
			func(c *checkout, _ *upgrade.Options) { c.git("branch", "upgrade-1.1.0") },
			"branch upgrade-1.1.0 is there already",
		},
		"a version that upstream never had": {func(c *checkout, o *upgrade.Options) {
			c.git("checkout", "--quiet", "--orphan", "alone")
			c.commit(map[string]string{"versions.yaml": strings.Replace(versions, "VERSION", "0.9.0", 1)})
		}, "upstream has no tag bundle-v0.9.0"},
		"a tag of upstream's that moved": {func(c *checkout, _ *upgrade.Options) {
			c.git("tag", "bundle-v1.1.0", "HEAD")
		}, "a version never moves"},
	} {
		t.Run(name, func(t *testing.T) {
			f := fork(t, upstream(t), false)
			var before string
			_, err := f.run(func(o *upgrade.Options) {
				test.change(f, o)
				before = f.state()
			})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("the error is %v, want one with %q", err, test.want)
			}
			if after := f.state(); after != before {
				t.Errorf("something was left:\n%s", cmp.Diff(before, after))
			}
		})
	}
}

// A run that is cancelled at the last moment before the branch, as by a signal: the next one does the whole.
func TestCancelled(t *testing.T) {
	f := fork(t, upstream(t), false)
	before := f.state()
	opened, err := git.Open(context.Background(), f.dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err = upgrade.Run(ctx, upgrade.Options{
		Git: opened, From: "upstream", Version: "1.1.0",
		Render: func(context.Context, string, []string) error { cancel(); return nil },
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the error is %v", err)
	}
	if after := f.state(); after != before {
		t.Errorf("something was left:\n%s", cmp.Diff(before, after))
	}
	if _, err := f.run(nil); err != nil {
		t.Errorf("the next run: %v", err)
	}
}

func TestList(t *testing.T) {
	f := fork(t, upstream(t), true)
	opened, err := git.Open(context.Background(), f.dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := upgrade.List(context.Background(), opened, "upstream")
	if err != nil {
		t.Fatal(err)
	}
	want := []upgrade.Version{{Version: "1.1.0", Changes: "- Better."}, {Version: "1.0.0", Current: true, Changes: "- The first."}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
}
