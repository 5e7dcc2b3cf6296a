package install

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// manager is the name under which fields are owned: kustomize-controller's own. So a field that leaves Git later is
// removed by Flux; under another name, bootstrap would hold on to it for ever.
const manager = "kustomize-controller"

// labelPartOf marks every object of the bundle; the renderer writes it.
const (
	labelPartOf = "app.kubernetes.io/part-of"
	partOf      = "opsgen"
)

// unit is one rendered folder that is applied from here.
type unit struct {
	*installer
	name    string
	objects []*unstructured.Unstructured
}

// none is the output of resources that give nothing.
type none struct{}

func (i *installer) addUnit(name, kind, folder string, expected time.Duration, after ...engine.Dependency) (engine.Dependency, error) {
	objects, err := i.Tree.Objects(folder)
	if err != nil {
		return nil, err
	}
	u := &unit{installer: i, name: name, objects: objects}
	resource := engine.Resource[none]{
		Name: name, Kind: kind, Expected: expected,
		Find: u.find, Create: u.apply,
		Reconcile: func(ctx context.Context, _ engine.State[none]) error { return u.apply(ctx) },
	}
	if i.Shared {
		resource.Delete = u.remove
	}
	if name == "flux/sync" {
		resource.Delete = u.release
	}
	return engine.Add(i.graph, resource, after...), nil
}

// find looks at every object: whether it is there and ours, as it should be, and ready.
func (u *unit) find(ctx context.Context) (engine.State[none], error) {
	found := engine.State[none]{}
	c, err := u.client(ctx)
	if err != nil {
		return found, err
	}
	fluxDecides, err := fluxHasApplied(ctx, c)
	if err != nil {
		return found, err
	}
	there, differ, waiting, theirs := 0, 0, "", ""
	for _, wanted := range u.objects {
		live, err := get(ctx, c, wanted)
		if err != nil {
			return found, err
		}
		if live == nil {
			continue
		}
		there++
		if err := foreign(live); err != nil {
			theirs = err.Error()
			continue
		}
		if waiting == "" {
			waiting = notReady(live)
		}
		if same, err := u.same(ctx, c, wanted, live, fluxDecides); err != nil {
			return found, err
		} else if !same {
			differ++
		}
	}
	if waiting != "" {
		trouble, err := podTrouble(ctx, c, []string{fluxNamespace})
		if err != nil {
			return found, err
		}
		if trouble != "" {
			waiting = trouble
		}
	}
	found = u.state(there, differ, waiting)
	if theirs != "" {
		found.Tags, found.Detail = nil, theirs
	}
	return found, nil
}

func (u *unit) state(there, differ int, waiting string) engine.State[none] {
	found := engine.State[none]{Condition: engine.Ready, Tags: u.graph.Tags(u.name)}
	switch {
	case there == 0:
		found.Condition = engine.Absent
	case there < len(u.objects):
		found.Drift = []engine.Change{{Field: "objects", Have: fmt.Sprint(there), Want: fmt.Sprint(len(u.objects))}}
	case differ > 0:
		found.Drift = []engine.Change{{Field: "objects", Have: fmt.Sprintf("%d differ", differ), Want: "as rendered"}}
	case waiting != "":
		found.Condition, found.Detail = engine.Pending, waiting
	}
	return found
}

// same asks the API server what applying would give. Once Flux decides, only the Git source is looked at: without it,
// Flux could not learn of a new address.
func (u *unit) same(ctx context.Context, c client.Client, wanted, live *unstructured.Unstructured, fluxDecides bool) (bool, error) {
	if fluxDecides && !evenThen(wanted) {
		return true, nil
	}
	tried := wanted.DeepCopy()
	err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(tried), client.FieldOwner(manager), client.ForceOwnership, client.DryRunAll)
	if err != nil {
		return false, fmt.Errorf("compare %s %s: %w", wanted.GetKind(), wanted.GetName(), err)
	}
	if fluxDecides { // it has added labels of its own
		return equality.Semantic.DeepEqual(tried.Object["spec"], live.Object["spec"]), nil
	}
	return equality.Semantic.DeepEqual(withoutBookkeeping(tried), withoutBookkeeping(live)), nil
}

// evenThen says whether bootstrap changes an object even when Flux decides.
func evenThen(o *unstructured.Unstructured) bool { return o.GetKind() == "GitRepository" }

