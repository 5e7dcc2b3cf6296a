package upgrade_test

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/git"
	"github.com/opsgen/opsgen/generator/upgrade"
)

const versions = `version: VERSION
kubernetes:
  minimum: "1.34"
  maximum: "1.36"
sources:
  s:
    module: example.com/s
    version: v1.0.0
    sum: h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=
images:
  # Metrics.
  cortex:
    repository: quay.io/c/cortex
    tag: v1
  loki:
    repository: docker.io/g/loki
    tag: v1
`

var digest = "sha256:" + strings.Repeat("ab", 32)

// checkout is a real Git repository in a folder of its own.
type checkout struct {
	t   *testing.T
	dir string
}

func (c *checkout) git(arguments ...string) string {
	c.t.Helper()
	cmd := exec.Command("git", arguments...)
	cmd.Dir = c.dir
	output, err := cmd.CombinedOutput()
	if err != nil {
		c.t.Fatalf("git %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return strings.TrimSpace(string(output))
}

// commit writes files, an empty text removing one, and commits.
func (c *checkout) commit(files map[string]string) {
	c.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := filepath.Join(c.dir, filepath.FromSlash(name))
		if files[name] == "" {
			if err := os.Remove(file); err != nil {
				c.t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			c.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(files[name]), 0o644); err != nil {
			c.t.Fatal(err)
		}
	}
	c.git("add", "--all", "--force")
	c.git("commit", "--quiet", "--message=Change")
}

func (c *checkout) at(revision, file string) string {
	c.t.Helper()
	cmd := exec.Command("git", "cat-file", "blob", revision+":"+file)
	cmd.Dir = c.dir
	output, err := cmd.Output()
	if err != nil {
		return ""
	}
	return string(output)
}

// upstream has the bundle's versions 1.0.0 and 1.1.0, which changes some of everything.
func upstream(t *testing.T) *checkout {
	t.Helper()
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "XDG_CONFIG_HOME": t.TempDir(), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.DevNull,
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
	} {
		t.Setenv(name, value)
	}
	c := &checkout{t: t, dir: t.TempDir()}
	c.git("init", "--quiet", "--initial-branch=main")
	c.commit(map[string]string{
		"versions.yaml":                       strings.Replace(versions, "VERSION", "1.0.0", 1),
		"bases/loki/main.jsonnet":             "one\ntwo\nthree\nfour\nfive\nsix\n",
		"bases/loki/limits.libsonnet":         "1\n",
		"bases/old/main.jsonnet":              "old\n",
		"clusters/example-aws/cluster.yaml":   "domain: a.example.com\n",
		"clusters/example-gcp/cluster.yaml":   "domain: g.example.com\n",
		"tenants/system/tenant.yaml":          "limits: small\n",
		"tenants/payments/tenant.yaml":        "limits: small\n",
		"CHANGELOG.md":                        "# Changelog\n\n## [1.0.0] – 2026-01-01\n\n- The first.\n",
		"generator/program.go":                "package program\n",
		".gitignore":                          "/clusters/example-*/rendered/\n",
		"overlays/aws/loki/k.yaml":            "a\n",
		"clusters/README.md":                  "clusters\n",
		"tenants/search/rules/example.yaml":   "groups: []\n",
		"tenants/search/tenant.yaml":          "limits: large\n",
		"clusters/example-local/cluster.yaml": "domain: l.example.com\n",
	})
	c.git("tag", "--annotate", "--message=1.0.0", "bundle-v1.0.0")
	c.commit(map[string]string{
		"versions.yaml":                     strings.Replace(strings.Replace(versions, "VERSION", "1.1.0", 1), "cortex\n    tag: v1", "cortex\n    tag: v2", 1),
		"bases/loki/main.jsonnet":           "ONE\ntwo\nthree\nfour\nfive\nsix\n",
		"bases/loki/limits.libsonnet":       "2\n",
		"bases/old/main.jsonnet":            "",
		"bases/new/main.jsonnet":            "new\n",
		"clusters/example-aws/cluster.yaml": "domain: aws.example.com\n",
		"clusters/example-gcp/cluster.yaml": "domain: gcp.example.com\n",
		"clusters/example-new/cluster.yaml": "domain: new.example.com\n",
		"tenants/system/tenant.yaml":        "limits: medium\n",
		"tenants/payments/tenant.yaml":      "limits: medium\n",
		"tenants/extra/tenant.yaml":         "clusters: ['*']\n",
		"CHANGELOG.md":                      "# Changelog\n\n## [1.1.0] – 2026-02-01\n\n- Better.\n\n## [1.0.0] – 2026-01-01\n\n- The first.\n",
	})
	c.git("tag", "--annotate", "--message=1.1.0", "bundle-v1.1.0")
	c.git("tag", "v7.0.0") // a deployment tag of upstream's, which must not get into a fork
	return c
}

// fork is a team's: with upstream's history, or, copied, without.
func fork(t *testing.T, up *checkout, copied bool) *checkout {
	t.Helper()
	f := &checkout{t: t, dir: filepath.Join(t.TempDir(), "fork")}
	up.git("clone", "--quiet", "--no-tags", up.dir, f.dir)
	f.git("reset", "--quiet", "--hard", strings.Fields(up.git("rev-parse", "bundle-v1.0.0^{commit}"))[0])
	f.git("remote", "rename", "origin", "upstream")
	if copied {
		if err := os.RemoveAll(filepath.Join(f.dir, ".git")); err != nil {
			t.Fatal(err)
		}
		f.git("init", "--quiet", "--initial-branch=main")
		f.git("add", "--all", "--force")
		f.git("commit", "--quiet", "--message=Copy the distribution")
		f.git("remote", "add", "upstream", up.dir)
	}
	f.commit(map[string]string{
		"versions.yaml": strings.Replace(strings.NewReplacer(
			"cortex\n    tag: v1", "cortex\n    tag: v1\n    digest: "+digest, "loki\n    tag: v1", "loki\n    tag: v1\n    digest: "+digest,
		).Replace(versions), "VERSION", "1.0.0", 1),
		"bases/loki/main.jsonnet":             "one\ntwo\nthree\nfour\nfive\nSIX\n",
		"clusters/prod/cluster.yaml":          "domain: acme.example.com\n",
		"clusters/prod/patches/p.yaml":        "patch\n",
		"clusters/prod/keys/jwks.json":        "{}\n",
		"clusters/prod/rendered/all.yaml":     "rendered by 1.0.0\n",
		"tenants/team/tenant.yaml":            "limits: huge\n",
		"tenants/payments/tenant.yaml":        "limits: mine\n",
		"clusters/example-gcp/cluster.yaml":   "",
		"tenants/search/tenant.yaml":          "",
		"tenants/search/rules/example.yaml":   "",
		"clusters/example-local/cluster.yaml": "",
	})
	return f
}

// run upgrades to 1.1.0. The stand-in for a render writes the version that it was given.
func (c *checkout) run(change func(*upgrade.Options)) (*upgrade.Result, error) {
	c.t.Helper()
	opened, err := git.Open(context.Background(), c.dir)
	if err != nil {
		c.t.Fatal(err)
	}
	o := upgrade.Options{
		Git: opened, From: "upstream", Version: "1.1.0",
		Render: func(_ context.Context, dir string, clusters []string) error {
			text, err := os.ReadFile(filepath.Join(dir, "bases", "new", "main.jsonnet"))
			if err != nil {
				return err
			}
			for _, name := range clusters {
				if err := os.WriteFile(filepath.Join(dir, "clusters", name, "rendered", "all.yaml"), append([]byte("rendered by "), text...), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
	if change != nil {
		change(&o)
	}
	return upgrade.Run(context.Background(), o)
}

// state is all that an upgrade must not touch: references, the index and the files.
func (c *checkout) state() string {
	return c.git("for-each-ref", "refs/heads") + c.git("status", "--porcelain", "--ignored") + c.git("rev-parse", "HEAD") + c.git("stash", "list")
}
