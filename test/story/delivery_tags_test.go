package story

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/test/flux"
)

// limitOf is how many series the team may have, as each step of the story with tags says it in Git and reads it in the
// cluster.
func (l *life) limitOf(ctx context.Context) (string, error) {
	limits, err := l.Client.CoreV1().ConfigMaps("cortex").Get(ctx, "cortex-limits", meta.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("reading the limits: %w", err)
	}
	var parsed struct {
		Overrides map[string]struct {
			Series int64 `json:"max_global_series_per_user"`
		}
	}
	if err := yaml.Unmarshal([]byte(limits.Data["limits.yaml"]), &parsed); err != nil {
		return "", fmt.Errorf("reading the limits: %w", err)
	}
	return fmt.Sprint(parsed.Overrides[team].Series), nil
}

// setLimit writes a limit of the team's series into Git's working copy.
func (l *life) setLimit(series int) error {
	name := "tenants/" + team + "/tenant.yaml"
	data, err := os.ReadFile(filepath.Join(l.Fork.Dir, name))
	if err != nil {
		return err
	}
	var lines []string
	for _, line := range strings.Split(string(data), "\n") {
		if !strings.HasPrefix(line, "  activeSeries: ") {
			lines = append(lines, line)
		}
		if line == "metrics:" {
			lines = append(lines, fmt.Sprintf("  activeSeries: %d", series))
		}
	}
	return l.Fork.Write(name, strings.Join(lines, "\n"))
}

// release commits, pushes the branch and releases it as the next tag, which it answers. Nobody tells Flux.
func (l *life) release(ctx context.Context, message string, flags ...string) (string, error) {
	if _, err := l.Fork.Publish(ctx, message, l.Cluster); err != nil {
		return "", err
	}
	return l.tag(ctx, flags...)
}

// tag releases the newest commit.
func (l *life) tag(ctx context.Context, flags ...string) (string, error) {
	out, err := l.Fork.Run(ctx, append([]string{"release", "--push", "--allow-unlocked"}, flags...)...)
	if err != nil {
		return "", err
	}
	_, tag, found := strings.Cut(out, "made and pushed ")
	if !found {
		return "", fmt.Errorf("opsgen release said %q", out)
	}
	commit, err := l.Fork.Git(ctx, "rev-parse", "HEAD")
	l.Commit = strings.TrimSpace(commit)
	return strings.TrimSpace(tag), err
}

// follows waits until the cluster is at a tag as a whole, and says by the limit that it is what the tag holds.
func (l *life) follows(ctx context.Context, tag, limit string) error {
	want := tag + "@sha1:" + l.Commit
	if err := poll(ctx, func() error {
		r, err := flux.ReadSource(ctx, l.Dynamic)
		if err == nil && r.Revision != want {
			err = fmt.Errorf("the cluster is at %s, not at %s: %s", r.Revision, want, r.Conditions["Ready"].Message)
		}
		return err
	}); err != nil {
		return err
	}
	if err := l.await(ctx); err != nil {
		return err
	}
	is, err := l.limitOf(ctx)
	if err == nil && is != limit {
		err = fmt.Errorf("the limit at %s is %s, not %s", tag, is, limit)
	}
	return err
}

// followTags has the cluster follow tags. The first one comes with the commit that says so.
func (l *life) followTags(ctx context.Context) (string, error) {
	if err := l.Fork.Edit("clusters/"+l.Cluster+"/cluster.yaml", "  branch: main\n", "  semver: \"1.x\"\n"); err != nil {
		return "", err
	}
	if err := l.setLimit(100001); err != nil {
		return "", err
	}
	tag, err := l.release(ctx, "Follow tags")
	if err != nil {
		return "", err
	}
	if err := flux.Fetch(ctx, l.Dynamic); err != nil {
		return "", err
	}
	return tag + " instead of main", l.follows(ctx, tag, "100001")
}

