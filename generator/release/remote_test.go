package release_test

import (
	"strings"
	"testing"
)

// A fork's tags do not go upstream unless somebody says so.
func TestRemote(t *testing.T) {
	f := newFork(t)
	_, checkout := f.options(nil)
	remote := func(wanted string) string {
		name, err := checkout.Remote(t.Context(), wanted)
		if err != nil {
			return err.Error()
		}
		return name
	}
	f.git("remote", "add", "upstream", "nowhere")
	f.git("config", "branch.main.remote", "upstream")
	if got := remote(""); got != "" {
		t.Errorf("the remote is %q", got)
	}
	if got := remote("upstream"); got != "upstream" {
		t.Errorf("wanted upstream, got %q", got)
	}
	f.git("remote", "add", "team", "nowhere")
	if got := remote(""); got != "team" {
		t.Errorf("the only other remote: %q", got)
	}
	f.git("remote", "add", "third", "nowhere")
	if got := remote(""); !strings.Contains(got, "several remotes") {
		t.Errorf("two to choose from: %q", got)
	}
	f.git("config", "branch.main.remote", "third")
	if got := remote(""); got != "third" {
		t.Errorf("the branch's remote: %q", got)
	}
}
