package bed

import (
	"context"
	_ "embed" // the name service's manifests
	"fmt"
	"strings"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
)

//go:embed coredns.yaml
var nameService string

//go:embed agents.yaml
var agents string

// install makes the objects that any cluster has: rights of the bed's agents, the default class of volumes and, where pods
// run, the name service.
func install(ctx context.Context, client kubernetes.Interface, s *state) error {
	if _, err := client.StorageV1().StorageClasses().Create(ctx, storageClass(), meta.CreateOptions{}); err != nil {
		return fmt.Errorf("making the storage class: %w", err)
	}
	if err := createAll(ctx, client, agents); err != nil {
		return err
	}
	if s.fakeOnly() {
		return nil
	}
	replace := strings.NewReplacer("@DNS@", s.Plane.DNS().String(), "@OUTSIDE@", strings.Join(append([]string{outside.String()}, s.Hosts...), " "))
	return createAll(ctx, client, replace.Replace(nameService))
}

// createAll makes the objects of a few kinds, unless they are there.
func createAll(ctx context.Context, client kubernetes.Interface, manifests string) error {
	decoder := scheme.Codecs.UniversalDeserializer()
	for _, document := range strings.Split(manifests, "\n---\n") {
		object, _, err := decoder.Decode([]byte(document), nil, nil)
		if err != nil {
			return fmt.Errorf("reading the cluster's own manifests: %w", err)
		}
		switch o := object.(type) {
		case *core.ServiceAccount:
			_, err = client.CoreV1().ServiceAccounts(o.Namespace).Create(ctx, o, meta.CreateOptions{})
		case *rbac.ClusterRole:
			_, err = client.RbacV1().ClusterRoles().Create(ctx, o, meta.CreateOptions{})
		case *rbac.ClusterRoleBinding:
			_, err = client.RbacV1().ClusterRoleBindings().Create(ctx, o, meta.CreateOptions{})
		case *core.ConfigMap:
			_, err = client.CoreV1().ConfigMaps(o.Namespace).Create(ctx, o, meta.CreateOptions{})
		case *apps.Deployment:
			_, err = client.AppsV1().Deployments(o.Namespace).Create(ctx, o, meta.CreateOptions{})
		case *core.Service:
			_, err = client.CoreV1().Services(o.Namespace).Create(ctx, o, meta.CreateOptions{})
		}
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("making the cluster's own objects: %w", err)
		}
	}
	return nil
}

// await polls until done answers nil. Its last error is in the answer when ctx ends first.
func await(ctx context.Context, what string, done func(ctx context.Context) error) error {
	const pause = 100 * time.Millisecond
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := done(attempt)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w (last: %w)", what, ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

func apiReady(client kubernetes.Interface) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error(); err != nil {
			return fmt.Errorf("asking the API server: %w", err)
		}
		return nil
	}
}

func nodesReady(client kubernetes.Interface, names []string) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, name := range names {
			n, err := client.CoreV1().Nodes().Get(ctx, name, meta.GetOptions{})
			if err != nil {
				return fmt.Errorf("looking at node %s: %w", name, err)
			}
			if !ready(n) {
				return fmt.Errorf("node %s is not ready", name)
			}
		}
		return nil
	}
}

func ready(n *core.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == core.NodeReady {
			return c.Status == core.ConditionTrue
		}
	}
	return false
}

func nameServiceReady(client kubernetes.Interface) func(context.Context) error {
	return func(ctx context.Context) error {
		d, err := client.AppsV1().Deployments(meta.NamespaceSystem).Get(ctx, "coredns", meta.GetOptions{})
		if err != nil {
			return fmt.Errorf("looking at the name service: %w", err)
		}
		if d.Status.AvailableReplicas == 0 {
			return fmt.Errorf("the name service has no available pod")
		}
		return nil
	}
}
