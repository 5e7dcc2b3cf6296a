package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// addMade adds what Kubernetes makes by itself while the bundle runs: nothing to do on the way up, removed on the way down
// after Flux was told to stop, and before the cluster.
func (i *installer) addMade(spaces engine.Dependency) engine.Dependency {
	if i.Shared {
		volumes := i.addSweep("flux/volumes", "volumes of the bundle", true, i.volumes, spaces)
		return i.addSweep("flux/bundle", "everything that Flux applied", false, i.bundle, volumes, spaces)
	}
	return i.addSweep("flux/made", "load balancers and volumes made by Kubernetes", false, i.made, spaces)
}

// addSweep adds a resource that is a list of objects, which others made.
func (i *installer) addSweep(name, kind string, data bool, list func(context.Context, client.Client) ([]client.Object, error),
	after ...engine.Dependency,
) engine.Dependency {
	return engine.Add(i.graph, engine.Resource[[]client.Object]{
		Name: name, Kind: kind, Data: data, Part: true, Limit: 20 * time.Minute,
		Find: func(ctx context.Context) (engine.State[[]client.Object], error) {
			c, err := i.client(ctx)
			if err != nil {
				return engine.State[[]client.Object]{}, err
			}
			objects, err := list(ctx, c)
			if err != nil || len(objects) == 0 {
				return engine.State[[]client.Object]{}, err
			}
			found := engine.State[[]client.Object]{Condition: engine.Ready, Output: objects, Detail: fmt.Sprintf("%d left", len(objects))}
			if !slices.ContainsFunc(objects, func(o client.Object) bool { return o.GetDeletionTimestamp() == nil }) {
				found.Condition = engine.Deleting
			}
			return found, nil
		},
		Delete: func(ctx context.Context, have engine.State[[]client.Object]) error {
			c, err := i.client(ctx)
			if err != nil {
				return err
			}
			return deleteAll(ctx, c, have.Output)
		},
	}, after...)
}

// deleteAll deletes objects; what is gone already is no error.
func deleteAll(ctx context.Context, c client.Client, objects []client.Object) error {
	for _, o := range objects {
		err := c.Delete(ctx, o, client.PropagationPolicy("Background"))
		if err != nil && !apierrors.IsNotFound(err) && !meta.IsNoMatchError(err) {
			return fmt.Errorf("delete %s %s/%s: %w", o.GetObjectKind().GroupVersionKind().Kind, o.GetNamespace(), o.GetName(), err)
		}
	}
	return nil
}

// made are Services with a load balancer and claims, of the whole cluster: it is ours and goes. What holds the claims goes
// first.
func (i *installer) made(ctx context.Context, c client.Client) ([]client.Object, error) {
	var services corev1.ServiceList
	if err := c.List(ctx, &services); err != nil {
		return nil, fmt.Errorf("list Services: %w", err)
	}
	var objects []client.Object
	for n := range services.Items {
		if services.Items[n].Spec.Type == corev1.ServiceTypeLoadBalancer {
			objects = append(objects, &services.Items[n])
		}
	}
	volumes, err := i.claims(ctx, c, "")
	return append(objects, volumes...), err
}

