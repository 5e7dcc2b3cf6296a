package existing

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/opsgen/opsgen/bootstrap/provider"
)

// Preflight implements provider.Provider.
func (e *existing) Preflight(ctx context.Context) []provider.Check {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	reach, reached := e.checkReach()
	checks := []provider.Check{reach}
	if reached {
		for _, check := range []func(context.Context) provider.Check{
			e.checkRights, e.checkVolumes, e.checkNodes, e.checkLoadBalancer, e.checkStorage,
		} {
			checks = append(checks, check(ctx))
		}
	}
	return append(checks, e.checkDNS(ctx))
}

// failed is a check that could not be made.
func failed(name string, err error) provider.Check {
	return provider.Check{Name: name, Problem: err.Error(), Hint: "Mend this, and run the same command again."}
}

// checkReach asks for the version, which also shows whether the cluster can be reached at all.
func (e *existing) checkReach() (provider.Check, bool) {
	c := provider.Check{Name: "Kubernetes"}
	info, err := e.client.Discovery().ServerVersion()
	if unreachable(err) {
		c.Problem, c.Hint = fmt.Sprintf("%s cannot be reached: %v", e.config.Host, err), "Check the kubeconfig and the network."
		return c, false
	}
	if err != nil {
		return failed(c.Name, err), false
	}
	minor, err := version.ParseGeneric(info.GitVersion)
	if err != nil {
		return failed(c.Name, err), true
	}
	c.Detail = info.GitVersion
	have := fmt.Sprintf("%d.%d", minor.Major(), minor.Minor())
	supported := e.Bundle.Kubernetes
	switch {
	case version.MustParseGeneric(have).LessThan(version.MustParseGeneric(supported.Minimum)),
		version.MustParseGeneric(supported.Maximum).LessThan(version.MustParseGeneric(have)):
		c.Problem = fmt.Sprintf("the cluster runs Kubernetes %s, and the bundle %s is made for %s to %s",
			have, e.Bundle.Version, supported.Minimum, supported.Maximum)
		c.Hint = "Upgrade the cluster, or use a bundle that is made for it."
	case have != e.Cluster.Kubernetes:
		c.Warning = true
		c.Problem = fmt.Sprintf("the cluster runs Kubernetes %s, and the manifests were checked for %s", have, e.Cluster.Kubernetes)
		c.Hint = fmt.Sprintf("Write kubernetes: %q in cluster.yaml and render again.", have)
	}
	return c, true
}

// checkRights asks the API server itself: Flux gets all rights, and only who has them can give them.
func (e *existing) checkRights(ctx context.Context) provider.Check {
	c := provider.Check{Name: "permissions"}
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "*", Group: "*", Resource: "*"},
	}}
	answer, err := e.client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return failed(c.Name, err)
	}
	if !answer.Status.Allowed {
		c.Problem, c.Hint = "you are not an administrator of the cluster", "Use the kubeconfig of one: Flux is given all rights, and only who has them can give them."
	}
	return c
}

// defaultClass marks the class that claims without one get.
const defaultClass = "storageclass.kubernetes.io/is-default-class"

func (e *existing) checkVolumes(ctx context.Context) provider.Check {
	c := provider.Check{Name: "volumes"}
	classes, err := e.client.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return failed(c.Name, err)
	}
	for _, class := range classes.Items {
		if class.Annotations[defaultClass] == "true" {
			c.Detail = "storage class " + class.Name
			return c
		}
	}
	c.Problem = "the cluster has no default storage class, so that no volume would be made"
	c.Hint = "Install one (local-path-provisioner on a single machine), or mark one: kubectl annotate storageclass NAME " + defaultClass + "=true"
	return c
}

