package fleet

import (
	"strings"
	"testing"
	"time"
)

// TestRelease brings each example up as the bundle rendered it before, and then releases this one by a tag, as a fork does.
func TestRelease(t *testing.T) {
	revision, err := previous(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("from %s to what is in the working folder", revision)
	for cluster, nodes := range map[string]int{"example-local": 1, "example-gcp": 9, "example-aws": 24} {
		t.Run(cluster, func(t *testing.T) {
			f := Begin(t, "fleet-release", cluster, nodes, revision)
			f.Install()
			f.Step("upgrade", 15*time.Minute, f.upgrade)
			f.Step("quiet", 5*time.Minute, f.quiet)
		})
	}
}

func TestTheReleaseCheckComesFromTheLastRelease(t *testing.T) {
	t.Setenv(from, "")
	dir := t.TempDir()
	run := func(arguments ...string) string {
		t.Helper()
		out, err := git(t.Context(), dir, append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, arguments...)...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	want := func(revision string) {
		t.Helper()
		if got, err := previous(t.Context(), dir); err != nil || got != revision {
			t.Errorf("it comes from %q, %v, not from %s", got, err, revision)
		}
	}
	run("init", "--quiet")
	commit := func() { run("commit", "--quiet", "--allow-empty", "--message", "x") }
	commit()
	first := run("rev-parse", "HEAD")
	commit()
	want(first) // Nothing was released.
	run("tag", "bundle-v1.9.0")
	commit()
	run("tag", "bundle-v1.10.0")
	commit()
	run("tag", "bundle-v1.11.0-rc.1")
	commit()
	run("tag", "bundle-v1.11.0") // This is what is about to be released.
	run("tag", "v1.11.7")        // This is a fork's.
	want("bundle-v1.10.0")
	t.Setenv(from, "HEAD~1")
	want("HEAD~1")
}

func TestTheReleaseCheckSeesWhatIsLost(t *testing.T) {
	t.Parallel()
	before := map[string]holder{"statefulsets/cortex/ingester": {uid: "1"}, "persistentvolumeclaims/cortex/data-0": {uid: "2"}}
	for name, c := range map[string]struct {
		after map[string]holder
		want  string
	}{
		"nothing": {map[string]holder{
			"statefulsets/cortex/ingester": {uid: "1"}, "persistentvolumeclaims/cortex/data-0": {uid: "2"}, "namespaces/new": {uid: "3"},
		}, ""},
		"a set made anew": {map[string]holder{
			"statefulsets/cortex/ingester": {uid: "9"}, "persistentvolumeclaims/cortex/data-0": {uid: "2"},
		}, "statefulsets/cortex/ingester was made anew"},
		"a claim that is pruned": {map[string]holder{"statefulsets/cortex/ingester": {uid: "1"}}, "data-0 is gone"},
		"a claim that waits for its pod to go": {map[string]holder{
			"statefulsets/cortex/ingester": {uid: "1"}, "persistentvolumeclaims/cortex/data-0": {uid: "2", going: true},
		}, "data-0 is being deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := kept(before, c.after)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("the check says %v", err)
			}
		})
	}
	if kept(nil, before) == nil {
		t.Error("a check of nothing passed")
	}
}
