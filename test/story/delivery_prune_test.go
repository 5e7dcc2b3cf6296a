package story

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// leavesGit takes one object of each kind out of Git that Flux must treat in its own way, and brings them back.
func (l *life) leavesGit(ctx context.Context) (string, error) {
	p := l.startLoad(ctx, "delivery_prune")
	if text, err := p.stop(ctx); err != nil {
		return text, err
	}
	before, err := l.identities(ctx)
	if err != nil {
		return "", err
	}
	for _, file := range []string{
		"platform/loki/statefulset-loki.yaml", "platform/loki/service-ruler.yaml", "crds/namespaces/namespace-loki.yaml",
		"crds/flux/customresourcedefinition-buckets.source.toolkit.fluxcd.io.yaml",
	} {
		if err := l.leave(file); err != nil {
			return "", err
		}
	}
	if err := l.push(ctx, "Take things out of Git"); err != nil {
		return "", err
	}
	if err := l.await(ctx); err != nil {
		return "", err
	}
	if err := poll(ctx, func() error {
		after, err := l.identities(ctx)
		if err != nil {
			return err
		}
		for name, stays := range map[string]bool{
			"StatefulSet/loki in loki": false, "Pod/loki-0 in loki": false, "Service/ruler in loki": false, "Namespace/loki": true,
			"PersistentVolumeClaim/data-loki-0 in loki":                 true,
			"CustomResourceDefinition/buckets.source.toolkit.fluxcd.io": true,
		} {
			if before[name] == "" || (after[name] == before[name]) != stays {
				return fmt.Errorf("%s was %q and is %q; it was to stay: %v", name, before[name], after[name], stays)
			}
		}
		return nil
	}); err != nil {
		return "", err
	}
	if err := l.back(ctx); err != nil {
		return "", err
	}
	err = poll(ctx, func() error {
		lines, err := l.Door.CountLogs(ctx, l.token, `sum(count_over_time({app="delivery_prune"}[1h]))`, time.Now())
		if err == nil && int64(lines) != p.lines.Load() {
			err = fmt.Errorf("%v lines are there again, of %d", lines, p.lines.Load())
		}
		return err
	})
	return fmt.Sprintf("set and service went; namespace, claim and definition stayed, and %d lines", p.lines.Load()), err
}

// leave takes a rendered file out of the folder that Flux builds.
func (l *life) leave(file string) error {
	folder := "clusters/" + l.Cluster + "/rendered/" + filepath.Dir(file)
	if err := l.Fork.Edit(folder+"/kustomization.yaml", "- "+filepath.Base(file)+"\n", ""); err != nil {
		return err
	}
	return os.Remove(filepath.Join(l.Fork.Dir, folder, filepath.Base(file)))
}
