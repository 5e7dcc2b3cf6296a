package check

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/opsgen/opsgen/generator/check/network"
	"github.com/opsgen/opsgen/generator/object"
)

// makesAnnotation names what an object makes at run time: "Secret/namespace/name …", separated by spaces.
const makesAnnotation = "opsgen.dev/makes"

// Index is what the units of the platform contain, ready for questions. It is safe for concurrent use.
type Index struct {
	checker *Checker
	// parent is the platform's index in the index of a tenant's units.
	parent *Index
	units  []Unit

	// keys are objects by Object.Key, names by "Kind/namespace/name".
	keys, names map[string]*entry
	// made are what exists without being rendered, "Kind/namespace/name".
	made map[string]bool
	// certificates are the Certificates by the Secret that they make, "namespace/name".
	certificates map[string][]*entry
	spaces       map[string]*space
	flux         fluxIndex
	layers       layerIndex
	// tenantFlows are flows of the platform that go to every tenant.
	tenantFlows []tenantFlow
	// dnsPrefix is the prefix of annotations that external-dns reads, empty without external-dns.
	dnsPrefix string
}

// entry is an object and the unit that it is in.
type entry struct {
	unit   *Unit
	object *object.Object
}

// space is a namespace.
type space struct {
	pods     []*podSet
	services map[string]*service
	policies []*network.Policy
	// policyEntries are the objects of policies, at the same positions.
	policyEntries []*entry
	budgets       []*budget
	// bindings are the role bindings.
	bindings []*entry
	// unclear says that a workload could not be read, so that nothing can be said about what selects no pods.
	unclear bool
}

// podSet is a workload with the pods that it makes.
type podSet struct {
	entry
	*workload
}

type service struct {
	entry
	typed *corev1.Service
}

type budget struct {
	entry
	typed    *policyv1.PodDisruptionBudget
	selector labels.Selector
}

func newIndex(c *Checker, parent *Index, units []Unit, external []string) *Index {
	x := &Index{
		checker: c, parent: parent, units: units,
		keys: map[string]*entry{}, names: map[string]*entry{}, made: map[string]bool{},
		certificates: map[string][]*entry{}, spaces: map[string]*space{},
		flux: newFluxIndex(), layers: newLayerIndex(),
	}
	for _, name := range external {
		x.made[name] = true
	}
	for i := range units {
		for _, name := range units[i].External {
			x.made[name] = true
		}
	}
	for u, o := range objectsOf(units) {
		x.learn(&entry{u, o})
	}
	return x
}

// learn takes an object into the index.
func (x *Index) learn(e *entry) {
	o := e.object
	if _, twice := x.keys[o.Key()]; !twice {
		x.keys[o.Key()] = e
	}
	name := nameOf(o.GetKind(), o.GetNamespace(), o.GetName())
	if _, twice := x.names[name]; !twice {
		x.names[name] = e
	}
	for _, made := range strings.Fields(o.GetAnnotations()[makesAnnotation]) {
		x.made[made] = true
	}
	if isCertificate(o) {
		secret := text(o.Object, "spec", "secretName")
		x.made[nameOf("Secret", o.GetNamespace(), secret)] = true
		key := o.GetNamespace() + "/" + secret
		x.certificates[key] = append(x.certificates[key], e)
	}
	x.layers.learn(e)
	x.flux.learn(e)
	x.learnPods(e)
}

// learnPods takes what is needed to know who reaches whom.
func (x *Index) learnPods(e *entry) {
	s := x.space(e.object.GetNamespace())
	switch e.object.GetAPIVersion() + " " + e.object.GetKind() {
	case "v1 Service":
		typed := &corev1.Service{}
		if convert(e.object.Object, typed) {
			s.services[typed.Name] = &service{*e, typed}
		}
	case "networking.k8s.io/v1 NetworkPolicy":
		typed := &networkingv1.NetworkPolicy{}
		if !convert(e.object.Object, typed) {
			return
		}
		if p, err := network.New(typed); err == nil { // a malformed one was reported by the schema checks
			s.policies, s.policyEntries = append(s.policies, p), append(s.policyEntries, e)
		}
	case "policy/v1 PodDisruptionBudget":
		typed := &policyv1.PodDisruptionBudget{}
		if !convert(e.object.Object, typed) {
			return
		}
		if selector, err := metav1.LabelSelectorAsSelector(typed.Spec.Selector); err == nil {
			s.budgets = append(s.budgets, &budget{*e, typed, selector})
		}
	case "rbac.authorization.k8s.io/v1 RoleBinding":
		s.bindings = append(s.bindings, e)
	default:
		w := workloadIn(e.object)
		if w == nil {
			s.unclear = s.unclear || slices.Contains(workloadKinds, e.object.GetKind())
			return
		}
		s.pods = append(s.pods, &podSet{*e, w})
		for c := range w.containers() {
			if program(c.Image) == "external-dns" {
				x.dnsPrefix = flags(c)["annotation-prefix"]
			}
		}
	}
}

