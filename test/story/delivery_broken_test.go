package story

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/opsgen/opsgen/test/flux"
	"github.com/opsgen/opsgen/test/frontdoor"
)

// missingImage releases an image that nobody has. Flux cannot tell it from one that is slow to come, so it waits: the mend
// must not.
func (l *life) missingImage(ctx context.Context) (string, error) {
	const row = "    repository: docker.io/grafana/loki\n    tag: "
	if err := l.Fork.Edit("versions.yaml", row+"3.7.8\n", row+"3.7.88\n"); err != nil {
		return "", err
	}
	if err := l.attempt(ctx, "Upgrade Loki to a version that there is not"); err != nil {
		return "", err
	}
	stopped, err := l.stopsAt(ctx, "platform-loki", `Running health checks for revision main@sha1:`+l.Commit)
	if err != nil {
		return "", err
	}
	if err := l.awaitWaiting(ctx, "loki", "loki-0", "ErrImagePull", "ImagePullBackOff"); err != nil {
		return "", err
	}
	if err := l.writeSample(ctx); err != nil {
		return "", fmt.Errorf("writing metrics while Loki cannot start: %w", err)
	}
	bad, began := l.Commit, time.Now()
	if err := l.back(ctx); err != nil {
		return "", err
	}
	if err := l.notWaitedFor(ctx, "platform-loki", bad); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d units waited; mended in %.0f s", stopped, time.Since(began).Seconds()), l.writeLine(ctx)
}

