package render

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/opsgen/opsgen/generator/object"
)

// scaled is a workload whose number of pods something else than Git decides on. It is a target as Flux writes it in the
// rules of what it ignores.
type scaled struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// scaledBy are the workloads that autoscalers among the objects decide on: those of Kubernetes and of KEDA.
func scaledBy(objects []object.Object) []scaled {
	var found []scaled
	for _, o := range objects {
		if kind := o.GetKind(); kind != "HorizontalPodAutoscaler" && kind != "ScaledObject" {
			continue
		}
		target, _, err := unstructured.NestedStringMap(o.Object, "spec", "scaleTargetRef")
		if err != nil || target["name"] == "" {
			continue // the checks say so
		}
		kind := target["kind"]
		if kind == "" {
			kind = "Deployment" // KEDA's default
		}
		found = append(found, scaled{Kind: kind, Name: target["name"], Namespace: o.GetNamespace()})
	}
	return found
}

// scaledIn are those of the workloads that a unit may hold, by the names of its files: an autoscaler may be in another
// unit than what it scales. A rule for an object that is not there does nothing.
func (u *unit) scaledIn(all []scaled) []scaled {
	found := []scaled{}
	for _, s := range all {
		kind, name := strings.ToLower(s.Kind), strings.ToLower(s.Name)
		for _, file := range []string{kind + "-" + name + ".yaml", kind + "-" + s.Namespace + "-" + name + ".yaml"} {
			if u.result.Files[file] != "" && !slices.Contains(found, s) {
				found = append(found, s)
			}
		}
	}
	return found
}
