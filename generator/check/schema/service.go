package schema

import (
	"net/netip"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
)

func (c *checked) service(s *corev1.Service) {
	spec := s.Spec
	headless := spec.ClusterIP == corev1.ClusterIPNone
	oneOf(c, "spec.type", spec.Type, corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeExternalName)
	oneOf(c, "spec.sessionAffinity", spec.SessionAffinity, corev1.ServiceAffinityNone, corev1.ServiceAffinityClientIP)
	outward := spec.Type == corev1.ServiceTypeLoadBalancer || spec.Type == corev1.ServiceTypeNodePort
	if len(spec.Ports) == 0 && !headless && spec.Type != corev1.ServiceTypeExternalName {
		c.value("spec.ports", "", "is missing")
	}
	if headless && outward {
		c.value("spec.clusterIP", "Leave clusterIP out, or make two Services.", "a Service of type %s cannot be headless", spec.Type)
	}
	if spec.Type == corev1.ServiceTypeExternalName {
		c.refused("spec.externalName", spec.ExternalName, validation.IsDNS1123Subdomain(spec.ExternalName))
	}
	if spec.ExternalTrafficPolicy != "" && !outward && len(spec.ExternalIPs) == 0 {
		c.value("spec.externalTrafficPolicy", "Leave it out.", "only Services that are reached from outside have one")
	}
	if spec.LoadBalancerClass != nil && spec.Type != corev1.ServiceTypeLoadBalancer {
		c.value("spec.loadBalancerClass", "Leave it out.", "only Services of type LoadBalancer have one")
	}
	c.labels(spec.Selector, "spec.selector")
	c.servicePorts(spec.Ports, outward)
}

func (c *checked) servicePorts(ports []corev1.ServicePort, outward bool) {
	names, numbers := unique{}, unique{}
	for i, port := range ports {
		here := at("spec.ports", i)
		if port.Name == "" && len(ports) > 1 {
			c.value(here+".name", "", "is missing; a Service with several ports names each")
		}
		if port.Name != "" {
			names.add(c, here+".name", "port", port.Name)
			c.refused(here+".name", port.Name, validation.IsDNS1123Label(port.Name))
		}
		c.refused(here+".port", port.Port, validation.IsValidPortNum(int(port.Port)))
		c.protocol(here+".protocol", port.Protocol)
		numbers.add(c, here+".port", "port", portKey(port.Port, port.Protocol))
		switch {
		case port.TargetPort.Type == intstr.String:
			c.refused(here+".targetPort", port.TargetPort.StrVal, validation.IsValidPortName(port.TargetPort.StrVal))
		case port.TargetPort.IntVal != 0:
			c.refused(here+".targetPort", port.TargetPort.IntVal, validation.IsValidPortNum(int(port.TargetPort.IntVal)))
		}
		if port.NodePort != 0 && !outward {
			c.value(here+".nodePort", "Leave it out.", "only Services of type NodePort and LoadBalancer have one")
		}
	}
}

func (c *checked) networkPolicy(p *networkingv1.NetworkPolicy) {
	c.selector(&p.Spec.PodSelector, "spec.podSelector")
	for i, policyType := range p.Spec.PolicyTypes {
		oneOf(c, at("spec.policyTypes", i), policyType, networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress)
	}
	for i, rule := range p.Spec.Ingress {
		c.policyPorts(rule.Ports, at("spec.ingress", i)+".ports")
		c.peers(rule.From, at("spec.ingress", i)+".from")
	}
	for i, rule := range p.Spec.Egress {
		c.policyPorts(rule.Ports, at("spec.egress", i)+".ports")
		c.peers(rule.To, at("spec.egress", i)+".to")
	}
}

func (c *checked) policyPorts(ports []networkingv1.NetworkPolicyPort, path string) {
	for i, port := range ports {
		here := at(path, i)
		if port.Protocol != nil {
			c.protocol(here+".protocol", *port.Protocol)
		}
		if port.Port == nil {
			if port.EndPort != nil {
				c.value(here+".endPort", "Write port too.", "port is missing")
			}
			continue
		}
		if port.Port.Type == intstr.String {
			c.refused(here+".port", port.Port.StrVal, validation.IsValidPortName(port.Port.StrVal))
		} else {
			c.refused(here+".port", port.Port.IntVal, validation.IsValidPortNum(int(port.Port.IntVal)))
		}
		if port.EndPort != nil && (port.Port.Type == intstr.String || *port.EndPort < port.Port.IntVal) {
			c.value(here+".endPort", "", "%d needs a port that is a number and not above it", *port.EndPort)
		}
	}
}

func (c *checked) peers(peers []networkingv1.NetworkPolicyPeer, path string) {
	for i, peer := range peers {
		here := at(path, i)
		n := countSet(reflect.ValueOf(peer))
		switch {
		case n == 0:
			c.value(here, "Write podSelector, namespaceSelector or ipBlock.", "the peer is empty")
		case n > 1 && peer.IPBlock != nil:
			c.value(here, "Make it a peer of its own.", "ipBlock cannot stand beside a selector")
		}
		c.selector(peer.PodSelector, here+".podSelector")
		c.selector(peer.NamespaceSelector, here+".namespaceSelector")
		if peer.IPBlock == nil {
			continue
		}
		block, err := netip.ParsePrefix(peer.IPBlock.CIDR)
		if err != nil {
			c.value(here+".ipBlock.cidr", "Write address/length, such as 10.0.0.0/8.", "%q is not a CIDR", peer.IPBlock.CIDR)
			continue
		}
		for j, text := range peer.IPBlock.Except {
			except, err := netip.ParsePrefix(text)
			if err != nil || !block.Contains(except.Addr()) || except.Bits() <= block.Bits() {
				c.value(at(here+".ipBlock.except", j), "", "%q is not a CIDR inside %s", text, peer.IPBlock.CIDR)
			}
		}
	}
}
