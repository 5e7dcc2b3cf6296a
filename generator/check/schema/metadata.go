package schema

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/validate/content"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/opsgen/opsgen/generator/object"
)

// metadata checks name, namespace, labels and annotations.
func (s *Schemas) metadata(c *checked, o object.Object, namespaced bool) {
	name, namespace := o.GetName(), o.GetNamespace()
	switch {
	case name == "" && o.GetGenerateName() != "":
		c.value("metadata.generateName", "Write metadata.name.", "objects in Git need a name of their own: Flux cannot apply generated names")
	case name == "":
		c.value("metadata.name", "", "is missing")
	default:
		c.refused("metadata.name", name, refuseName(o.GetKind(), name))
	}
	switch {
	case namespaced && namespace == "":
		c.value("metadata.namespace", "Name the component's namespace.", "is missing; %s objects live in a namespace", o.GetKind())
	case !namespaced && namespace != "":
		c.value("metadata.namespace", "Leave it out.", "%s objects live in no namespace", o.GetKind())
	case namespace != "":
		c.refused("metadata.namespace", namespace, validation.IsDNS1123Label(namespace))
	}
	c.labels(o.GetLabels(), "metadata.labels")
	c.annotations(o.GetAnnotations(), "metadata.annotations")
	if o.GetResourceVersion() != "" {
		c.value("metadata.resourceVersion", "Leave it out.", "belongs to an object in a cluster: applying it fails as soon as the object changes")
	}
}

// maxStatefulSet is the longest name of a StatefulSet: its pods carry the name, a dash and a hash of ten characters
// as a label, which has at most 63. The API server accepts more, and no pod ever starts.
const maxStatefulSet = 63 - 11

// maxCronJob leaves room for the time stamp in the names of jobs.
const maxCronJob = 52

func refuseName(kind, name string) []string {
	switch kind {
	case "Namespace":
		return validation.IsDNS1123Label(name)
	case "Service":
		return validation.IsDNS1035Label(name)
	case "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding":
		return content.IsPathSegmentName(name)
	case "StatefulSet":
		return append(validation.IsDNS1123Label(name), tooLong(name, maxStatefulSet)...)
	case "CronJob":
		return append(validation.IsDNS1123Subdomain(name), tooLong(name, maxCronJob)...)
	default:
		return validation.IsDNS1123Subdomain(name)
	}
}

func tooLong(name string, most int) []string {
	if len(name) > most {
		return []string{validation.MaxLenError(most)}
	}
	return nil
}

func (c *checked) labels(labels map[string]string, path string) {
	for _, key := range sortedKeys(labels) {
		c.refused(path, key, validation.IsQualifiedName(key))
		c.refused(join(path, key), labels[key], validation.IsValidLabelValue(labels[key]))
	}
}

func (c *checked) annotations(annotations map[string]string, path string) {
	for _, err := range apivalidation.ValidateAnnotations(annotations, field.NewPath(path)) {
		c.value(path, "", "%s", err.ErrorBody())
	}
}

// selector checks the form of a label selector.
func (c *checked) selector(selector *metav1.LabelSelector, path string) {
	if selector == nil {
		return
	}
	for _, err := range metav1validation.ValidateLabelSelector(selector, metav1validation.LabelSelectorValidationOptions{}, field.NewPath(path)) {
		c.value(err.Field, "", "%s", err.ErrorBody())
	}
}

// oneOf checks an enumeration; an empty value is the default.
func oneOf[T ~string](c *checked, path string, value T, known ...T) {
	if value == "" || slices.Contains(known, value) {
		return
	}
	c.value(path, "", "%q is not one of %v", value, known)
}

// unique reports a key that occurs twice. Server-side apply, which Flux uses, refuses such lists.
type unique map[string]bool

func (u unique) add(c *checked, path, what, key string) {
	if u[key] {
		c.value(path, "Keep one of the two.", "%s %q is there twice; server-side apply refuses that", what, key)
	}
	u[key] = true
}
