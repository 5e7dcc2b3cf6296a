package existing

import (
	"context"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/version"
	fakediscovery "k8s.io/client-go/discovery/fake"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	kubetesting "k8s.io/client-go/testing"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/price"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/cluster"
)

// place is a cluster as the checks see it.
type place struct {
	version string
	admin   bool
	objects []runtime.Object
	change  func(*cluster.Cluster)
}

func node(zone string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "node-" + zone, Labels: map[string]string{corev1.LabelTopologyZone: zone}},
		Status:     corev1.NodeStatus{Allocatable: corev1.ResourceList{"cpu": resource.MustParse("4"), "memory": resource.MustParse("16Gi")}},
	}
}

func class() *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "standard", Annotations: map[string]string{defaultClass: "true"}}}
}

func service(name string, addresses ...string) *corev1.Service {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: name}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}}
	for _, address := range addresses {
		s.Status.LoadBalancer.Ingress = append(s.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: address})
	}
	return s
}

// checks are those that did not pass.
func (p place) checks(t *testing.T) map[string]provider.Check {
	t.Helper()
	client := fake.NewClientset(p.objects...)
	discovery, ok := client.Discovery().(*fakediscovery.FakeDiscovery)
	if !ok {
		t.Fatal("there is no fake of the discovery")
	}
	discovery.FakedServerVersion = &version.Info{GitVersion: p.version}
	client.PrependReactor("create", "selfsubjectaccessreviews", func(kubetesting.Action) (bool, runtime.Object, error) {
		return true, &authorizationv1.SelfSubjectAccessReview{Status: authorizationv1.SubjectAccessReviewStatus{Allowed: p.admin}}, nil
	})
	c := &cluster.Cluster{Name: "lab", Domain: "obs.localhost", Kubernetes: "1.36"}
	c.Provider.Name = cluster.Existing
	if p.change != nil {
		p.change(c)
	}
	e := &existing{client: client, config: &rest.Config{Host: "https://lab"}, Target: provider.Target{
		Cluster: c, Amounts: price.Amounts{CPU: 2, MemoryGiB: 5},
		Bundle: &bundle.Bundle{Version: "1.0.0", Kubernetes: bundle.KubernetesRange{Minimum: "1.34", Maximum: "1.36"}},
	}}
	found := map[string]provider.Check{}
	for _, check := range e.Preflight(t.Context()) {
		if check.Problem != "" {
			found[check.Name] = check
			if check.Hint == "" {
				t.Errorf("%s does not say what to do: %s", check.Name, check.Problem)
			}
		}
	}
	return found
}

func TestPreflightSaysWhatIsWrongAllAtOnce(t *testing.T) {
	good := []runtime.Object{node("a"), class(), service("web", "192.0.2.1")}
	for name, c := range map[string]struct {
		place place
		want  map[string]string
	}{
		"a good cluster": {place{"v1.36.4", true, good, nil}, nil},
		"an empty one": {place{"v1.36.4", true, nil, nil}, map[string]string{
			"volumes": "no default storage class", "nodes": "the nodes have 0.0", "load balancer": "no Service",
		}},
		"too old":              {place{"v1.33.1", true, good, nil}, map[string]string{"Kubernetes": "made for 1.34 to 1.36"}},
		"too new":              {place{"v1.37.0-gke.1", true, good, nil}, map[string]string{"Kubernetes": "runs Kubernetes 1.37"}},
		"another minor":        {place{"v1.35.0+k3s1", true, good, nil}, map[string]string{"Kubernetes": "checked for 1.36"}},
		"not an administrator": {place{"v1.36.0", false, good, nil}, map[string]string{"permissions": "administrator"}},
		"a balancer that never comes": {
			place{"v1.36.0", true, []runtime.Object{node("a"), class(), service("web")}, nil}, map[string]string{"load balancer": "web/web waits"},
		},
		"a zone without nodes": {
			place{"v1.36.0", true, good, func(c *cluster.Cluster) { c.Provider.Zones = []string{"a", "b"} }}, map[string]string{"nodes": `zone "b"`},
		},
		"keys that are nowhere": {
			place{"v1.36.0", true, good, func(c *cluster.Cluster) {
				c.Provider.Storage = cluster.Storage{Endpoint: "s3.example.com", Secret: "keys"}
			}},
			map[string]string{"storage": "no Secret keys in the namespace cortex"},
		},
		"node ports": {
			place{"v1.36.0", true, []runtime.Object{node("a"), class()}, func(c *cluster.Cluster) { c.Overlays = []string{"nodeport"} }}, nil,
		},
	} {
		found := c.place.checks(t)
		for check, text := range c.want {
			if !strings.Contains(found[check].Problem, text) {
				t.Errorf("%s: %s says %q, want %q", name, check, found[check].Problem, text)
			}
		}
		if len(found) != len(c.want) {
			t.Errorf("%s: found %+v", name, found)
		}
	}
}

func TestLeaseIsWrittenUnderACondition(t *testing.T) {
	l := leases{fake.NewClientset()}
	ctx := context.Background()
	if _, version, err := l.Read(ctx); version != "" || err != nil {
		t.Fatalf("%q, %v", version, err)
	}
	if _, err := l.Write(ctx, engine.Lease{Run: "one", Holder: "somebody"}, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Write(ctx, engine.Lease{Run: "two"}, ""); err == nil {
		t.Error("a lease that is there was written over")
	}
	if there, _, err := l.Read(ctx); err != nil || there.Run != "one" || there.Holder != "somebody" {
		t.Errorf("%+v, %v", there, err)
	}
}
