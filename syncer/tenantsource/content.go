package tenantsource

import (
	"slices"
	"strings"

	core "k8s.io/api/core/v1"

	"github.com/opsgen/opsgen/syncer/ruler"
)

// Object is where something was read, for events and messages.
type Object struct {
	// Kind is "ConfigMap" or "PrometheusRule".
	Kind string
	// Namespace, Name and UID are the object's.
	Namespace, Name, UID string
}

// Reference is what an event is attached to.
func (o Object) Reference() *core.ObjectReference {
	r := &core.ObjectReference{Kind: o.Kind, APIVersion: "v1", Namespace: o.Namespace, Name: o.Name}
	r.UID = uid(o.UID)
	if o.Kind == prometheusRule {
		r.APIVersion = monitoring.GroupVersion().String()
	}
	return r
}

// String is kind and name as people write them: "configmap/rules". All are in the tenant's namespace.
func (o Object) String() string { return strings.ToLower(o.Kind) + "/" + o.Name }

// Problem is something in an object that cannot be used.
type Problem struct {
	// Object is where it is.
	Object Object
	// Reason is for events and metrics: "Invalid", "Duplicate" or "SecretMissing".
	Reason string
	// Message says what is wrong and where; it names no object.
	Message string
}

// The reasons of problems.
const (
	Invalid       = "Invalid"
	Duplicate     = "Duplicate"
	SecretMissing = "SecretMissing"
)

// Rules are a tenant's rules for one ruler.
type Rules struct {
	// Namespaces are groups by the name of their rule namespace, prefix included.
	Namespaces map[string][]ruler.Group
	// From says in which object a rule namespace stands.
	From map[string]Object
	// Objects are all objects with such rules, usable or not, in order.
	Objects []Object
	// Problems are what could not be read; its rules are not in Namespaces.
	Problems []Problem
}

func (r *Rules) object(o Object) {
	if !slices.Contains(r.Objects, o) {
		r.Objects = append(r.Objects, o)
	}
}

// add takes the groups of one namespace. Of two objects with the same one the first by namespace and name has it.
func (r *Rules) add(o Object, namespace string, groups []ruler.Group) {
	if first, taken := r.From[namespace]; taken {
		r.fail(o, Duplicate, "the rule namespace "+namespace+" is already "+first.String()+"'s; give the file another name")
		return
	}
	if r.Namespaces == nil {
		r.Namespaces, r.From = map[string][]ruler.Group{}, map[string]Object{}
	}
	r.Namespaces[namespace], r.From[namespace] = groups, o
}

func (r *Rules) fail(o Object, reason, message string) {
	r.Problems = append(r.Problems, Problem{Object: o, Reason: reason, Message: message})
}

// Alerting is a tenant's Alertmanager configuration, with references in place of secrets.
type Alerting struct {
	// Object is where it stands.
	Object Object
	// Text is alertmanager.yaml.
	Text string
	// Templates are the templates by name.
	Templates map[string]string
}

// Content is all that a tenant has.
type Content struct {
	Metrics, Logs Rules
	// Alerting is nil for a tenant without a configuration.
	Alerting *Alerting
	// Problems are those of the Alertmanager's configuration.
	Problems []Problem
}

// Empty says that the tenant has no object at all.
func (c *Content) Empty() bool {
	return c.Alerting == nil && len(c.Metrics.Objects) == 0 && len(c.Logs.Objects) == 0
}