// higherTag is an upgrade: it comes by itself, and by the tag alone.
func (l *life) higherTag(ctx context.Context) (string, error) {
	before, err := flux.ReadSource(ctx, l.Dynamic)
	if err != nil {
		return "", err
	}
	if err := l.setLimit(100002); err != nil {
		return "", err
	}
	if _, err := l.Fork.Publish(ctx, "Allow more", l.Cluster); err != nil {
		return "", err
	}
	if err := l.stays(ctx, before.Revision); err != nil {
		return "", fmt.Errorf("a commit without a tag: %w", err)
	}
	asked, err := flux.ReadSource(ctx, l.Dynamic)
	if err != nil {
		return "", err
	}
	began := time.Now()
	tag, err := l.tag(ctx)
	if err != nil {
		return "", err
	}
	if err := l.follows(ctx, tag, "100002"); err != nil {
		return "", err
	}
	after, err := flux.ReadSource(ctx, l.Dynamic)
	if err == nil && after.Handled != asked.Handled {
		err = errors.New("somebody asked Flux to look")
	}
	return fmt.Sprintf("%s by itself after %.0f s, of an interval of 60", tag, time.Since(began).Seconds()), err
}

// stays has Flux look and says that the cluster is given what it was given before.
func (l *life) stays(ctx context.Context, revision string) error {
	r, err := flux.Look(ctx, l.Dynamic)
	if err == nil && r.Revision != revision {
		err = fmt.Errorf("the cluster went from %s to %s", revision, r.Revision)
	}
	return err
}

// otherTags pushes tags that are none of the cluster's.
func (l *life) otherTags(ctx context.Context) (string, error) {
	before, err := flux.ReadSource(ctx, l.Dynamic)
	if err != nil {
		return "", err
	}
	if err := l.setLimit(100003); err != nil {
		return "", err
	}
	if _, err := l.Fork.Publish(ctx, "Allow what nobody shall have", l.Cluster); err != nil {
		return "", err
	}
	tags := []string{"v2.0.0", "v1.1.0-rc.1", "bundle-v1.5.0"}
	for _, tag := range tags {
		if _, err := l.Fork.Git(ctx, "tag", "--annotate", "--message", "Not for this cluster", tag); err != nil {
			return "", err
		}
		if _, err := l.Fork.Git(ctx, "push", "--quiet", "origin", "refs/tags/"+tag); err != nil {
			return "", err
		}
		if err := l.stays(ctx, before.Revision); err != nil {
			return "", fmt.Errorf("tag %s: %w", tag, err)
		}
	}
	return strings.Join(tags, ", ") + " change nothing", nil
}

// rollback reverts what otherTags and higherTag committed, under a new tag.
func (l *life) rollback(ctx context.Context) (string, error) {
	if _, err := l.Fork.Git(ctx, "revert", "--no-edit", "HEAD", "HEAD~1"); err != nil {
		return "", err
	}
	if err := l.pushHead(ctx); err != nil {
		return "", err
	}
	tag, err := l.tag(ctx)
	if err != nil {
		return "", err
	}
	if err := flux.Fetch(ctx, l.Dynamic); err != nil {
		return "", err
	}
	return tag + " is the first one again", l.follows(ctx, tag, "100001")
}

// signedTags has the cluster demand signatures, with a key that was made for it.
func (l *life) signedTags(ctx context.Context) (string, error) {
	if err := l.signer(ctx, "2026"); err != nil {
		return "", err
	}
	if err := l.Fork.Edit("clusters/"+l.Cluster+"/cluster.yaml", "  semver: \"1.x\"\n",
		"  semver: \"1.x\"\n  verifySecret: release-keys\n"); err != nil {
		return "", err
	}
	first, err := l.release(ctx, "Demand signatures", "--sign")
	if err != nil {
		return "", err
	}
	if err := flux.Fetch(ctx, l.Dynamic); err != nil {
		return "", err
	}
	if err := l.follows(ctx, first, "100001"); err != nil {
		return "", err
	}
	if err := poll(ctx, func() error {
		return l.verified(ctx, meta.ConditionTrue, first)
	}); err != nil {
		return "", err
	}
	before := first + "@sha1:" + l.Commit
	if err := l.setLimit(100004); err != nil {
		return "", err
	}
	unsigned, err := l.release(ctx, "Allow what nobody signed")
	if err != nil {
		return "", err
	}
	if err := l.stays(ctx, before); err != nil {
		return "", fmt.Errorf("unsigned tag %s: %w", unsigned, err)
	}
	if err := l.verified(ctx, meta.ConditionFalse, unsigned); err != nil {
		return "", err
	}
	if err := l.setLimit(100005); err != nil {
		return "", err
	}
	signed, err := l.release(ctx, "Allow what somebody signed", "--sign")
	if err != nil {
		return "", err
	}
	if err := flux.Fetch(ctx, l.Dynamic); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s taken, %s refused, %s taken", first, unsigned, signed), l.follows(ctx, signed, "100005")
}