// crashLoop releases a stateful set whose pod ends as soon as it starts. A set with ordered pods would stay on it after it
// was mended (kubernetes/kubernetes#67250).
func (l *life) crashLoop(ctx context.Context) (string, error) {
	if err := l.patch("cortex", "StatefulSet", "cortex", `
- op: add
  path: /spec/template/spec/containers/0/args/-
  value: -no-such-flag`); err != nil {
		return "", err
	}
	if err := l.attempt(ctx, "Give Cortex a flag that it does not know"); err != nil {
		return "", err
	}
	stopped, err := l.stopsAt(ctx, "platform-cortex", `StatefulSet/cortex/cortex status: 'Failed'`)
	if err != nil {
		return "", err
	}
	if err := l.awaitWaiting(ctx, "cortex", "cortex-0", "CrashLoopBackOff"); err != nil {
		return "", err
	}
	if err := l.writeLine(ctx); err != nil {
		return "", fmt.Errorf("writing logs while Cortex cannot start: %w", err)
	}
	began := time.Now()
	if err := l.back(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d units waited; mended in %.0f s", stopped, time.Since(began).Seconds()), l.writeSample(ctx)
}

// invalidResource pushes what opsgen would have refused: an object that the API server refuses, written by hand.
func (l *life) invalidResource(ctx context.Context) (string, error) {
	name := "clusters/" + l.Cluster + "/rendered/config/proxy/certificate-proxy-signing.yaml"
	if err := l.Fork.Edit(name, "\n  revisionHistoryLimit: 2\n", "\n  revisionHistoryLimit: many\n"); err != nil {
		return "", err
	}
	if err := l.push(ctx, "Write a certificate by hand"); err != nil {
		return "", err
	}
	stopped, err := l.stopsAt(ctx, "config-proxy", `Certificate/proxy/proxy-signing .*revisionHistoryLimit`)
	if err != nil {
		return "", err
	}
	if err := errors.Join(l.writeSample(ctx), l.writeLine(ctx)); err != nil {
		return "", err
	}
	began := time.Now()
	if err := l.back(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d units waited; mended in %.0f s", stopped, time.Since(began).Seconds()), nil
}

// patch writes a patch of the cluster's own for one object of a component.
func (l *life) patch(component, kind, name, operations string) error {
	return l.Fork.Write("clusters/"+l.Cluster+"/patches/"+component+"/kustomization.yaml", fmt.Sprintf(
		"apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- target: {kind: %s, name: %s}\n  patch: |\n    %s\n",
		kind, name, strings.ReplaceAll(strings.TrimSpace(operations), "\n", "\n    ")))
}

// stopsAt waits until the newest commit is ready everywhere but in a unit, whose status must match what says, and in those
// that depend on it, which must still be at what they were at. It answers their number.
func (l *life) stopsAt(ctx context.Context, broken, says string) (int, error) {
	dependents, err := l.dependents(broken)
	if err != nil {
		return 0, err
	}
	pattern := regexp.MustCompile("(?s)" + says)
	return len(dependents), flux.Await(ctx, l.Dynamic, func(all []flux.Unit) error {
		var problems []error
		for _, u := range all {
			var fault string
			switch {
			case u.Name == broken:
				if u.Ready || u.Attempted != l.Commit || !pattern.MatchString(u.Message+"\n"+u.Doing) {
					fault = "is not broken as expected"
				}
			case dependents[u.Name]:
				if u.Revision == l.Commit || u.Reason != "DependencyNotReady" {
					fault = "does not wait"
				}
			case !u.Ready || u.Revision != l.Commit:
				fault = "depends on nothing broken and is not ready"
			}
			if fault != "" {
				problems = append(problems, fmt.Errorf("%s %s: at %.7s, tried %.7s, %s: %s",
					u.Name, fault, u.Revision, u.Attempted, u.Reason, u.Message))
			}
		}
		return errors.Join(problems...)
	})
}

// dependents are the units that wait for one, also through others.
func (l *life) dependents(unit string) (map[string]bool, error) {
	objects, err := l.Rendered()
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for count := -1; count != len(found); {
		count = len(found)
		for _, o := range objects {
			if o.GetKind() != "Kustomization" {
				continue
			}
			list, _, err := unstructured.NestedSlice(o.Object, "spec", "dependsOn")
			if err != nil {
				return nil, fmt.Errorf("%s: %w", o, err)
			}
			for _, d := range list {
				name := fmt.Sprint(d.(map[string]any)["name"]) //nolint:forcetypeassert // It is what opsgen renders.
				if name == unit || found[name] {
					found[o.GetName()] = true
				}
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("nothing depends on %s", unit)
	}
	return found, nil
}

// awaitWaiting waits until a container of a pod waits for one of the reasons.
func (l *life) awaitWaiting(ctx context.Context, namespace, name string, reasons ...string) error {
	return poll(ctx, func() error {
		pod, err := l.Client.CoreV1().Pods(namespace).Get(ctx, name, meta.GetOptions{})
		if err != nil {
			return fmt.Errorf("looking at %s: %w", name, err)
		}
		for _, c := range pod.Status.ContainerStatuses {
			for _, r := range reasons {
				if c.State.Waiting != nil && c.State.Waiting.Reason == r {
					return nil
				}
			}
		}
		return fmt.Errorf("%s waits for %q, not for %s", name, waiting(pod), strings.Join(reasons, " or "))
	})
}

// poll waits until done answers nil. Its last answer is in the error when ctx ends before.
func poll(ctx context.Context, done func() error) error {
	for {
		err := done()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; last: %w", ctx.Err(), err)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// notWaitedFor says that Flux ended a unit's health checks of a commit because another one came, and not because their time
// was over: that would be in the unit's history.
func (l *life) notWaitedFor(ctx context.Context, unit, commit string) error {
	client, err := l.resource("kustomize.toolkit.fluxcd.io/v1", "kustomizations")
	if err != nil {
		return err
	}
	object, err := client.Namespace(flux.Namespace).Get(ctx, unit, meta.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading the history of %s: %w", unit, err)
	}
	history, _, err := unstructured.NestedSlice(object.Object, "status", "history")
	if err != nil || len(history) == 0 {
		return fmt.Errorf("%s has no history: %w", unit, err)
	}
	for _, h := range history {
		if text := fmt.Sprint(h); strings.Contains(text, commit) {
			return fmt.Errorf("the health checks of %s ran to their end: %s", unit, text)
		}
	}
	return nil
}

// writeSample and writeLine write one through the front door, as often as it takes: as an agent does.
func (l *life) writeSample(ctx context.Context) error {
	sample := []frontdoor.Sample{{Labels: [][2]string{{"__name__", "delivery_value"}}, Value: 1, Time: time.Now()}}
	_, err := acknowledged(ctx, func(ctx context.Context) error { return l.Door.WriteMetrics(ctx, l.token, sample) })
	return err
}

func (l *life) writeLine(ctx context.Context) error {
	line := []frontdoor.Line{{Time: time.Now(), Text: "a line"}}
	_, err := acknowledged(ctx, func(ctx context.Context) error {
		return l.Door.WriteLogs(ctx, l.token, map[string]string{"app": "delivery"}, line)
	})
	return err
}
