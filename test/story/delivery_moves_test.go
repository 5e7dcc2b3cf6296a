package story

import (
	"context"
	"fmt"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opsgen/opsgen/test/flux"
)

// movesLayer moves the object storage and Loki to another layer under load, as a fork does that sorts its components in
// another way, and back again. Other Kustomizations apply them then; what they hold must not notice.
func (l *life) movesLayer(ctx context.Context) (string, error) {
	before, err := l.identities(ctx)
	if err != nil {
		return "", err
	}
	for _, edit := range [][3]string{
		{"object-store", "\nlayer: platform\n", "\nlayer: controllers\n"},
		{"loki", "\nlayer: platform\n", "\nlayer: controllers\n"},
		{"cortex", "\nrequires: [object-store]\n", "\n"},
	} {
		if err := l.Fork.Edit("bases/"+edit[0]+"/component.yaml", edit[1], edit[2]); err != nil {
			return "", err
		}
	}
	if _, err := l.Fork.Run(ctx, "diff", "--exit-code", "HEAD", l.Cluster); err != nil {
		return "", fmt.Errorf("a move of layers is a danger: %w", err)
	}
	p := l.startLoad(ctx, "delivery_moves")
	if err := l.Publish(ctx, "Move what stores to the layer of controllers"); err != nil {
		return "", err
	}
	if err := l.appliedBy(ctx, before, "controllers"); err != nil {
		return "", err
	}
	if err := l.back(ctx); err != nil {
		return "", err
	}
	if err := l.appliedBy(ctx, before, "platform"); err != nil {
		return "", err
	}
	text, err := p.stop(ctx)
	return "there and back: " + text, err
}

// appliedBy says that Kustomizations of a layer apply the object storage and Loki, and no others, and that these are the
// same as before.
func (l *life) appliedBy(ctx context.Context, before map[string]string, layer string) error {
	for _, component := range []string{"object-store", "loki"} {
		set, err := l.Client.AppsV1().StatefulSets(component).Get(ctx, component, meta.GetOptions{})
		if err != nil {
			return fmt.Errorf("looking at %s: %w", component, err)
		}
		if by := set.Labels["kustomize.toolkit.fluxcd.io/name"]; by != layer+"-"+component {
			return fmt.Errorf("%s is applied by %s", component, by)
		}
	}
	return poll(ctx, func() error {
		after, err := l.identities(ctx)
		if err != nil {
			return err
		}
		for _, component := range []string{"object-store", "loki"} {
			in := " in " + component
			for _, name := range []string{
				"StatefulSet/" + component + in, "Pod/" + component + "-0" + in, "PersistentVolumeClaim/data-" + component + "-0" + in,
				"Service/" + component + in, "ServiceAccount/" + component + in, "Namespace/" + component,
			} {
				if before[name] == "" || after[name] != before[name] {
					return fmt.Errorf("%s was %q and is %q", name, before[name], after[name])
				}
			}
		}
		all, err := flux.Units(ctx, l.Dynamic)
		if err != nil {
			return err
		}
		for _, u := range all {
			for _, component := range []string{"object-store", "loki"} {
				if u.Layer != layer && u.Name == u.Layer+"-"+component {
					return fmt.Errorf("%s is still there", u.Name)
				}
			}
		}
		return nil
	})
}
