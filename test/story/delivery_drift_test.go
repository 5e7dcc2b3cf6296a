package story

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/opsgen/opsgen/test/flux"
)

// byHand is what a person changes of one object of each kind. A rendered kind without a row fails the story.
var byHand = map[string]string{
	"Certificate":                      `{"spec":{"revisionHistoryLimit":7}}`,
	"ClusterIssuer":                    `{"spec":{"ca":{"secretName":"elsewhere"}}}`,
	"ClusterRole":                      `{"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}`,
	"ClusterRoleBinding":               `{"subjects":[{"kind":"User","name":"mallory","apiGroup":"rbac.authorization.k8s.io"}]}`,
	"ConfigMap":                        `{"data":null}`,
	"CustomResourceDefinition":         `{"spec":{"names":{"shortNames":["drifted"]}}}`,
	"Deployment":                       `{"spec":{"revisionHistoryLimit":9}}`,
	"GitRepository":                    `{"spec":{"interval":"7m"}}`,
	"Kustomization":                    `{"spec":{"interval":"17m"}}`,
	"MutatingWebhookConfiguration":     `{"webhooks":null}`,
	"Namespace":                        `{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}`,
	"NetworkPolicy":                    `{"spec":{"ingress":[{}]}}`,
	"PodDisruptionBudget":              `{"spec":{"maxUnavailable":"100%"}}`,
	"Role":                             `{"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}`,
	"RoleBinding":                      `{"subjects":[{"kind":"User","name":"mallory","apiGroup":"rbac.authorization.k8s.io"}]}`,
	"Service":                          `{"spec":{"selector":{"app.kubernetes.io/name":"elsewhere"}}}`,
	"ServiceAccount":                   `{"automountServiceAccountToken":true}`,
	"StatefulSet":                      `{"spec":{"revisionHistoryLimit":9}}`,
	"ValidatingAdmissionPolicy":        `{"spec":{"failurePolicy":"Ignore"}}`,
	"ValidatingAdmissionPolicyBinding": `{"spec":{"validationActions":["Audit"]}}`,
	"ValidatingWebhookConfiguration":   `{"webhooks":null}`,
}

// changedByHand changes one object of each kind as `kubectl edit` does, and waits until each is as it was.
func (l *life) changedByHand(ctx context.Context) (string, error) {
	objects, err := l.Rendered()
	if err != nil {
		return "", err
	}
	first := map[string]Object{}
	for _, o := range objects {
		if _, seen := first[o.GetKind()]; !seen {
			first[o.GetKind()] = o
		}
	}
	chosen := slices.Collect(maps.Values(first))
	before, err := l.Live(ctx, chosen)
	if err != nil {
		return "", err
	}
	client := l.resources()
	units := map[string]bool{}
	for _, o := range chosen {
		patch, known := byHand[o.GetKind()]
		if !known {
			return "", fmt.Errorf("%s: no row of byHand says how to change one", o)
		}
		resource, err := client(o)
		if err != nil {
			return "", err
		}
		changed, err := resource.Patch(ctx, o.GetName(), types.MergePatchType, []byte(patch), meta.PatchOptions{FieldManager: "kubectl-edit"})
		if err != nil {
			return "", fmt.Errorf("changing %s: %w", o, err)
		}
		if was := before[o.String()]; was == nil || reflect.DeepEqual(content(changed), content(was)) {
			return "", fmt.Errorf("%s: %s changed nothing", o, patch)
		}
		units[o.Unit()] = true
	}
	if err := flux.Reconcile(ctx, l.Dynamic, slices.Sorted(maps.Keys(units))...); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d objects of as many kinds are as they were", len(chosen)), poll(ctx, func() error {
		return l.asBefore(ctx, chosen, before)
	})
}

func (l *life) asBefore(ctx context.Context, objects []Object, before map[string]*unstructured.Unstructured) error {
	after, err := l.Live(ctx, objects)
	if err != nil {
		return err
	}
	var problems []error
	for _, o := range objects {
		is := after[o.String()]
		if is == nil || !reflect.DeepEqual(content(is), content(before[o.String()])) {
			problems = append(problems, fmt.Errorf("%s is not as it was", o))
		}
	}
	return errors.Join(problems...)
}

// content is an object without what the API server and controllers keep of it.
func content(o *unstructured.Unstructured) map[string]any {
	c := o.DeepCopy()
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp"} {
		unstructured.RemoveNestedField(c.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(c.Object, "metadata", "annotations", "reconcile.fluxcd.io/requestedAt")
	unstructured.RemoveNestedField(c.Object, "status")
	return c.Object
}

// fluxDrift deletes what Flux itself is made of: the Kustomization of a component with data, whose pods must not notice,
// that of a component without, which comes anew, and that of a shard of tenants.
func (l *life) fluxDrift(ctx context.Context) (string, error) {
	before, err := l.identities(ctx)
	if err != nil {
		return "", err
	}
	client, err := l.resource("kustomize.toolkit.fluxcd.io/v1", "kustomizations")
	if err != nil {
		return "", err
	}
	for _, name := range []string{"platform-cortex", "platform-syncer", "tenants-d"} {
		if err := client.Namespace(flux.Namespace).Delete(ctx, name, meta.DeleteOptions{}); err != nil {
			return "", fmt.Errorf("deleting %s: %w", name, err)
		}
		if err := poll(ctx, func() error {
			found, err := client.Namespace(flux.Namespace).Get(ctx, name, meta.GetOptions{})
			if err == nil {
				return fmt.Errorf("%s is being deleted since %s", name, found.GetDeletionTimestamp())
			}
			return nil
		}); err != nil {
			return "", err
		}
	}
	if err := flux.Reconcile(ctx, l.Dynamic, "cluster"); err != nil {
		return "", err
	}
	if err := l.await(ctx); err != nil {
		return "", err
	}
	after, err := l.identities(ctx)
	if err != nil {
		return "", err
	}
	for name, same := range map[string]bool{
		"StatefulSet/cortex in cortex": true, "Pod/cortex-0 in cortex": true, "PersistentVolumeClaim/data-cortex-0 in cortex": true,
		"Namespace/tenant-" + team: true, "ServiceAccount/tenant-" + team + " in " + flux.Namespace: true,
		"Deployment/syncer in syncer": false, "Deployment/grafana in tenant-" + team: false,
	} {
		if before[name] == "" || after[name] == "" || (before[name] == after[name]) != same {
			return "", fmt.Errorf("%s was %q and is %q; it was to be the same: %v", name, before[name], after[name], same)
		}
	}
	return "3 Kustomizations came back; Cortex and its volume did not notice", nil
}

// identities are the UIDs of the objects that Flux' own deletion might take.
func (l *life) identities(ctx context.Context) (map[string]string, error) {
	found := map[string]string{}
	for _, kind := range [][2]string{
		{"apps/v1", "statefulsets"},
		{"apps/v1", "deployments"},
		{"v1", "pods"},
		{"v1", "persistentvolumeclaims"},
		{"v1", "namespaces"},
		{"v1", "serviceaccounts"},
		{"v1", "services"},
		{"apiextensions.k8s.io/v1", "customresourcedefinitions"},
	} {
		client, err := l.resource(kind[0], kind[1])
		if err != nil {
			return nil, err
		}
		list, err := client.List(ctx, meta.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", kind[1], err)
		}
		for i := range list.Items {
			o := &list.Items[i]
			if o.GetDeletionTimestamp() == nil {
				found[Object{Unstructured: o}.String()] = string(o.GetUID())
			}
		}
	}
	return found, nil
}