// withoutBookkeeping leaves out what the API server writes for itself.
func withoutBookkeeping(o *unstructured.Unstructured) map[string]any {
	o = o.DeepCopy()
	unstructured.RemoveNestedField(o.Object, "status")
	for _, field := range []string{"managedFields", "resourceVersion", "generation"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	return o.Object
}

// apply applies every object, as Flux will. Once Flux decides, it is only what is missing, and the Git source.
func (u *unit) apply(ctx context.Context) error {
	c, err := u.client(ctx)
	if err != nil {
		return err
	}
	fluxDecides, err := fluxHasApplied(ctx, c)
	if err != nil {
		return err
	}
	for _, wanted := range u.objects {
		live, err := get(ctx, c, wanted)
		if err != nil {
			return err
		}
		if live != nil && fluxDecides && !evenThen(wanted) {
			continue
		}
		if live != nil {
			// Applying takes fields over from whoever has them, so that nothing foreign may be among them.
			if err := foreign(live); err != nil {
				return err
			}
		}
		err = c.Apply(ctx, client.ApplyConfigurationFromUnstructured(wanted.DeepCopy()), client.FieldOwner(manager), client.ForceOwnership)
		if err != nil {
			return fmt.Errorf("apply %s %s: %w", wanted.GetKind(), wanted.GetName(), err)
		}
	}
	return nil
}

// get reads an object as it is in the cluster; nil when it is not there, or when its kind is not.
func get(ctx context.Context, c client.Client, wanted *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(wanted.GroupVersionKind())
	err := c.Get(ctx, client.ObjectKeyFromObject(wanted), live)
	switch {
	case err == nil:
		return live, nil
	case apierrors.IsNotFound(err), meta.IsNoMatchError(err):
		return nil, nil
	}
	return nil, fmt.Errorf("read %s %s: %w", wanted.GetKind(), wanted.GetName(), err)
}

// foreign refuses what belongs to the whole cluster and was made by somebody else. What is in a namespace belongs to whom
// the namespace belongs.
func foreign(live *unstructured.Unstructured) error {
	if live.GetNamespace() == "" && live.GetLabels()[labelPartOf] != partOf {
		return &ForeignError{Object: live.GetKind() + " " + live.GetName()}
	}
	return nil
}

// fluxHasApplied says whether Flux has applied the cluster's folder from Git at least once.
func fluxHasApplied(ctx context.Context, c client.Client) (bool, error) {
	k := kustomization(root)
	live, err := get(ctx, c, k)
	if err != nil || live == nil {
		return false, err
	}
	revision, _, err := unstructured.NestedString(live.Object, "status", "lastAppliedRevision")
	return revision != "", err
}

func kustomization(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
		"metadata": map[string]any{"name": name, "namespace": fluxNamespace},
	}}
}

// notReady says what an object waits for; empty when it is ready, or never waits.
func notReady(o *unstructured.Unstructured) string {
	switch o.GetKind() {
	case "CustomResourceDefinition":
		if condition(o, "Established") != "True" {
			return o.GetName() + " is not established"
		}
	case "Deployment":
		wanted, found, err := unstructured.NestedInt64(o.Object, "spec", "replicas")
		if err != nil || !found {
			wanted = 1
		}
		ready, _, errReady := unstructured.NestedInt64(o.Object, "status", "updatedReplicas")
		available, _, errAvailable := unstructured.NestedInt64(o.Object, "status", "availableReplicas")
		if errors.Join(errReady, errAvailable) != nil || ready < wanted || available < wanted {
			return fmt.Sprintf("%s: %d of %d pods are ready", o.GetName(), min(ready, available), wanted)
		}
	}
	return ""
}

// condition is the status of one of an object's conditions; empty when it has none.
func condition(o *unstructured.Unstructured, kind string) string {
	status, _ := conditionOf(o, kind)
	return status
}

// conditionOf is the status and the message of one of an object's conditions.
func conditionOf(o *unstructured.Unstructured, kind string) (status, message string) {
	list, _, err := unstructured.NestedSlice(o.Object, "status", "conditions")
	if err != nil {
		return "", ""
	}
	for _, entry := range list {
		c, ok := entry.(map[string]any)
		if !ok || c["type"] != kind {
			continue
		}
		return fmt.Sprint(c["status"]), fmt.Sprint(c["message"])
	}
	return "", ""
}
