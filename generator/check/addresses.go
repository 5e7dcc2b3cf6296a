package check

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// clusterAddress is a Service's name in a text: "name.namespace.svc", with or without the cluster's domain and a port.
var clusterAddress = regexp.MustCompile(`([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)\.([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)` +
	`\.svc\b(?:\.cluster\.local\b)?\.?(?::([0-9]{1,5}))?`)

// addresses looks for Services in configuration, arguments and environment.
func (x *Index) addresses(s subject) {
	if s.object.GetKind() == "ConfigMap" && s.object.GetAPIVersion() == "v1" {
		data, _ := s.object.Object["data"].(map[string]any)
		for _, key := range sortedKeys(data) {
			content, _ := data[key].(string)
			if path.Ext(key) == ".json" || !strings.Contains(content, ".svc") {
				continue // dashboards hold queries, not addresses
			}
			x.addressesIn(s, dataPath(key), content)
			x.grpcSettings(s, key, content)
		}
		return
	}
	w := workloadIn(s.object)
	if w == nil {
		return
	}
	for c := range w.containers() {
		for i, arg := range c.Args {
			here := fmt.Sprintf("%s.args[%d]", c.path, i)
			x.addressesIn(s, here, arg)
			if name, value, ok := strings.Cut(arg, "="); ok && dialled(strings.TrimLeft(name, "-")) {
				x.grpc(s, here, value)
			}
		}
		for i, env := range c.Env {
			x.addressesIn(s, fmt.Sprintf("%s.env[%d]", c.path, i), env.Value)
		}
	}
}

func (x *Index) addressesIn(s subject, where, content string) {
	for _, m := range clusterAddress.FindAllStringSubmatch(content, -1) {
		name, namespace, port := m[1], m[2], m[3]
		if slices.Contains(always, namespace) || x.parent == nil && strings.HasPrefix(namespace, tenantPrefix) {
			continue // the platform does not see the tenants' Services
		}
		svc := x.service(namespace, name)
		switch {
		case svc == nil:
			s.add(ruleServiceAddress, where, "Correct the name.", "%s is a Service that nothing makes", name+"."+namespace+".svc")
		case port != "" && !hasPort(svc.typed, port):
			s.add(ruleServiceAddress, where, "Its ports are: "+servicePorts(svc.typed)+".", "the Service %s/%s has no port %s", namespace, name, port)
		}
	}
}

func hasPort(svc *corev1.Service, number string) bool {
	return slices.ContainsFunc(svc.Spec.Ports, func(p corev1.ServicePort) bool { return strconv.Itoa(int(p.Port)) == number })
}

// dialled says that a setting's name is that of an address that is connected to.
func dialled(name string) bool {
	return strings.HasSuffix(name, "address") || strings.HasSuffix(name, "addresses") || strings.HasSuffix(name, "_addr")
}

// grpcSettings looks at the addresses in a configuration of Cortex or Loki (L9).
func (x *Index) grpcSettings(s subject, key, content string) {
	if key != cortexKey && key != lokiKey {
		return
	}
	c, err := parseSettings(content)
	if err != nil {
		return // reported by the unit's own checks
	}
	c.path = dataPath(key)
	c.walk(func(keys []string, value any) {
		address, ok := value.(string)
		if ok && dialled(keys[len(keys)-1]) {
			x.grpc(s, c.at(keys...), address)
		}
	})
}

const grpcPort = 9095

// grpc finds a gRPC address behind one cluster address: a connection is made once and stays with the pod that it
// reached, so that the others never get work.
func (x *Index) grpc(s subject, where, address string) {
	for _, entry := range strings.Split(address, ",") {
		if strings.HasPrefix(entry, "http") {
			continue
		}
		if i := strings.LastIndexAny(entry, "/+"); i >= 0 {
			entry = entry[i+1:] // dns+, dnssrvnoa+, dns:///
		}
		host, port, _ := strings.Cut(entry, ":")
		parts := strings.Split(host, ".")
		namespace := s.object.GetNamespace()
		if len(parts) > 1 {
			namespace = parts[1]
		}
		svc := x.service(namespace, parts[0])
		if svc == nil || svc.typed.Spec.ClusterIP == corev1.ClusterIPNone {
			continue
		}
		if slices.ContainsFunc(svc.typed.Spec.Ports, func(p corev1.ServicePort) bool {
			return strconv.Itoa(int(p.Port)) == port && (p.Port == grpcPort || strings.Contains(p.Name, "grpc"))
		}) {
			s.add(ruleGRPCAddress, where, "Name a headless Service (k.headless).",
				"%s is a gRPC address of the Service %s/%s, which is not headless: all calls go to one pod", entry, namespace, parts[0])
		}
	}
}
