package existing

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/install"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/identity"
)

// searched are the kinds that could be left: what belongs to the whole cluster, and volumes.
func searched() []schema.GroupVersionKind {
	return []schema.GroupVersionKind{
		{Version: "v1", Kind: "Namespace"},
		{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRoleBinding"},
		{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingWebhookConfiguration"},
		{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "MutatingWebhookConfiguration"},
		{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingAdmissionPolicy"},
		{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingAdmissionPolicyBinding"},
	}
}

// Leftovers implements provider.Provider.
func (e *existing) Leftovers(ctx context.Context) ([]provider.Leftover, error) {
	c, err := install.Client(e.config)
	if err != nil {
		return nil, err
	}
	var left []provider.Leftover
	for _, kind := range searched() {
		var list metav1.PartialObjectMetadataList
		list.SetGroupVersionKind(kind)
		err := c.List(ctx, &list, client.MatchingLabels{"app.kubernetes.io/part-of": "opsgen"})
		if meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("search for leftovers of kind %s: %w", kind.Kind, err)
		}
		for _, o := range list.Items {
			left = append(left, provider.Leftover{Kind: kind.Kind, ID: o.Name, Why: "label app.kubernetes.io/part-of", Data: kind.Kind == "Namespace"})
		}
	}
	if e.storage == nil {
		return left, nil
	}
	for _, use := range identity.Uses() {
		bucket := e.storage.names[use]
		found, err := e.storage.find(ctx, bucket)
		if err != nil {
			return nil, err
		}
		if found.Condition != engine.Absent {
			left = append(left, provider.Leftover{Kind: "bucket", ID: bucket, Why: "name", Data: true})
		}
	}
	return left, nil
}