func (x *Index) space(namespace string) *space {
	s, ok := x.spaces[namespace]
	if !ok {
		s = &space{services: map[string]*service{}}
		x.spaces[namespace] = s
	}
	return s
}

func nameOf(kind, namespace, name string) string {
	if namespace == "" {
		return kind + "/" + name
	}
	return kind + "/" + namespace + "/" + name
}

// find is the object of a kind and name, in the index or its parent, nil where there is none.
func (x *Index) find(kind, namespace, name string) *entry {
	for ; x != nil; x = x.parent {
		if e := x.names[nameOf(kind, namespace, name)]; e != nil {
			return e
		}
	}
	return nil
}

// exists says that an object is rendered, made at run time, or promised.
func (x *Index) exists(kind, namespace, name string) bool {
	if x.find(kind, namespace, name) != nil {
		return true
	}
	for ; x != nil; x = x.parent {
		if x.made[nameOf(kind, namespace, name)] {
			return true
		}
	}
	return false
}

func (x *Index) service(namespace, name string) *service {
	for ; x != nil; x = x.parent {
		if s := x.spaces[namespace]; s != nil && s.services[name] != nil {
			return s.services[name]
		}
	}
	return nil
}

func matching(selector labels.Selector) func(map[string]string) bool {
	return func(pod map[string]string) bool { return selector.Matches(labels.Set(pod)) }
}

// pods are the pods of a namespace whose labels are selected.
func (x *Index) pods(namespace string, selects func(map[string]string) bool) []*podSet {
	var found []*podSet
	for ; x != nil; x = x.parent {
		s := x.spaces[namespace]
		if s == nil {
			continue
		}
		for _, p := range s.pods {
			if selects(p.template.Labels) {
				found = append(found, p)
			}
		}
	}
	return found
}

// selectsNothing says that no pods are selected, as far as all can be read.
func (x *Index) selectsNothing(namespace string, pods []*podSet) bool {
	for ; x != nil; x = x.parent {
		if s := x.spaces[namespace]; s != nil && s.unclear {
			return false
		}
	}
	return len(pods) == 0
}

// policies are the network policies of a namespace.
func (x *Index) policies(namespace string) []*network.Policy {
	var all []*network.Policy
	for ; x != nil; x = x.parent {
		if s := x.spaces[namespace]; s != nil {
			all = append(all, s.policies...)
		}
	}
	return all
}

func (x *Index) budgets(namespace string) []*budget {
	var all []*budget
	for ; x != nil; x = x.parent {
		if s := x.spaces[namespace]; s != nil {
			all = append(all, s.budgets...)
		}
	}
	return all
}

// namespaceLabels are a namespace's labels. A tenant's namespace that no unit at hand makes has the label that says so.
func (x *Index) namespaceLabels(namespace string) map[string]string {
	if e := x.find("Namespace", "", namespace); e != nil {
		return e.object.GetLabels()
	}
	if tenant, ok := strings.CutPrefix(namespace, tenantPrefix); ok {
		return map[string]string{"opsgen.dev/tenant": tenant}
	}
	return nil
}

// tenantPrefix begins the name of a tenant's namespace.
const tenantPrefix = "tenant-"

func isCertificate(o *object.Object) bool {
	return o.GetKind() == "Certificate" && strings.HasPrefix(o.GetAPIVersion(), certificateGroup+"/")
}

// Groups of custom resources that are known by name here.
const (
	certificateGroup   = "cert-manager.io"
	kustomizationGroup = "kustomize.toolkit.fluxcd.io"
	sourceGroup        = "source.toolkit.fluxcd.io"
)
