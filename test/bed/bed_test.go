package bed

import (
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
)

func TestEachLoadBalancerHasAnAddressOfItsOwn(t *testing.T) {
	s := state{Index: 1}
	services := make([]core.Service, 3)
	for i := range services {
		services[i].Spec.Type = core.ServiceTypeLoadBalancer
	}
	services[0].Status.LoadBalancer.Ingress = []core.LoadBalancerIngress{{IP: "10.201.1.1"}}
	given := assign(services, s.balancers())
	if got := given[&services[1]].String(); len(given) != 2 || got != "10.201.1.2" {
		t.Errorf("given %v", given)
	}
}

func TestANameOfABedIsNoPath(t *testing.T) {
	for _, name := range []string{"", "../x", "a/b", "A", strings.Repeat("a", 21)} {
		if _, err := bedDir(name); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}
