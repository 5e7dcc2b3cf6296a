package bed

import (
	"context"
	"fmt"
	"net/netip"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// runBalancers gives each Service of type LoadBalancer an address. The bed's route leads it to node 1, whose
// kube-proxy answers for the addresses in a Service's status.
func runBalancers(ctx context.Context, client kubernetes.Interface, pool netip.Prefix) error {
	return follow(ctx, func() error {
		list, err := client.CoreV1().Services("").List(ctx, meta.ListOptions{})
		if err != nil {
			return fmt.Errorf("listing services: %w", err)
		}
		for service, address := range assign(list.Items, pool) {
			service.Status.LoadBalancer.Ingress = []core.LoadBalancerIngress{{IP: address.String()}}
			_, err := client.CoreV1().Services(service.Namespace).UpdateStatus(ctx, service, meta.UpdateOptions{})
			if err != nil {
				return fmt.Errorf("giving %s/%s an address: %w", service.Namespace, service.Name, err)
			}
		}
		return nil
	}, func(o meta.ListOptions) (watcher, error) { return client.CoreV1().Services("").Watch(ctx, o) })
}

// assign chooses the lowest free address of the pool for each Service that has none.
func assign(services []core.Service, pool netip.Prefix) map[*core.Service]netip.Addr {
	used := map[string]bool{}
	var waiting []*core.Service
	for i := range services {
		s := &services[i]
		for _, in := range s.Status.LoadBalancer.Ingress {
			used[in.IP] = true
		}
		mine := s.Spec.LoadBalancerClass == nil && s.Spec.Type == core.ServiceTypeLoadBalancer
		if mine && len(s.Status.LoadBalancer.Ingress) == 0 && s.DeletionTimestamp == nil {
			waiting = append(waiting, s)
		}
	}
	given := map[*core.Service]netip.Addr{}
	address := pool.Addr().Next()
	for _, s := range waiting {
		for used[address.String()] {
			address = address.Next()
		}
		if !pool.Contains(address) {
			break
		}
		given[s], used[address.String()] = address, true
	}
	return given
}