// volumes are the claims in the bundle's namespaces.
func (i *installer) volumes(ctx context.Context, c client.Client) ([]client.Object, error) {
	spaces, err := ourNamespaces(ctx, c)
	if err != nil {
		return nil, err
	}
	var all []client.Object
	for _, space := range spaces {
		found, err := i.claims(ctx, c, space)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// claims are the claims in a namespace, or in all, with the stateful sets that hold them before them.
func (i *installer) claims(ctx context.Context, c client.Client, namespace string) ([]client.Object, error) {
	var claims corev1.PersistentVolumeClaimList
	var sets appsv1.StatefulSetList
	err := errors.Join(c.List(ctx, &claims, client.InNamespace(namespace)), c.List(ctx, &sets, client.InNamespace(namespace)))
	if err != nil {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	if len(claims.Items) == 0 {
		return nil, nil
	}
	var objects []client.Object
	for n := range sets.Items {
		objects = append(objects, &sets.Items[n])
	}
	for n := range claims.Items {
		objects = append(objects, &claims.Items[n])
	}
	return objects, nil
}

func ourNamespaces(ctx context.Context, c client.Client) ([]string, error) {
	var spaces corev1.NamespaceList
	if err := c.List(ctx, &spaces, client.MatchingLabels{labelPartOf: partOf}); err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	var names []string
	for _, space := range spaces.Items {
		names = append(names, space.Name)
	}
	return names, nil
}

// bundle are all rendered objects that are there and ours, last layer first, but for namespaces and what bootstrap applied
// itself, which are resources of their own.
func (i *installer) bundle(ctx context.Context, c client.Client) ([]client.Object, error) {
	folders, err := i.Tree.folders()
	if err != nil {
		return nil, err
	}
	slices.Reverse(folders)
	var objects []client.Object
	for _, folder := range folders {
		if folder == namespaces || folder == definitions || folder == controllers {
			continue
		}
		wanted, err := i.Tree.Objects(folder)
		if err != nil {
			return nil, err
		}
		for _, o := range wanted {
			if o.GetKind() == "Namespace" {
				continue
			}
			live, err := get(ctx, c, o)
			if err != nil {
				return nil, err
			}
			if live != nil && live.GetLabels()[labelPartOf] == partOf {
				objects = append(objects, live)
			}
		}
	}
	return objects, nil
}

// remove deletes the unit's objects, last first.
func (u *unit) remove(ctx context.Context, _ engine.State[none]) error {
	c, err := u.client(ctx)
	if err != nil {
		return err
	}
	var objects []client.Object
	for n := len(u.objects) - 1; n >= 0; n-- {
		live, err := get(ctx, c, u.objects[n])
		if err != nil {
			return err
		}
		if live != nil && foreign(live) == nil {
			objects = append(objects, live)
		}
	}
	if err := deleteAll(ctx, c, objects); err != nil || u.name != "flux/namespaces" {
		return err
	}
	// Namespaces of tenants were made by Flux.
	spaces, err := ourNamespaces(ctx, c)
	if err != nil {
		return err
	}
	for _, name := range spaces {
		space := &corev1.Namespace{}
		space.Name = name
		if err := deleteAll(ctx, c, []client.Object{space}); err != nil {
			return err
		}
	}
	return nil
}

// release makes Flux let go: its Kustomizations are suspended, so that their deletion deletes nothing, their finalizers
// are taken away, so that it does not need Flux either, and then they are deleted.
func (u *unit) release(ctx context.Context, _ engine.State[none]) error {
	c, err := u.client(ctx)
	if err != nil {
		return err
	}
	suspend, err := json.Marshal(map[string]any{"metadata": map[string]any{"finalizers": nil}, "spec": map[string]any{"suspend": true}})
	if err != nil {
		return err
	}
	for _, kind := range []string{"Kustomization", "GitRepository"} {
		list := &unstructured.UnstructuredList{}
		list.SetKind(kind + "List")
		list.SetAPIVersion(map[string]string{"Kustomization": "kustomize.toolkit.fluxcd.io/v1", "GitRepository": "source.toolkit.fluxcd.io/v1"}[kind])
		if err := c.List(ctx, list, client.InNamespace(fluxNamespace), client.MatchingLabels{labelPartOf: partOf}); err != nil {
			return fmt.Errorf("list %ss: %w", kind, err)
		}
		for n := range list.Items {
			o := &list.Items[n]
			if err := c.Patch(ctx, o, client.RawPatch(types.MergePatchType, suspend)); client.IgnoreNotFound(err) != nil {
				return fmt.Errorf("suspend %s %s: %w", kind, o.GetName(), err)
			}
		}
		for n := range list.Items {
			if err := deleteAll(ctx, c, []client.Object{&list.Items[n]}); err != nil {
				return err
			}
		}
	}
	return u.remove(ctx, engine.State[none]{})
}
