package story

import (
	"context"
	"fmt"
	"strings"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opsgen/opsgen/test/image"
)

// goesBackUnderLoad goes from this bundle to the release of Loki before it, and forth again, with new pods of Cortex, Loki
// and the proxy each time. What was written before, meanwhile and since must be readable. A way back that loses data is
// refused by opsgen release (the script release-schema.txtar).
func (l *life) goesBackUnderLoad(ctx context.Context) (string, error) {
	before, err := l.podNames(ctx)
	if err != nil {
		return "", err
	}
	if err := l.bundleBefore(); err != nil {
		return "", err
	}
	p := l.startLoad(ctx, "delivery_back")
	if err := poll(ctx, func() error { return p.wrote(0) }); err != nil {
		return "", err
	}
	if err := l.Publish(ctx, "Go back to the bundle before"); err != nil {
		return "", err
	}
	if err := l.replaced(ctx, before); err != nil {
		return "", err
	}
	pod, err := l.Client.CoreV1().Pods("loki").Get(ctx, "loki-0", meta.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("looking at Loki: %w", err)
	}
	if runs := pod.Spec.Containers[0].Image; runs != image.LokiEarlier {
		return "", fmt.Errorf("a rollback to %s runs %s", image.LokiEarlier, runs)
	}
	if before, err = l.podNames(ctx); err != nil {
		return "", err
	}
	at := p.lines.Load()
	if err := poll(ctx, func() error { return p.wrote(at + 10*loadLines) }); err != nil {
		return "", err
	}
	if err := l.back(ctx); err != nil {
		return "", err
	}
	if err := l.replaced(ctx, before); err != nil {
		return "", err
	}
	text, err := p.stop(ctx)
	return "to " + image.LokiEarlier + " and forth: " + text, err
}

// wrote says that more lines than some were acknowledged.
func (p *load) wrote(some int64) error {
	if now := p.lines.Load(); now <= some {
		return fmt.Errorf("%d lines were acknowledged, not more than %d", now, some)
	}
	return nil
}

// bundleBefore is the version of the bundle before this one, as far as there can be one: the proxies of Go's modules have
// no earlier release of Cortex, whose pods are replaced for another reason.
func (l *life) bundleBefore() error {
	const row = "    repository: docker.io/grafana/loki\n    tag: "
	_, tag, _ := strings.Cut(image.LokiEarlier, ":")
	for _, edit := range [][2]string{{"\nversion: 1.0.0\n", "\nversion: 0.99.0\n"}, {row + "3.7.8\n", row + tag + "\n"}} {
		if err := l.Fork.Edit("versions.yaml", edit[0], edit[1]); err != nil {
			return err
		}
	}
	for _, target := range [][3]string{{"cortex", "StatefulSet", "cortex"}, {"proxy", "Deployment", "proxy"}} {
		if err := l.patch(target[0], target[1], target[2], `
- op: replace
  path: /spec/template/spec/containers/0/resources/requests/cpu
  value: 124m`); err != nil {
			return err
		}
	}
	return nil
}
