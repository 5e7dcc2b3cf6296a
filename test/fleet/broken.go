package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opsgen/opsgen/test/fake"
	"github.com/opsgen/opsgen/test/flux"
	"github.com/opsgen/opsgen/test/zones"
)

// patched is a cluster's own patch that keeps Cortex' ingesters, of all zones, from ever becoming ready.
const patched = `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches:
- target: {kind: StatefulSet, name: ingester-zone-.*}
  patch: |
    - op: add
      path: /spec/template/metadata/annotations/opsgen.dev~1crash
      value: "true"
`

// breakZones releases what breaks every ingester, watches it stop at the first zone, and takes it back.
func (f *Fleet) breakZones(ctx context.Context) (string, error) {
	r, err := zones.Watch(ctx, f.Client)
	if err != nil {
		return "", err
	}
	defer r.Close()
	if err := f.Fork.Write("clusters/"+f.Cluster+"/patches/cortex/kustomization.yaml", patched); err != nil {
		return "", err
	}
	if err := f.Release(ctx, "Break the ingesters"); err != nil {
		return "", err
	}
	if err := flux.Fetch(ctx, f.Dynamic); err != nil {
		return "", err
	}
	if err := f.stuck(ctx, "platform-cortex-zone-a"); err != nil {
		return "", err
	}
	down, err := f.crashed(ctx)
	if err != nil {
		return "", err
	}
	if _, err := f.Fork.Git(ctx, "revert", "--no-edit", "HEAD"); err != nil {
		return "", err
	}
	if err := f.tag(ctx); err != nil {
		return "", err
	}
	began := time.Now()
	if err := f.Follow(ctx); err != nil {
		return "", err
	}
	took := time.Since(began)
	if err := r.Stop(ctx, f.Client); err != nil {
		return "", err
	}
	order, err := r.Changed()
	if err != nil || len(order) != 1 || order[0] != "cortex/ingester-zone-a" {
		return "", errors.Join(fmt.Errorf("only the first zone's ingesters should have been changed, not %v", order), err)
	}
	return fmt.Sprintf("%d pods of zone a down, zones b and c untouched; mended in %.0f s", down, took.Seconds()), nil
}

// stuck waits until Flux tries the newest release in a unit, whose pods crash, and then has it look once more at the zones
// that come later: they must say that they wait. So it is not by chance, or by looking too early, that nothing moved.
func (f *Fleet) stuck(ctx context.Context, unit string) error {
	if err := flux.Await(ctx, f.Dynamic, func(all []flux.Unit) error {
		for _, u := range all {
			if u.Name == unit && u.Attempted == f.Commit && !u.Ready {
				_, err := f.crashed(ctx)
				return err
			}
		}
		return fmt.Errorf("%s has not tried %.7s", unit, f.Commit)
	}); err != nil {
		return err
	}
	later := []string{"platform-cortex-zone-b", "platform-cortex-zone-c"}
	token, err := flux.Request(ctx, f.Dynamic, later...)
	if err != nil {
		return err
	}
	return flux.Await(ctx, f.Dynamic, func(all []flux.Unit) error {
		waiting := 0
		for _, u := range all {
			if u.Handled == token && u.Reason == "DependencyNotReady" && u.Revision != f.Commit {
				waiting++
			}
		}
		if waiting != len(later) {
			return fmt.Errorf("%d of %v wait", waiting, later)
		}
		return nil
	})
}

// crashed counts the pods of ingesters in CrashLoopBackOff. There must be one, and none outside zone a.
func (f *Fleet) crashed(ctx context.Context) (int, error) {
	pods, err := f.Client.CoreV1().Pods("cortex").List(ctx, meta.ListOptions{LabelSelector: zones.Label})
	if err != nil {
		return 0, fmt.Errorf("listing pods: %w", err)
	}
	var down []string
	for i := range pods.Items {
		p := &pods.Items[i]
		if ready(p) {
			continue
		}
		if p.Labels[zones.Label] != "a" || p.Annotations[fake.Crash] == "" {
			return 0, fmt.Errorf("%s of zone %s is not ready", p.Name, p.Labels[zones.Label])
		}
		down = append(down, p.Name)
	}
	if len(down) == 0 {
		return 0, errors.New("no pod crashes")
	}
	return len(down), nil
}

func ready(p *core.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == core.PodReady {
			return c.Status == core.ConditionTrue
		}
	}
	return false
}