// checkNodes compares zones and room with what the bundle wants.
func (e *existing) checkNodes(ctx context.Context) provider.Check {
	c := provider.Check{Name: "nodes"}
	nodes, err := e.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return failed(c.Name, err)
	}
	cpu, memory := 0.0, 0.0
	var zones []string
	for _, node := range nodes.Items {
		if node.Spec.Unschedulable {
			continue
		}
		cpu += node.Status.Allocatable.Cpu().AsApproximateFloat64()
		memory += node.Status.Allocatable.Memory().AsApproximateFloat64() / (1 << 30)
		zones = append(zones, node.Labels[corev1.LabelTopologyZone])
	}
	c.Detail = fmt.Sprintf("%d, %.0f CPU, %.0f GiB", len(zones), cpu, memory)
	for _, wanted := range e.Cluster.Provider.Zones {
		if !slices.Contains(zones, wanted) {
			c.Problem = fmt.Sprintf("cluster.yaml names the zone %q, and no node has the label %s=%s", wanted, corev1.LabelTopologyZone, wanted)
			c.Hint = "Label the nodes, or mend provider.zones."
			return c
		}
	}
	if cpu < e.Amounts.CPU || memory < e.Amounts.MemoryGiB {
		c.Warning = true
		c.Problem = fmt.Sprintf("the pods request %.1f CPU and %.1f GiB, and the nodes have %.1f and %.1f", e.Amounts.CPU, e.Amounts.MemoryGiB, cpu, memory)
		c.Hint = "Add nodes, or state a smaller capacity; `opsgen size` shows what needs it."
	}
	return c
}

// checkLoadBalancer looks at what other Services got; whether one would be made cannot be known without making one.
func (e *existing) checkLoadBalancer(ctx context.Context) provider.Check {
	c := provider.Check{Name: "load balancer"}
	if slices.Contains(e.Cluster.Overlays, "nodeport") {
		c.Detail = "not needed: node ports"
		return c
	}
	services, err := e.client.CoreV1().Services("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return failed(c.Name, err)
	}
	waiting := ""
	for _, service := range services.Items {
		if service.Spec.Type != corev1.ServiceTypeLoadBalancer {
			continue
		}
		if len(service.Status.LoadBalancer.Ingress) > 0 {
			c.Detail = "others have one"
			return c
		}
		waiting = service.Namespace + "/" + service.Name
	}
	c.Warning, c.Problem = true, "no Service in the cluster has a load balancer, so that nobody knows whether one would be made"
	if waiting != "" {
		c.Problem = "the Service " + waiting + " waits for a load balancer: the cluster seems to make none"
	}
	c.Hint = "Install something that does (MetalLB, or your cloud's controller), or set overlays: [nodeport] in cluster.yaml."
	return c
}

func (e *existing) checkStorage(ctx context.Context) provider.Check {
	c := provider.Check{Name: "storage"}
	if e.Cluster.BundledStorage() {
		c.Detail = "one pod with one volume, for trials"
		return c
	}
	name := e.Cluster.Provider.Storage.Secret
	if e.storage == nil {
		for _, namespace := range storageNamespaces() {
			_, err := e.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				c.Problem = fmt.Sprintf("there is no Secret %s in the namespace %s, and no keys were given", name, namespace)
				c.Hint = "Give the storage's keys: OPSGEN_S3_ACCESS_KEY and OPSGEN_S3_SECRET_KEY."
				return c
			}
			if err != nil {
				return failed(c.Name, err)
			}
		}
		c.Detail = "keys are in the cluster"
		return c
	}
	for use, bucket := range e.storage.names {
		if _, err := e.storage.find(ctx, bucket); err != nil {
			verdict, _ := classifyStorage(err)
			c.Problem, c.Hint = fmt.Sprintf("the bucket for %s (%s): %v", use, bucket, err), verdict.Hint
			return c
		}
	}
	return c
}

// checkDNS asks for one of the names that agents will use. Names below .localhost need no server.
func (e *existing) checkDNS(ctx context.Context) provider.Check {
	c := provider.Check{Name: "DNS"}
	name := "metrics." + e.Cluster.Domain
	if strings.HasSuffix(name, ".localhost") {
		c.Detail = "not needed: " + e.Cluster.Domain
		return c
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		c.Warning, c.Problem = true, name+" has no address"
		c.Hint = "That is in order before the first up. Then let *." + e.Cluster.Domain + " lead to the front door's address."
		return c
	}
	c.Detail = name + " is " + addresses[0]
	return c
}
