package image_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/image"
)

var (
	oldDigest = "sha256:" + strings.Repeat("0", 64)
	newDigest = "sha256:" + strings.Repeat("a", 64)
)

// Everything but the lock itself stays: comments, order, quotes, blank lines, line endings.
func TestApply(t *testing.T) {
	for name, test := range map[string]struct{ before, after string }{
		"added below the tag": {
			"# top\nimages:\n\n  # why\n  a:   # here\n    repository: r.io/a # there\n    tag: v1   # and here\n\n  b:\n    repository: r.io/b\n    tag: v2\n",
			"# top\nimages:\n\n  # why\n  a:   # here\n    repository: r.io/a # there\n    tag: v1   # and here\n    digest: NEW\n\n  b:\n    repository: r.io/b\n    tag: v2\n",
		},
		"replaced": {
			"images:\n  a:\n    digest: OLD # locked\n    tag: v1\n    repository: r.io/a\n",
			"images:\n  a:\n    digest: NEW # locked\n    tag: v1\n    repository: r.io/a\n",
		},
		"quoted": {
			"images:\n  a: \n    repository: 'r.io/a'\n    tag: \"1.10\"\n    digest: \"OLD\"\n",
			"images:\n  a: \n    repository: 'r.io/a'\n    tag: \"1.10\"\n    digest: NEW\n",
		},
		"somebody else's removed": {
			"images:\n  a:\n    repository: r.io/a\n    tag: v1\n    digest: OLD\n    digestFrom: a book # yes\n  # next\n  b: {repository: r.io/b, tag: v1}\n",
			"images:\n  a:\n    repository: r.io/a\n    tag: v1\n    digest: NEW\n  # next\n  b: {repository: r.io/b, tag: v1}\n",
		},
		"confirmed, so no longer somebody else's": {
			"images:\n  a:\n    repository: r.io/a\n    tag: v1\n    digest: NEW\n    digestFrom: a book\n",
			"images:\n  a:\n    repository: r.io/a\n    tag: v1\n    digest: NEW\n",
		},
		"over several lines": {
			"images:\n  a:\n    repository: r.io/a\n    digestFrom: >-\n      a book\n      and another\n    tag: v1\n    digest: OLD\n",
			"images:\n  a:\n    repository: r.io/a\n    tag: v1\n    digest: NEW\n",
		},
		"an empty digest": {
			"images:\n  a:\n    repository: r.io/a\n    tag: v1\n    digest: \"\" # to do\n",
			"images:\n  a:\n    repository: r.io/a\n    tag: v1\n    digest: NEW # to do\n",
		},
		"no line break at the end": {
			"images:\n  a:\n    repository: r.io/a\n    tag: v1",
			"images:\n  a:\n    repository: r.io/a\n    tag: v1\n    digest: NEW",
		},
		"line endings of Windows": {
			"images:\r\n  a:\r\n    repository: r.io/a\r\n    tag: v1\r\n",
			"images:\r\n  a:\r\n    repository: r.io/a\r\n    tag: v1\r\n    digest: NEW\r\n",
		},
		"wider indentation": {
			"images:\n      a:\n          repository: r.io/a\n          tag: v1\nsources: {}\n",
			"images:\n      a:\n          repository: r.io/a\n          tag: v1\n          digest: NEW\nsources: {}\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			fill := strings.NewReplacer("NEW", newDigest, "OLD", oldDigest)
			lock := []image.Resolution{{Name: "a", Digest: newDigest}, {Name: "b", Err: errors.New("unresolved")}}
			got, err := image.Apply([]byte(fill.Replace(test.before)), lock)
			if err != nil {
				t.Fatal(err)
			}
			if want := fill.Replace(test.after); string(got) != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			again, err := image.Apply(got, lock)
			if err != nil || string(again) != string(got) {
				t.Errorf("a second lock changes the file: %v\n%s", err, again)
			}
		})
	}
}

func TestApplyRefusesWhatItCannotEdit(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"braces":         {"images:\n  a: {repository: r.io/a, tag: v1}\n", "written in braces"},
		"gone":           {"images:\n  b:\n    tag: v1\n", "does not have it"},
		"no tag":         {"images:\n  a:\n    repository: r.io/a\n", "no tag"},
		"a shared entry": {"images:\n  b: &x\n    repository: r.io/a\n    tag: v1\n  a: *x\n", "does not have it"},
		"several lines":  {"images:\n  a:\n    repository: r.io/a\n    tag: v1\n    digest:\n      " + oldDigest + "\n", "one line"},
		"not YAML":       {"images: [", "yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := image.Apply([]byte(test.text), []image.Resolution{{Name: "a", Digest: newDigest}})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "versions.yaml"), filepath.Join(dir, "link.yaml")
	if err := os.WriteFile(file, []byte("images:\n  a:\n    repository: r.io/a\n    tag: v1\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o640); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	lock := []image.Resolution{{Name: "a", Digest: newDigest}}
	for _, want := range []bool{true, false} {
		if changed, err := image.Write(link, lock); err != nil || changed != want {
			t.Errorf("changed %v, want %v: %v", changed, want, err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "digest: "+newDigest) {
		t.Errorf("%v:\n%s", err, text)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link was replaced: %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("permissions changed to %v", info.Mode())
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

// Locking every image of the distribution's own file changes only digest lines.
func TestApplyToOwnVersionsFile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "versions.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var lock []image.Resolution
	for _, name := range []string{"cortex", "loki", "memcached", "grafana", "proxy", "source-controller", "cert-manager-webhook", "external-dns"} {
		lock = append(lock, image.Resolution{Name: name, Digest: newDigest})
	}
	got, err := image.Apply(text, lock)
	if err != nil {
		t.Fatal(err)
	}
	without := func(text []byte) string {
		var lines []string
		for line := range strings.Lines(string(text)) {
			if trimmed := strings.TrimSpace(line); !strings.HasPrefix(trimmed, "digest") {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "")
	}
	if without(got) != without(text) || strings.Count(string(got), newDigest) != len(lock) {
		t.Errorf("more than digests changed:\n%s", got)
	}
}