// verified says whether Flux found a tag's signature good.
func (l *life) verified(ctx context.Context, status meta.ConditionStatus, tag string) error {
	r, err := flux.ReadSource(ctx, l.Dynamic)
	if err != nil {
		return err
	}
	if c := r.Conditions["SourceVerified"]; c.Status != status || !strings.Contains(c.Message, tag) {
		return fmt.Errorf("the signature of %s: %s: %q, want %s", tag, c.Status, c.Message, status)
	}
	return nil
}

// releaseKeys is the Secret with the public keys that may sign tags.
const releaseKeys = "release-keys"

// signer makes a key, has the fork's Git sign with it, and gives the cluster its public half beside those that it has, as
// docs/operations/rotating-keys.md says.
func (l *life) signer(ctx context.Context, name string) error {
	key := filepath.Join(filepath.Dir(l.Fork.Dir), "release-key-"+name)
	if out, err := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "releases", "-f", key).CombinedOutput(); err != nil {
		return fmt.Errorf("making a key: %w: %s", err, out)
	}
	for _, setting := range [][2]string{{"gpg.format", "ssh"}, {"user.signingKey", key}} {
		if _, err := l.Fork.Git(ctx, "config", setting[0], setting[1]); err != nil {
			return err
		}
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		return err
	}
	secrets := l.Client.CoreV1().Secrets(flux.Namespace)
	secret := &core.Secret{ObjectMeta: meta.ObjectMeta{Name: releaseKeys}, Data: map[string][]byte{name + ".sshpub": public}}
	if _, err = secrets.Create(ctx, secret, meta.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		return err
	}
	patch, err := json.Marshal(map[string]any{"data": secret.Data})
	if err != nil {
		return err
	}
	_, err = secrets.Patch(ctx, releaseKeys, types.MergePatchType, patch, meta.PatchOptions{})
	return err
}

// rotatedKey signs with a new key, and takes the old one from the cluster.
func (l *life) rotatedKey(ctx context.Context) (string, error) {
	if err := l.signer(ctx, "2027"); err != nil {
		return "", err
	}
	if err := l.setLimit(100012); err != nil {
		return "", err
	}
	tag, err := l.release(ctx, "Allow what the new key signed", "--sign")
	if err != nil {
		return "", err
	}
	if err := flux.Fetch(ctx, l.Dynamic); err != nil {
		return "", err
	}
	if err := l.follows(ctx, tag, "100012"); err != nil {
		return "", err
	}
	patch := []byte(`[{"op": "remove", "path": "/data/2026.sshpub"}]`)
	if _, err := l.Client.CoreV1().Secrets(flux.Namespace).Patch(ctx, releaseKeys, types.JSONPatchType, patch, meta.PatchOptions{}); err != nil {
		return "", fmt.Errorf("removing the old key: %w", err)
	}
	if err := l.stays(ctx, tag+"@sha1:"+l.Commit); err != nil {
		return "", err
	}
	return tag + " by the new key; the old one is gone", l.verified(ctx, meta.ConditionTrue, tag)
}

// followBranch has the cluster follow the branch again, by a tag.
func (l *life) followBranch(ctx context.Context) (string, error) {
	if err := l.Fork.Edit("clusters/"+l.Cluster+"/cluster.yaml", "  semver: \"1.x\"\n  verifySecret: release-keys\n", "  branch: main\n"); err != nil {
		return "", err
	}
	tag, err := l.release(ctx, "Follow the branch", "--sign")
	if err != nil {
		return "", err
	}
	if err := flux.Fetch(ctx, l.Dynamic); err != nil {
		return "", err
	}
	return "main instead of " + tag, l.follows(ctx, "main", "100012")
}
