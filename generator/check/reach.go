package check

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/opsgen/opsgen/generator/check/network"
)

// backends finds Services that lead nowhere.
func (x *Index) backends(r *report, svc *service) {
	s := subject{r, svc.unit, svc.object}
	if len(svc.typed.Spec.Selector) == 0 {
		return // an external name, or endpoints made by something else
	}
	pods := x.selected(svc)
	if x.selectsNothing(svc.object.GetNamespace(), pods) {
		s.add(ruleServiceSelector, "spec.selector", "Use the labels of the pods, such as k.labelsOf(component, workload).",
			"no pod of namespace %s has the labels %s", svc.object.GetNamespace(), labels.Set(svc.typed.Spec.Selector))
		return
	}
	for i, port := range svc.typed.Spec.Ports {
		for _, p := range pods {
			if _, ok := targetPort(port, p.workload); !ok {
				s.add(ruleServicePort, fmt.Sprintf("spec.ports[%d].targetPort", i), "Its ports are: "+portNames(p.workload)+".",
					"the pods of %s have no port %s", p.object.ID(), wanted(port))
				break
			}
		}
	}
}

func (x *Index) selected(svc *service) []*podSet {
	if len(svc.typed.Spec.Selector) == 0 {
		return nil
	}
	return x.pods(svc.object.GetNamespace(), matching(labels.SelectorFromSet(svc.typed.Spec.Selector)))
}

// targetPort is the container port that a Service's port leads to.
func targetPort(port corev1.ServicePort, w *workload) (network.Port, bool) {
	for _, p := range w.ports() {
		if network.Protocol(p.Protocol) != network.Protocol(port.Protocol) {
			continue
		}
		named := port.TargetPort.Type == intstr.String && port.TargetPort.StrVal == p.Name
		if named || port.TargetPort.Type == intstr.Int && numberOf(port) == p.ContainerPort {
			return network.Port{Number: p.ContainerPort, Protocol: network.Protocol(p.Protocol)}, true
		}
	}
	return network.Port{}, false
}

// numberOf is a Service's numeric target port, which is its own port where none is written.
func numberOf(port corev1.ServicePort) int32 {
	if port.TargetPort.IntVal != 0 {
		return port.TargetPort.IntVal
	}
	return port.Port
}

func wanted(port corev1.ServicePort) string {
	if port.TargetPort.Type == intstr.String {
		return fmt.Sprintf("%q", port.TargetPort.StrVal)
	}
	return fmt.Sprintf("%d/%s", numberOf(port), network.Protocol(port.Protocol))
}

func portNames(w *workload) string {
	ports := w.ports()
	names := make([]string, 0, len(ports))
	for _, p := range ports {
		names = append(names, strings.TrimPrefix(fmt.Sprintf("%s %d/%s", p.Name, p.ContainerPort, network.Protocol(p.Protocol)), " "))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// end is a workload's pods as one end of a connection.
func (x *Index) end(w *workload) network.Pod {
	return network.Pod{
		Namespace: w.namespace, NamespaceLabels: x.namespaceLabels(w.namespace),
		Labels: w.template.Labels, Ports: w.ports(),
	}
}

// fenced finds pods that everybody may reach, or that may reach everything.
func (x *Index) fenced(s subject, p *podSet) {
	if p.spec().HostNetwork {
		return // policies do not apply there; Pod Security has its say
	}
	policies, pod := x.policies(p.namespace), x.end(p.workload)
	nobody := network.Pod{Namespace: "?"}
	port := network.Port{Number: 1, Protocol: corev1.ProtocolTCP}
	for _, side := range []struct {
		name    networkingv1.PolicyType
		verdict network.Verdict
	}{
		{networkingv1.PolicyTypeIngress, network.Ingress(policies, nobody, pod, port)},
		{networkingv1.PolicyTypeEgress, network.Egress(policies, pod, nobody, port)},
	} {
		if side.verdict.Allowed {
			s.add(ruleNetworkPolicy, p.path, "Add net.allow(…) with what it needs; a namespace of ours has net.defaultDeny.",
				"no NetworkPolicy closes the pods for %s, or one opens it to all", strings.ToLower(string(side.name)))
		}
	}
}

// idlePolicy finds policies that select nothing, mostly by a mistyped label.
func (x *Index) idlePolicy(s subject, p *network.Policy) {
	if p.Selects(nil) {
		return // all pods of the namespace
	}
	if x.selectsNothing(p.Namespace, x.pods(p.Namespace, p.Selects)) {
		s.add(ruleIdlePolicy, "spec.podSelector", "Use the labels of the pods.", "selects no pod of namespace %s", p.Namespace)
	}
}

// budgeted finds replicated workloads that a drained node could take away at once (or never).
func (x *Index) budgeted(s subject, p *podSet) {
	if !p.endless || p.deployment == nil && p.stateful == nil {
		return
	}
	var names []string
	for _, b := range x.budgets(p.namespace) {
		if b.selector.Matches(labels.Set(p.template.Labels)) {
			names = append(names, b.object.GetName())
		}
	}
	slices.Sort(names)
	switch {
	case len(names) > 1:
		s.add(ruleDisruptionBudget, p.path+".metadata.labels", "Keep one.", "the PodDisruptionBudgets %s all select the pods, and then none can be evicted", strings.Join(names, ", "))
	case len(names) == 0 && (p.replicas > 1 || p.zonal()):
		s.add(ruleDisruptionBudget, "", "Add k.disruptionBudget(name, labels); one for all zones.", "no PodDisruptionBudget selects its %d replicas", p.replicas)
	}
}

// drains finds budgets that select nothing, or that let no node be drained.
func (x *Index) drains(s subject, b *budget) {
	pods := x.pods(b.object.GetNamespace(), matching(b.selector))
	if x.selectsNothing(b.object.GetNamespace(), pods) {
		s.add(ruleServiceSelector, "spec.selector", "Use the labels of the pods.", "no pod of namespace %s is selected", b.object.GetNamespace())
		return
	}
	total := int32(0)
	for _, p := range pods {
		total += p.replicas
	}
	most, least := b.typed.Spec.MaxUnavailable, b.typed.Spec.MinAvailable
	blocked := len(pods) > 0 && (most != nil && (most.Type == intstr.Int && most.IntVal == 0 || most.StrVal == "0%") ||
		least != nil && (least.Type == intstr.Int && least.IntVal >= total || least.StrVal == "100%"))
	if blocked {
		s.add(ruleDisruptionBudget, "spec", "Write maxUnavailable: 1.", "none of its %d pods may be evicted, so that no node with one can be drained", total)
	}
}
