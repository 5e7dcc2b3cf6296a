package network

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Pod is one end of a connection.
type Pod struct {
	Namespace string
	// NamespaceLabels are the labels of its namespace; kubernetes.io/metadata.name need not be among them.
	NamespaceLabels map[string]string
	Labels          map[string]string
	// Ports are the ports that its containers name.
	Ports []corev1.ContainerPort
}

// Port is where a connection arrives at a pod, or outside the cluster.
type Port struct {
	Number   int32
	Protocol corev1.Protocol
}

// Verdict is the answer to one question about one direction.
type Verdict struct {
	Allowed bool
	// Isolating are the names of the policies that close the pod in the direction, in the order they were given.
	Isolating []string
}

// Policy is one NetworkPolicy, ready to be evaluated.
type Policy struct {
	Name, Namespace string

	selector        labels.Selector
	closes          map[networkingv1.PolicyType]bool
	ingress, egress []rule
}

type rule struct {
	peers []peer // none is everybody
	ports []networkingv1.NetworkPolicyPort
}

type peer struct {
	pods, namespaces labels.Selector // namespaces nil is the policy's own
	block            netip.Prefix
	external         bool
}

// New prepares a policy. The error is about a malformed selector or CIDR.
func New(p *networkingv1.NetworkPolicy) (*Policy, error) {
	selector, err := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector)
	if err != nil {
		return nil, fmt.Errorf("podSelector: %w", err)
	}
	out := &Policy{Name: p.Name, Namespace: p.Namespace, selector: selector, closes: map[networkingv1.PolicyType]bool{}}
	for _, policyType := range p.Spec.PolicyTypes {
		out.closes[policyType] = true
	}
	if len(p.Spec.PolicyTypes) == 0 {
		out.closes[networkingv1.PolicyTypeIngress] = true
		out.closes[networkingv1.PolicyTypeEgress] = len(p.Spec.Egress) > 0
	}
	for i, source := range p.Spec.Ingress {
		peers, err := newPeers(source.From)
		if err != nil {
			return nil, fmt.Errorf("ingress[%d].from: %w", i, err)
		}
		out.ingress = append(out.ingress, rule{peers, source.Ports})
	}
	for i, source := range p.Spec.Egress {
		peers, err := newPeers(source.To)
		if err != nil {
			return nil, fmt.Errorf("egress[%d].to: %w", i, err)
		}
		out.egress = append(out.egress, rule{peers, source.Ports})
	}
	return out, nil
}

func newPeers(sources []networkingv1.NetworkPolicyPeer) ([]peer, error) {
	var peers []peer
	for _, source := range sources {
		p := peer{pods: labels.Everything()}
		var err error
		if source.IPBlock != nil {
			p.external = true
			if p.block, err = netip.ParsePrefix(source.IPBlock.CIDR); err != nil {
				return nil, fmt.Errorf("ipBlock: %w", err)
			}
		}
		if source.PodSelector != nil {
			if p.pods, err = metav1.LabelSelectorAsSelector(source.PodSelector); err != nil {
				return nil, fmt.Errorf("podSelector: %w", err)
			}
		}
		if source.NamespaceSelector != nil {
			if p.namespaces, err = metav1.LabelSelectorAsSelector(source.NamespaceSelector); err != nil {
				return nil, fmt.Errorf("namespaceSelector: %w", err)
			}
		}
		peers = append(peers, p)
	}
	return peers, nil
}

// Selects says whether the policy is about pods with these labels.
func (p *Policy) Selects(pod map[string]string) bool { return p.selector.Matches(labels.Set(pod)) }

// Egress says whether from may send to a port of to. policies are those of from's namespace.
func Egress(policies []*Policy, from, to Pod, port Port) Verdict {
	return judge(policies, from, networkingv1.PolicyTypeEgress, func(p *Policy) bool {
		return slices.ContainsFunc(p.egress, func(r rule) bool {
			return r.hasPort(port, to.Ports) && r.hasPod(to, p.Namespace)
		})
	})
}

