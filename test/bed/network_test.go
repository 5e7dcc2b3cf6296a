package bed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// expose makes a Service in front of the pod of that name.
func (p *place) expose(pod string, kind core.ServiceType) *core.Service {
	p.t.Helper()
	s, err := p.client.CoreV1().Services(p.name).Create(p.ctx, &core.Service{
		ObjectMeta: meta.ObjectMeta{Name: pod},
		Spec: core.ServiceSpec{
			Type: kind, Selector: map[string]string{"app": pod},
			Ports: []core.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}, meta.CreateOptions{})
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// client is a pod to call others from.
func client(name, node string) *core.Pod {
	pod := shell(name, "exec sleep 1000")
	pod.Spec.NodeName = node
	return pod
}

// fetch answers what a pod reads from an address.
func (p *place) fetch(pod, address string) (string, error) {
	return p.kubectl("exec", pod, "--", "fetch", "-timeout=2s", "http://"+address+"/")
}

func TestServicesAreReachedFromTheOtherNodeByName(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "restricted")
	p.start(server("web", "node-1"), client("client", "node-2"))
	s := p.expose("web", core.ServiceTypeClusterIP)
	web, err := p.pod(p.ctx, "web")
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{
		"web", "web." + p.name, "web." + p.name + ".svc.cluster.local", s.Spec.ClusterIP, web.Status.PodIP + ":8080",
	} {
		p.await(address, func(context.Context) error {
			if got, err := p.fetch("client", address); err != nil || got != "web" {
				return fmt.Errorf("it answers %q: %w", got, err)
			}
			return nil
		})
	}
	// The name service answers that it cannot, instead of asking somebody and waiting.
	if got, err := p.kubectl("exec", "client", "--", "nslookup", "example.com"); err == nil || !strings.Contains(got, "SERVFAIL") {
		t.Errorf("a name of the outside: %q, %v", got, err)
	}
	// Nothing routes to the outside, so that this fails at once and not by its time limit.
	if got, err := p.fetch("client", "192.0.2.1"); err == nil || !strings.Contains(got, "unreachable") {
		t.Errorf("an address of the outside: %q, %v", got, err)
	}
}

func TestALoadBalancerIsReachedFromTheMachine(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "restricted")
	p.start(server("front", "node-2"))
	p.expose("front", core.ServiceTypeLoadBalancer)
	p.await("the address", func(ctx context.Context) error {
		s, err := p.client.CoreV1().Services(p.name).Get(ctx, "front", meta.GetOptions{})
		if err != nil {
			return err
		}
		if len(s.Status.LoadBalancer.Ingress) == 0 {
			return errors.New("there is none")
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Status.LoadBalancer.Ingress[0].IP, http.NoBody)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if text, err := io.ReadAll(response.Body); err != nil || string(text) != "front\n" {
			return fmt.Errorf("it answers %q: %w", text, err)
		}
		return nil
	})
}

func TestNodesAreInZones(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "restricted")
	pods := []*core.Pod{client("a", ""), client("b", "")}
	for _, pod := range pods {
		pod.Labels["app"] = "spread"
		pod.Spec.TopologySpreadConstraints = []core.TopologySpreadConstraint{{
			MaxSkew: 1, TopologyKey: core.LabelTopologyZone, WhenUnsatisfiable: core.DoNotSchedule,
			LabelSelector: &meta.LabelSelector{MatchLabels: map[string]string{"app": "spread"}},
		}}
	}
	p.start(pods...)
	nodes := map[string]bool{}
	for _, name := range []string{"a", "b"} {
		pod, err := p.pod(p.ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		nodes[pod.Spec.NodeName] = true
	}
	if len(nodes) != 2 {
		t.Errorf("two pods that spread over zones are on %v", nodes)
	}
}

func (p *place) policy(name string, spec networking.NetworkPolicySpec) {
	p.t.Helper()
	_, err := p.client.NetworkingV1().NetworkPolicies(p.name).Create(p.ctx, &networking.NetworkPolicy{
		ObjectMeta: meta.ObjectMeta{Name: name}, Spec: spec,
	}, meta.CreateOptions{})
	if err != nil {
		p.t.Fatal(err)
	}
}

// reaches waits until a call succeeds or, when it must not, fails because nobody answers.
func (p *place) reaches(pod, address string, want bool) {
	p.t.Helper()
	p.await(fmt.Sprintf("%s reaches %s: %t", pod, address, want), func(context.Context) error {
		got, err := p.fetch(pod, address)
		// Denied packets are answered or dropped: both differ from a program in the pod that failed.
		denied := err != nil && (strings.Contains(got, "deadline exceeded") || strings.Contains(got, "refused"))
		if want && err == nil || !want && denied {
			return nil
		}
		return fmt.Errorf("it answers %q: %w", got, err)
	})
}

func TestPoliciesBindBetweenNodesAndNamespaces(t *testing.T) {
	t.Parallel()
	p, other := newPlace(t, "restricted"), newPlace(t, "restricted")
	p.start(server("web", "node-1"), client("friend", "node-2"), client("neighbour", "node-1"))
	other.start(client("friend", "node-2"), client("stranger", "node-1"))
	address := p.expose("web", core.ServiceTypeClusterIP).Spec.ClusterIP
	all := []struct {
		place *place
		pod   string
	}{{p, "friend"}, {p, "neighbour"}, {other, "friend"}, {other, "stranger"}}
	expect := func(want ...bool) {
		t.Helper()
		for i, from := range all {
			from.place.reaches(from.pod, address, want[i])
		}
	}
	expect(true, true, true, true)
	p.policy("deny", networking.NetworkPolicySpec{PolicyTypes: []networking.PolicyType{networking.PolicyTypeIngress}})
	expect(false, false, false, false)
	p.policy("allow", networking.NetworkPolicySpec{
		PodSelector: meta.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		Ingress: []networking.NetworkPolicyIngressRule{{From: []networking.NetworkPolicyPeer{{
			NamespaceSelector: &meta.LabelSelector{MatchLabels: map[string]string{core.LabelMetadataName: other.name}},
			PodSelector:       &meta.LabelSelector{MatchLabels: map[string]string{"app": "friend"}},
		}}}},
	})
	expect(false, false, true, false)
	other.policy("silence", networking.NetworkPolicySpec{PolicyTypes: []networking.PolicyType{networking.PolicyTypeEgress}})
	expect(false, false, false, false)
}
