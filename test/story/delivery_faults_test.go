package story

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opsgen/opsgen/test/flux"
)

// gitAway ends the Git server. What runs goes on and is still put back; the status names the repository; what was pushed
// meanwhile comes by itself when Git does.
func (l *life) gitAway(ctx context.Context) (string, error) {
	if err := l.Bed.StopGit(ctx); err != nil {
		return "", err
	}
	old := l.Commit
	if err := l.setLimit(100007); err != nil {
		return "", err
	}
	if err := l.attempt(ctx, "Allow more while Git is away"); err != nil {
		return "", err
	}
	r, err := flux.Look(ctx, l.Dynamic)
	if err != nil {
		return "", err
	}
	c := r.Conditions["Ready"]
	if c.Status == meta.ConditionTrue || !strings.HasSuffix(r.Revision, old) || !strings.Contains(c.Message, l.Repository) {
		return "", fmt.Errorf("git is away, and the source is at %s, %s: %s", r.Revision, c.Status, c.Message)
	}
	if err := l.goesOnAt(ctx, old); err != nil {
		return "", fmt.Errorf("while Git is away: %w", err)
	}
	if err := l.Bed.StartGit(ctx); err != nil {
		return "", err
	}
	began := time.Now()
	if err := l.await(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("repaired and served meanwhile; at the newest %.0f s after it came back, by itself", time.Since(began).Seconds()), nil
}

// goesOnAt says that the cluster is as a whole at a commit, serves, and puts back what is deleted.
func (l *life) goesOnAt(ctx context.Context, commit string) error {
	services := l.Client.CoreV1().Services("cortex")
	if err := services.Delete(ctx, "ruler", meta.DeleteOptions{}); err != nil {
		return fmt.Errorf("deleting a service: %w", err)
	}
	if err := flux.Reconcile(ctx, l.Dynamic, "platform-cortex"); err != nil {
		return err
	}
	if _, err := services.Get(ctx, "ruler", meta.GetOptions{}); err != nil {
		return fmt.Errorf("what was deleted did not come back: %w", err)
	}
	all, err := flux.Units(ctx, l.Dynamic)
	if err != nil {
		return err
	}
	return errors.Join(flux.ReadyAt(commit, len(all))(all), l.writeSample(ctx), l.writeLine(ctx))
}

// controllerKilled kills the controller that applies when a part of an upgrade is applied.
func (l *life) controllerKilled(ctx context.Context) (string, error) {
	if err := l.setLimit(100008); err != nil {
		return "", err
	}
	if err := l.attempt(ctx, "Allow more while a controller dies"); err != nil {
		return "", err
	}
	at := 0
	if err := flux.Await(ctx, l.Dynamic, func(all []flux.Unit) error {
		at = 0
		for _, u := range all {
			if u.Revision == l.Commit {
				at++
			}
		}
		if at < 5 {
			return fmt.Errorf("%d units are at the new commit", at)
		}
		return nil
	}); err != nil {
		return "", err
	}
	all, err := flux.Units(ctx, l.Dynamic)
	if err != nil {
		return "", err
	}
	if at == len(all) {
		return "", errors.New("the upgrade was over before the controller could be killed")
	}
	pods := l.Client.CoreV1().Pods(flux.Namespace)
	selector := meta.ListOptions{LabelSelector: "app.kubernetes.io/component=kustomize-controller"}
	now := int64(0)
	if err := pods.DeleteCollection(ctx, meta.DeleteOptions{GracePeriodSeconds: &now}, selector); err != nil {
		return "", fmt.Errorf("killing the controller: %w", err)
	}
	return fmt.Sprintf("killed with %d of %d units applied", at, len(all)), l.await(ctx)
}

// planeKilled kills the API server in the middle of an upgrade. It is started again, as a kubelet would.
func (l *life) planeKilled(ctx context.Context) (string, error) {
	if err := l.setLimit(100009); err != nil {
		return "", err
	}
	if err := l.attempt(ctx, "Allow more while the API server dies"); err != nil {
		return "", err
	}
	command, err := l.Bed.Command(ctx, "node-1", "sh", "-c", "kill -KILL $(pidof kube-apiserver)")
	if err != nil {
		return "", err
	}
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("killing the API server: %w: %s", err, out)
	}
	if err := l.await(ctx); err != nil {
		return "", err
	}
	return "killed in the middle of an upgrade", errors.Join(l.writeSample(ctx), l.writeLine(ctx))
}

// nodeKilled takes the power of a node, and adds another one. What has no volume moves there; what has one waits for the
// old node's disk, which comes back with its power.
func (l *life) nodeKilled(ctx context.Context) (string, error) {
	const lost = "node-2"
	bound, free, err := l.podsOn(ctx, lost)
	if err != nil {
		return "", err
	}
	added, err := l.Bed.AddNode(ctx)
	if err != nil {
		return "", err
	}
	if err := l.Bed.KillNode(ctx, lost); err != nil {
		return "", err
	}
	// A cloud's controller deletes the node of a machine that is gone.
	if err := l.Client.CoreV1().Nodes().Delete(ctx, lost, meta.DeleteOptions{}); err != nil {
		return "", fmt.Errorf("deleting the node: %w", err)
	}
	if err := poll(ctx, func() error { return l.movedFrom(ctx, lost) }); err != nil {
		return "", err
	}
	if err := l.Bed.StartNode(ctx, lost); err != nil {
		return "", err
	}
	if err := l.setLimit(100010); err != nil {
		return "", err
	}
	if err := l.Publish(ctx, "Allow more after a node came back"); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d pods moved, %d waited for their disk; %s is new", free, bound, added),
		errors.Join(l.writeSample(ctx), l.writeLine(ctx))
}

// podsOn counts a node's pods with and without a volume of it.
func (l *life) podsOn(ctx context.Context, node string) (bound, free int, err error) {
	pods, err := l.Client.CoreV1().Pods("").List(ctx, meta.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return 0, 0, fmt.Errorf("listing pods: %w", err)
	}
	for i := range pods.Items {
		claims := 0
		for _, v := range pods.Items[i].Spec.Volumes {
			if v.PersistentVolumeClaim != nil {
				claims++
			}
		}
		if claims > 0 {
			bound++
		} else {
			free++
		}
	}
	if free == 0 {
		err = fmt.Errorf("nothing on %s could move", node)
	}
	return bound, free, err
}

// movedFrom says that no pod is left on a node, and that every Deployment is ready without it.
func (l *life) movedFrom(ctx context.Context, node string) error {
	pods, err := l.Client.CoreV1().Pods("").List(ctx, meta.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return fmt.Errorf("listing pods: %w", err)
	}
	if len(pods.Items) > 0 {
		return fmt.Errorf("%d pods are still on %s", len(pods.Items), node)
	}
	list, err := l.Client.AppsV1().Deployments("").List(ctx, meta.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing deployments: %w", err)
	}
	var problems []error
	for i := range list.Items {
		if d := &list.Items[i]; d.Status.ReadyReplicas < *d.Spec.Replicas {
			problems = append(problems, fmt.Errorf("%s/%s is not ready", d.Namespace, d.Name))
		}
	}
	return errors.Join(problems...)
}