// Ingress says whether to accepts from's connections to one of its ports. policies are those of to's namespace.
func Ingress(policies []*Policy, from, to Pod, port Port) Verdict {
	return judge(policies, to, networkingv1.PolicyTypeIngress, func(p *Policy) bool {
		return slices.ContainsFunc(p.ingress, func(r rule) bool {
			return r.hasPort(port, to.Ports) && r.hasPod(from, p.Namespace)
		})
	})
}

// Outside says whether from may send to one of ports at some address that is no pod. With public, a private address
// range is not enough.
func Outside(policies []*Policy, from Pod, public bool, ports ...Port) Verdict {
	return judge(policies, from, networkingv1.PolicyTypeEgress, func(p *Policy) bool {
		return slices.ContainsFunc(p.egress, func(r rule) bool {
			return r.hasOutside(public) && slices.ContainsFunc(ports, func(port Port) bool { return r.hasPort(port, nil) })
		})
	})
}

func judge(policies []*Policy, pod Pod, direction networkingv1.PolicyType, allows func(*Policy) bool) Verdict {
	verdict := Verdict{Allowed: true}
	for _, p := range policies {
		if p.Namespace != pod.Namespace || !p.closes[direction] || !p.Selects(pod.Labels) {
			continue
		}
		if allows(p) {
			return Verdict{Allowed: true}
		}
		verdict.Allowed = false
		verdict.Isolating = append(verdict.Isolating, p.Name)
	}
	return verdict
}

func (r rule) hasPod(pod Pod, own string) bool {
	if len(r.peers) == 0 {
		return true
	}
	return slices.ContainsFunc(r.peers, func(p peer) bool {
		switch {
		case p.external: // whether an address range covers pods depends on the network plugin
			return false
		case p.namespaces == nil && pod.Namespace != own:
			return false
		case p.namespaces != nil && !p.namespaces.Matches(namespaceLabels(pod)):
			return false
		}
		return p.pods.Matches(labels.Set(pod.Labels))
	})
}

// namespaceLabels adds the label that the API server gives to every namespace.
func namespaceLabels(pod Pod) labels.Set {
	all := labels.Set{corev1.LabelMetadataName: pod.Namespace}
	for key, value := range pod.NamespaceLabels {
		all[key] = value
	}
	return all
}

func (r rule) hasOutside(public bool) bool {
	if len(r.peers) == 0 {
		return true
	}
	return slices.ContainsFunc(r.peers, func(p peer) bool {
		return p.external && !(public && narrow(p.block))
	})
}

// narrow says that a range holds no public address.
func narrow(block netip.Prefix) bool {
	first := block.Addr()
	return block.Bits() > 0 && (first.IsPrivate() || first.IsLinkLocalUnicast() || first.IsLoopback())
}

// hasPort resolves named ports by those of the pod that the connection arrives at.
func (r rule) hasPort(port Port, named []corev1.ContainerPort) bool {
	if len(r.ports) == 0 {
		return true
	}
	return slices.ContainsFunc(r.ports, func(allowed networkingv1.NetworkPolicyPort) bool {
		protocol := corev1.ProtocolTCP
		if allowed.Protocol != nil {
			protocol = *allowed.Protocol
		}
		if protocol != port.Protocol {
			return false
		}
		switch {
		case allowed.Port == nil:
			return true
		case allowed.Port.Type == intstr.String:
			return slices.ContainsFunc(named, func(p corev1.ContainerPort) bool {
				return p.Name == allowed.Port.StrVal && p.ContainerPort == port.Number && Protocol(p.Protocol) == protocol
			})
		case allowed.EndPort != nil:
			return allowed.Port.IntVal <= port.Number && port.Number <= *allowed.EndPort
		default:
			return allowed.Port.IntVal == port.Number
		}
	})
}

// Protocol is the protocol, TCP where none is written.
func Protocol(p corev1.Protocol) corev1.Protocol {
	if p == "" {
		return corev1.ProtocolTCP
	}
	return p
}
