package story

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opsgen/opsgen/test/flux"
)

// autoscaled leaves the number of proxies to an autoscaler, as docs/sizing.md says. Flux must neither put the number back
// nor take it away in passing: a front door that goes down to one pod for a moment is an outage.
func (l *life) autoscaled(ctx context.Context) (string, error) {
	name := "clusters/" + l.Cluster + "/cluster.yaml"
	before, err := os.ReadFile(filepath.Join(l.Fork.Dir, name))
	if err != nil {
		return "", err
	}
	write := func(workload string) error {
		return l.Fork.Write(name, string(before)+"\ncomponents: {proxy: {workloads: {proxy: "+workload+"}}}\n")
	}
	if err := write("{replicas: 2, maxReplicas: 3}"); err != nil {
		return "", err
	}
	if err := l.Publish(ctx, "Leave the number of proxies to an autoscaler"); err != nil {
		return "", err
	}
	if err := l.byAutoscaler(ctx, 2); err != nil {
		return "", err
	}
	// The bed measures no CPU, so that this autoscaler decides on the least only; the most is its hand here.
	seen, end, err := l.watchProxies(ctx)
	if err != nil {
		return "", err
	}
	defer end()
	if _, err := l.Client.AppsV1().Deployments("proxy").UpdateScale(ctx, "proxy", &autoscaling.Scale{
		ObjectMeta: meta.ObjectMeta{Name: "proxy", Namespace: "proxy"}, Spec: autoscaling.ScaleSpec{Replicas: 3},
	}, meta.UpdateOptions{FieldManager: "autoscaler"}); err != nil {
		return "", fmt.Errorf("scaling as an autoscaler does: %w", err)
	}
	if err := flux.Reconcile(ctx, l.Dynamic, "platform-proxy"); err != nil {
		return "", err
	}
	// A change of the same object, which Flux must write.
	if err := write("{replicas: 2, maxReplicas: 3, cpu: 111m}"); err != nil {
		return "", err
	}
	if err := l.Publish(ctx, "Ask for a little more"); err != nil {
		return "", err
	}
	if err := l.proxies(ctx, 3); err != nil {
		return "", err
	}
	if least := seen(); least < 2 {
		return "", fmt.Errorf("there were %d proxies in between", least)
	}
	if err := l.Fork.Write(name, string(before)); err != nil {
		return "", err
	}
	if err := l.Publish(ctx, "Take the number of proxies back"); err != nil {
		return "", err
	}
	_, err = l.Client.AutoscalingV2().HorizontalPodAutoscalers("proxy").Get(ctx, "proxy", meta.GetOptions{})
	if !apierrors.IsNotFound(err) {
		return "", errors.Join(errors.New("the autoscaler is still there"), err)
	}
	return "1 to 2 by the autoscaler, 3 kept through drift and a change, 1 as in Git without it", l.proxies(ctx, 1)
}

// byAutoscaler waits until the autoscaler has set the number of proxies, and they are ready.
func (l *life) byAutoscaler(ctx context.Context, count int32) error {
	return poll(ctx, func() error {
		d, err := l.Client.AppsV1().Deployments("proxy").Get(ctx, "proxy", meta.GetOptions{})
		if err != nil {
			return fmt.Errorf("looking at the proxies: %w", err)
		}
		for _, m := range d.ManagedFields {
			if m.Subresource == "scale" && *d.Spec.Replicas == count && d.Status.ReadyReplicas == count {
				return nil
			}
		}
		return fmt.Errorf("%d of %d proxies are ready, and the autoscaler is to make %d", d.Status.ReadyReplicas, *d.Spec.Replicas, count)
	})
}

// proxies says how many proxies there are to be.
func (l *life) proxies(ctx context.Context, count int32) error {
	d, err := l.Client.AppsV1().Deployments("proxy").Get(ctx, "proxy", meta.GetOptions{})
	if err == nil && *d.Spec.Replicas != count {
		err = fmt.Errorf("there are to be %d proxies, not %d", *d.Spec.Replicas, count)
	}
	return err
}

// watchProxies answers the least number of proxies that anybody asked for since.
func (l *life) watchProxies(ctx context.Context) (least func() int32, end func(), err error) {
	watch, err := l.Client.AppsV1().Deployments("proxy").Watch(ctx, meta.ListOptions{FieldSelector: "metadata.name=proxy"})
	if err != nil {
		return nil, nil, fmt.Errorf("watching the proxies: %w", err)
	}
	var mu sync.Mutex
	smallest := int32(1 << 20)
	go func() {
		for event := range watch.ResultChan() {
			if d, ok := event.Object.(*apps.Deployment); ok {
				mu.Lock()
				smallest = min(smallest, *d.Spec.Replicas)
				mu.Unlock()
			}
		}
	}()
	return func() int32 {
		mu.Lock()
		defer mu.Unlock()
		return smallest
	}, watch.Stop, nil
}
