package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const claims = `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ingester, namespace: cortex}
spec:
  serviceName: ingester
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: ingester, image: "r.example.com/i:1"}]}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: SIZE}}}
`

// repo is a repository of the bundle whose clusters are rendered by copying.
type repo struct {
	t   *testing.T
	dir string
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "XDG_CONFIG_HOME": t.TempDir(), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.DevNull,
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
	} {
		t.Setenv(name, value)
	}
	r := &repo{t: t, dir: t.TempDir()}
	r.git("init", "--quiet", "--initial-branch=main")
	return r
}

func (r *repo) git(arguments ...string) {
	r.t.Helper()
	cmd := exec.Command("git", arguments...)
	cmd.Dir = r.dir
	if output, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
}

// version commits a version of the bundle, whose ingester has claims of a size.
func (r *repo) version(version, size string) {
	r.t.Helper()
	for name, text := range map[string]string{
		"versions.yaml":                    "version: " + version + "\nkubernetes: {minimum: \"1.34\", maximum: \"1.36\"}\nsources: {}\nimages: {}\n",
		"clusters/example/cluster.yaml":    "{}\n",
		"clusters/example/statefulset.txt": strings.Replace(claims, "SIZE", size, 1),
		".gitignore":                       "rendered/\n",
	} {
		file := filepath.Join(r.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git("add", "--all")
	r.git("commit", "--quiet", "--message=Bundle "+version)
	r.git("tag", "--annotate", "--message=x", "bundle-v"+version)
}

func (r *repo) check(accepted ...string) (string, error) {
	r.t.Helper()
	var stdout bytes.Buffer
	c := &checker{root: r.dir, accepted: accepted, stdout: &stdout, stderr: &stdout, render: func(_ context.Context, dir string) error {
		text, err := os.ReadFile(filepath.Join(dir, "clusters", "example", "statefulset.txt"))
		if err != nil {
			return err
		}
		folder := filepath.Join(dir, "clusters", "example", "rendered", "platform", "cortex")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(folder, "statefulset-ingester.yaml"), text, 0o644)
	}}
	err := c.run(r.t.Context())
	return stdout.String(), err
}

func TestCheck(t *testing.T) {
	r := newRepo(t)
	r.version("1.0.0", "1Gi")
	if out, err := r.check(); err != nil || !strings.Contains(out, "there is no version of the bundle before this one") {
		t.Fatalf("the first version: %v\n%s", err, out)
	}
	r.version("1.0.1", "1Gi")
	if out, err := r.check(); err != nil || !strings.Contains(out, "example: nothing changes\nfrom bundle-v1.0.0 to this commit") {
		t.Errorf("nothing changes: %v\n%s", err, out)
	}
	r.version("1.1.0", "2Gi")
	out, err := r.check()
	if !errors.Is(err, errFailed) || !strings.Contains(out, "! Cannot be applied") || !strings.Contains(err.Error(), "bundle-v1.0.1") {
		t.Errorf("an immutable field: %v\n%s", err, out)
	}
	_, rule, _ := strings.Cut(out, "(")
	rule, _, _ = strings.Cut(rule, ")")
	if out, err := r.check(rule); err != nil || strings.Contains(out, "! ") {
		t.Errorf("rule %q is accepted: %v\n%s", rule, err, out)
	}
	// A pre-release compares with the last release, and deployments are no versions of the bundle.
	r.git("tag", "v1.1.9")
	r.version("1.2.0-rc.1", "2Gi")
	r.version("1.2.0-rc.2", "2Gi")
	if out, err := r.check(); err != nil || !strings.Contains(out, "from bundle-v1.1.0 to this commit") {
		t.Errorf("a pre-release: %v\n%s", err, out)
	}
}

// A checker that finds nothing to compare must not pass.
func TestCheckWithoutClusters(t *testing.T) {
	r := newRepo(t)
	r.version("1.0.0", "1Gi")
	r.version("1.1.0", "1Gi")
	c := &checker{root: r.dir, stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, render: func(context.Context, string) error { return nil }}
	if err := c.run(t.Context()); !errors.Is(err, errFailed) {
		t.Errorf("the error is %v", err)
	}
}

func TestUsage(t *testing.T) {
	for _, arguments := range [][]string{nil, {"imges"}, {"images", "now"}, {"images", "-pusj", "x"}} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), arguments, &stdout, &stderr); code != exitUsage || stdout.Len() > 0 || stderr.Len() == 0 {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", arguments, code, stdout.String(), stderr.String())
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"images", "-h"}, &stdout, &stderr); code != 0 || !strings.Contains(stderr.String(), "-push") {
		t.Errorf("help: exit code %d, %s", code, stderr.String())
	}
}
