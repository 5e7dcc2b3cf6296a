package release_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/git"
	"github.com/opsgen/opsgen/generator/release"
	"github.com/opsgen/opsgen/generator/repository"
)

// fork is a real Git repository with one cluster, "prod", as a team has it.
type fork struct {
	t   *testing.T
	dir string
	// bundle and semver are what versions.yaml and cluster.yaml say; unlocked names an image without a digest.
	bundle, semver, unlocked string
	// stale is what a render finds out of date.
	stale string
}

// alone keeps git from the settings of the person who runs the tests.
func alone(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "XDG_CONFIG_HOME": t.TempDir(), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.DevNull,
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
	} {
		t.Setenv(name, value)
	}
}

func newFork(t *testing.T) *fork {
	t.Helper()
	alone(t)
	f := &fork{t: t, dir: t.TempDir(), bundle: "1.4.2", semver: "1.x"}
	f.git("init", "--quiet", "--initial-branch=main")
	f.write("clusters/prod/rendered/index.json", "1")
	f.write("tenants/system/tenant.yaml", "{}")
	f.write("versions.yaml", f.versions())
	f.commit("Begin")
	return f
}

func (f *fork) versions() string {
	return "version: " + f.bundle + "\nkubernetes: {minimum: \"1.34\", maximum: \"1.36\"}\nsources: {}\nimages: {}\n"
}

func (f *fork) git(arguments ...string) string {
	f.t.Helper()
	cmd := exec.Command("git", arguments...)
	cmd.Dir = f.dir
	output, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("git %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return strings.TrimSpace(string(output))
}

func (f *fork) write(name, text string) {
	f.t.Helper()
	file := filepath.Join(f.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fork) commit(subject string) {
	f.t.Helper()
	f.git("add", "--all")
	f.git("commit", "--quiet", "--allow-empty", "--message", subject)
}

// origin gives the fork a bare remote, and returns its folder.
func (f *fork) origin() string {
	f.t.Helper()
	bare := f.t.TempDir()
	f.git("init", "--quiet", "--bare", "--initial-branch=main", bare)
	f.git("remote", "add", "origin", bare)
	f.git("push", "--quiet", "--set-upstream", "origin", "main", "--tags")
	return bare
}

// clone is the same fork in another person's folder.
func (f *fork) clone(arguments ...string) *fork {
	f.t.Helper()
	copied := *f
	copied.dir = filepath.Join(f.t.TempDir(), "clone")
	url := "file://" + f.git("remote", "get-url", "origin")
	f.git(append(append([]string{"clone", "--quiet"}, arguments...), url, copied.dir)...)
	return &copied
}

func (f *fork) options(change func(*release.Options)) (release.Options, *git.Repository) {
	f.t.Helper()
	checkout, err := git.Open(context.Background(), f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	remote, err := checkout.Remote(context.Background(), "")
	if err != nil {
		f.t.Fatal(err)
	}
	b := &bundle.Bundle{Version: f.bundle, Images: map[string]bundle.Image{"loki": {Digest: "sha256:1"}}}
	if f.unlocked != "" {
		b.Images[f.unlocked] = bundle.Image{}
	}
	prod := &cluster.Cluster{Name: "prod"}
	prod.Source.Semver = f.semver
	o := release.Options{
		Repository: &repository.Repository{Root: f.dir, Bundle: b, Clusters: []repository.Cluster{{Cluster: prod}}},
		Git:        checkout, Remote: remote,
		Check: func(context.Context, []string) (string, error) { return f.stale, nil },
	}
	if change != nil {
		change(&o)
	}
	return o, checkout
}

func (f *fork) prepare(change func(*release.Options)) (*release.Plan, error) {
	f.t.Helper()
	o, _ := f.options(change)
	return release.Prepare(context.Background(), o)
}

// release makes the next tag, and pushes it where there is a remote.
func (f *fork) release() *release.Plan {
	f.t.Helper()
	plan, err := f.prepare(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	_, checkout := f.options(nil)
	if err := release.Write(context.Background(), checkout, plan, false); err != nil {
		f.t.Fatal(err)
	}
	if plan.Remote != "" {
		if err := release.Push(context.Background(), checkout, plan); err != nil {
			f.t.Fatal(err)
		}
	}
	return plan
}
