package story

import (
	"context"
	"fmt"
	"slices"
	"strings"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/opsgen/opsgen/test/flux"
)

// paused does what docs/operations/pausing.md says: first upgrades stand still while repair goes on, then one tenant does
// while all others go on.
func (l *life) paused(ctx context.Context) (string, error) {
	const source, tenant = "gitrepositories", "tenant-" + other
	old := l.Commit
	if err := l.suspend(ctx, source, flux.Source, true); err != nil {
		return "", err
	}
	if err := l.setLimit(100011); err != nil {
		return "", err
	}
	if err := l.attempt(ctx, "Allow more while upgrades are paused"); err != nil {
		return "", err
	}
	if err := l.goesOnAt(ctx, old); err != nil {
		return "", fmt.Errorf("while upgrades are paused: %w", err)
	}
	if r, err := flux.ReadSource(ctx, l.Dynamic); err != nil || !strings.HasSuffix(r.Revision, old) {
		return "", fmt.Errorf("upgrades are paused, and the cluster went from %s to %+v: %w", old, r, err)
	}
	if err := l.suspend(ctx, "kustomizations", tenant, true); err != nil {
		return "", err
	}
	if err := l.suspend(ctx, source, flux.Source, false); err != nil {
		return "", err
	}
	if err := flux.Await(ctx, l.Dynamic, func(all []flux.Unit) error {
		at := slices.IndexFunc(all, func(u flux.Unit) bool { return u.Name == tenant })
		if at < 0 || all[at].Revision != old {
			return fmt.Errorf("%s is to stay at %.7s", tenant, old)
		}
		return flux.ReadyAt(l.Commit, len(all)-1)(slices.Delete(all, at, at+1))
	}); err != nil {
		return "", err
	}
	if err := l.suspend(ctx, "kustomizations", tenant, false); err != nil {
		return "", err
	}
	return "upgrades stood still, then one tenant; both came after", l.await(ctx)
}

// suspend pauses or resumes one of Flux's own objects, as a field manager that Flux leaves alone.
func (l *life) suspend(ctx context.Context, kind, name string, pause bool) error {
	group := "kustomize.toolkit.fluxcd.io/v1"
	if kind == "gitrepositories" {
		group = "source.toolkit.fluxcd.io/v1"
	}
	client, err := l.resource(group, kind)
	if err != nil {
		return err
	}
	_, err = client.Namespace(flux.Namespace).Patch(ctx, name, types.MergePatchType, fmt.Appendf(nil, `{"spec":{"suspend":%v}}`, pause),
		meta.PatchOptions{FieldManager: "operator"})
	if err != nil {
		return fmt.Errorf("pausing %s: %w", name, err)
	}
	return nil
}
