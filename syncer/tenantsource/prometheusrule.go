package tenantsource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/opsgen/opsgen/syncer/ruler"
)

const prometheusRule = "PrometheusRule"

// monitoring are the Prometheus operator's objects (prometheus-operator, pkg/apis/monitoring/v1).
var monitoring = schema.GroupVersionResource{Group: "monitoring.coreos.com", Version: "v1", Resource: "prometheusrules"}

// prometheusRules takes the PrometheusRules of a namespace, each as one rule namespace. A definition that went away since
// it was looked for is an error like any other: the next time it is known to be gone.
func (r *Reader) prometheusRules(ctx context.Context, into *Rules, namespace string) error {
	found := &unstructured.UnstructuredList{}
	found.SetGroupVersionKind(monitoring.GroupVersion().WithKind(prometheusRule + "List"))
	if err := r.API.List(ctx, found, client.InNamespace(namespace)); err != nil {
		return fmt.Errorf("list the PrometheusRules of namespace %s: %w", namespace, err)
	}
	slices.SortFunc(found.Items, func(a, b unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	for i := range found.Items {
		item := &found.Items[i]
		o := Object{Kind: prometheusRule, Namespace: namespace, Name: item.GetName(), UID: string(item.GetUID())}
		into.object(o)
		groups, err := groupsOf(item.Object["spec"])
		if err == nil {
			err = ruler.Check(ruler.Metrics, groups)
		}
		if err != nil {
			into.fail(o, Invalid, oneLine(err))
			continue
		}
		into.add(o, r.prefix+"prometheusrule/"+o.Name, groups)
	}
	return nil
}

// groupsOf reads spec. It is not strict: the API server has checked it against the operator's schema, which has fields
// for Thanos (partial_response_strategy) that mean nothing here, and expressions that are numbers.
func groupsOf(spec any) ([]ruler.Group, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, errors.New("spec cannot be read")
	}
	var content struct {
		Groups []ruler.Group `yaml:"groups"`
	}
	if err := yaml.Unmarshal(text, &content); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}
	return content.Groups, nil
}
