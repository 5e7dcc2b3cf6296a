package check

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/opsgen/opsgen/generator/check/network"
)

// flowsAnnotation says whom a workload talks to: "namespace/service:port", "dns", "apiserver", "internet:port",
// separated by spaces. The namespace "tenant-*" is that of every tenant.
const flowsAnnotation = "opsgen.dev/flows"

var (
	serviceFlow  = regexp.MustCompile(`^([a-z0-9-]+|tenant-\*)/([a-z0-9-]+):([a-z0-9-]+)$`)
	internetFlow = regexp.MustCompile(`^internet:([0-9]{1,5})(/UDP)?$`)
)

const everyTenant = tenantPrefix + "*"

// tenantFlow is a flow of the platform to a Service that every tenant has.
type tenantFlow struct {
	from          *podSet
	text          string
	service, port string
}

// clusterDNS are the pods that answer names, in every cluster.
var clusterDNS = network.Pod{
	Namespace: "kube-system", Labels: map[string]string{"k8s-app": "kube-dns"},
	Ports: []corev1.ContainerPort{{Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP}, {Name: "dns-tcp", ContainerPort: 53}},
}

// flows follows what a workload declares through the policies of both ends.
func (x *Index) flows(s subject, p *podSet) {
	policies, from := x.policies(p.namespace), x.end(p.workload)
	for _, flow := range strings.Fields(s.object.GetAnnotations()[flowsAnnotation]) {
		switch m := serviceFlow.FindStringSubmatch(flow); {
		case flow == "dns":
			for _, protocol := range []corev1.Protocol{corev1.ProtocolUDP, corev1.ProtocolTCP} {
				verdict := network.Egress(policies, from, clusterDNS, network.Port{Number: 53, Protocol: protocol})
				cut(s, flow, verdict, "Add net.dns to its egress.", "source", "port 53/"+string(protocol)+" of kube-dns", p.namespace)
			}
		case flow == apiServerFlow:
			verdict := network.Outside(policies, from, false, tcp(443), tcp(6443))
			cut(s, flow, verdict, "Add net.apiServer to its egress.", "source", "port 443 or 6443 of the API server", p.namespace)
		case internetFlow.MatchString(flow):
			x.internet(s, flow, policies, from)
		case m == nil:
			s.add(ruleFlow, annotationPath(flowsAnnotation), `Write "namespace/service:port", "dns", "apiserver" or "internet:port".`, "%q is not a flow", flow)
		case m[1] == everyTenant:
			if x.parent == nil {
				x.tenantFlows = append(x.tenantFlows, tenantFlow{p, flow, m[2], m[3]})
			}
		default:
			x.flow(s, s, p, flow, m[1], m[2], m[3])
		}
	}
}

func tcp(number int32) network.Port {
	return network.Port{Number: number, Protocol: corev1.ProtocolTCP}
}

func (x *Index) internet(s subject, flow string, policies []*network.Policy, from network.Pod) {
	m := internetFlow.FindStringSubmatch(flow)
	number, err := strconv.ParseInt(m[1], 10, 32)
	if err != nil || number < 1 || number > 65535 {
		s.add(ruleFlow, annotationPath(flowsAnnotation), "Write a port from 1 to 65535.", "%q is not a flow", flow)
		return
	}
	port := tcp(int32(number))
	if m[2] != "" {
		port.Protocol = corev1.ProtocolUDP
	}
	verdict := network.Outside(policies, from, true, port)
	cut(s, flow, verdict, "Add net.to([net.outside], [port]) to its egress.", "source", "port "+m[1]+" of public addresses", from.Namespace)
}

// flow follows one flow to a Service. Faults of the declaration are reported on the source, policies of the target's
// side on target.
func (x *Index) flow(source, target subject, p *podSet, flow, namespace, name, port string) {
	svc := x.service(namespace, name)
	if svc == nil {
		source.add(ruleFlow, annotationPath(flowsAnnotation), "Correct the flow, or make the Service.", "flow %s goes to a Service that nothing makes", flow)
		return
	}
	i := slices.IndexFunc(svc.typed.Spec.Ports, func(sp corev1.ServicePort) bool { return sp.Name == port || strconv.Itoa(int(sp.Port)) == port })
	if i < 0 {
		source.add(ruleFlow, annotationPath(flowsAnnotation), "Its ports are: "+servicePorts(svc.typed)+".", "flow %s goes to a port that the Service lacks", flow)
		return
	}
	pods := x.selected(svc)
	if x.selectsNothing(namespace, pods) {
		source.add(ruleFlow, annotationPath(flowsAnnotation), "", "flow %s goes to a Service that selects no pods", flow)
		return
	}
	from := x.end(p.workload)
	for _, pod := range pods {
		arrival, ok := targetPort(svc.typed.Spec.Ports[i], pod.workload)
		if !ok {
			continue // reported as the Service's fault
		}
		to, where := x.end(pod.workload), portText(arrival)+" of "+pod.object.ID()
		cut(source, flow, network.Egress(x.policies(from.Namespace), from, to, arrival),
			"Add the target to the egress of its net.allow.", "source", where, from.Namespace)
		cut(target, flow, network.Ingress(x.policies(to.Namespace), from, to, arrival),
			"Add the source to the ingress of the target's net.allow.", "target", where, to.Namespace)
	}
}

func portText(port network.Port) string {
	return "port " + strconv.Itoa(int(port.Number)) + "/" + string(port.Protocol)
}

func servicePorts(svc *corev1.Service) string {
	names := make([]string, 0, len(svc.Spec.Ports))
	for _, port := range svc.Spec.Ports {
		names = append(names, strings.TrimPrefix(port.Name+" "+strconv.Itoa(int(port.Port)), " "))
	}
	return strings.Join(names, ", ")
}

// cut reports a verdict that closes a flow.
func cut(s subject, flow string, verdict network.Verdict, hint, side, where, namespace string) {
	if verdict.Allowed {
		return
	}
	place := ""
	if _, declared := s.object.GetAnnotations()[flowsAnnotation]; declared {
		place = annotationPath(flowsAnnotation)
	}
	s.add(ruleFlowCut, place, hint, "flow %s is cut at the %s: of the NetworkPolicies %s in %s none allows %s",
		flow, side, strings.Join(verdict.Isolating, ", "), namespace, where)
}

// flowsToTenant follows the platform's flows to every tenant, for this one. They are reported on the tenant's object
// that they go to.
func (x *Index) flowsToTenant(r *report) {
	tenants := map[string]bool{}
	for i := range x.units {
		tenants[x.units[i].Tenant] = x.units[i].Tenant != ""
	}
	for _, tenant := range sortedKeys(tenants) {
		if !tenants[tenant] {
			continue
		}
		for _, f := range x.parent.tenantFlows {
			svc := x.service(tenantPrefix+tenant, f.service)
			if svc == nil {
				continue // this tenant does without it
			}
			s := subject{r, svc.unit, svc.object}
			x.flow(s, s, f.from, f.text, tenantPrefix+tenant, f.service, f.port)
		}
	}
}
