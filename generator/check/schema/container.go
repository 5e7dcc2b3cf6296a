package schema

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
)

func (c *checked) env(container *corev1.Container, path string) {
	names := unique{}
	for i, env := range container.Env {
		here := at(path+".env", i)
		names.add(c, here+".name", "environment variable", env.Name)
		c.refused(here+".name", env.Name, validation.IsRelaxedEnvVarName(env.Name))
		if env.ValueFrom == nil {
			continue
		}
		if env.Value != "" {
			c.value(here, "Keep one of them.", "environment variable %q has both value and valueFrom", env.Name)
		}
		if n := countSet(reflect.ValueOf(*env.ValueFrom)); n != 1 {
			c.value(here+".valueFrom", "Write exactly one.", "environment variable %q has %d sources", env.Name, n)
		}
		if ref := env.ValueFrom.FieldRef; ref != nil {
			c.fieldPath(here+".valueFrom.fieldRef.fieldPath", ref.FieldPath)
		}
		if ref := env.ValueFrom.SecretKeyRef; ref != nil && (ref.Name == "" || ref.Key == "") {
			c.value(here+".valueFrom.secretKeyRef", "", "name or key is missing")
		}
		if ref := env.ValueFrom.ConfigMapKeyRef; ref != nil && (ref.Name == "" || ref.Key == "") {
			c.value(here+".valueFrom.configMapKeyRef", "", "name or key is missing")
		}
	}
	for i, source := range container.EnvFrom {
		if n := countSet(reflect.ValueOf(source)); n != 1 {
			c.value(at(path+".envFrom", i), "Write configMapRef or secretRef.", "the entry has %d sources", n)
		}
	}
}

var subscripted = regexp.MustCompile(`^metadata\.(labels|annotations)\['[^']+'\]$`)

// downward are the pod fields that an environment variable can show.
var downward = []string{
	"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
	"status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
}

func (c *checked) fieldPath(path, value string) {
	if !slices.Contains(downward, value) && !subscripted.MatchString(value) {
		c.value(path, "Known are "+strings.Join(downward, ", ")+", metadata.labels['…'] and metadata.annotations['…'].",
			"%q is not a field that a pod can show", value)
	}
}

func (c *checked) resources(requests, limits corev1.ResourceList, path string) {
	for _, list := range []struct {
		path string
		list corev1.ResourceList
	}{{path + ".requests", requests}, {path + ".limits", limits}} {
		for _, name := range sortedResources(list.list) {
			c.resourceName(join(list.path, string(name)), name)
			if q := list.list[name]; q.Sign() < 0 {
				c.value(join(list.path, string(name)), "", "%s is negative", q.String())
			}
		}
	}
	for _, name := range sortedResources(requests) {
		request := requests[name]
		if limit, ok := limits[name]; ok && request.Cmp(limit) > 0 {
			c.value(join(path+".requests", string(name)), "Lower the request or raise the limit.",
				"the request %s is above the limit %s", request.String(), limit.String())
		}
	}
}

func (c *checked) resourceName(path string, name corev1.ResourceName) {
	if strings.Contains(string(name), "/") {
		c.refused(path, name, validation.IsQualifiedName(string(name)))
		return
	}
	switch name {
	case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
	default:
		if !strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix) {
			c.value(path, "Containers have cpu, memory, ephemeral-storage, hugepages-… and names with a domain.", "unknown resource %q", name)
		}
	}
}

func sortedResources(list corev1.ResourceList) []corev1.ResourceName {
	names := make([]corev1.ResourceName, 0, len(list))
	for name := range list {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// probe checks a probe; once is for those whose successThreshold must be 1.
func (c *checked) probe(probe *corev1.Probe, path string, ports map[string]bool, once bool) {
	if probe == nil {
		return
	}
	if n := countSet(reflect.ValueOf(probe.ProbeHandler)); n != 1 {
		c.value(path, "Write one of httpGet, tcpSocket, grpc, exec.", "the probe has %d handlers", n)
	}
	if once && probe.SuccessThreshold > 1 {
		c.value(path+".successThreshold", "Leave it out.", "must be 1, but is %d", probe.SuccessThreshold)
	}
	for _, number := range []struct {
		name  string
		value int32
	}{
		{"initialDelaySeconds", probe.InitialDelaySeconds},
		{"timeoutSeconds", probe.TimeoutSeconds},
		{"periodSeconds", probe.PeriodSeconds},
		{"successThreshold", probe.SuccessThreshold},
		{"failureThreshold", probe.FailureThreshold},
	} {
		if number.value < 0 {
			c.value(path+"."+number.name, "", "%d is negative", number.value)
		}
	}
	if get := probe.HTTPGet; get != nil {
		c.targetPort(path+".httpGet.port", get.Port, ports)
		oneOf(c, path+".httpGet.scheme", get.Scheme, corev1.URISchemeHTTP, corev1.URISchemeHTTPS)
	}
	if socket := probe.TCPSocket; socket != nil {
		c.targetPort(path+".tcpSocket.port", socket.Port, ports)
	}
}

// targetPort checks a port that a container must have by name, or any valid number.
func (c *checked) targetPort(path string, port intstr.IntOrString, ports map[string]bool) {
	if port.Type == intstr.String {
		if !ports[port.StrVal] {
			c.value(path, fmt.Sprintf("Its ports are: %s.", strings.Join(sortedKeys(ports), ", ")), "the container has no port %q", port.StrVal)
		}
		return
	}
	c.refused(path, port.IntVal, validation.IsValidPortNum(int(port.IntVal)))
}

func (c *checked) scheduling(spec *corev1.PodSpec, path string) {
	c.spread(spec, path)
	c.tolerations(spec, path)
	c.antiAffinity(spec, path+".affinity.podAntiAffinity")
}

func (c *checked) spread(spec *corev1.PodSpec, path string) {
	constraints := unique{}
	for i, constraint := range spec.TopologySpreadConstraints {
		here := at(path+".topologySpreadConstraints", i)
		if constraint.MaxSkew <= 0 {
			c.value(here+".maxSkew", "", "must be at least 1, but is %d", constraint.MaxSkew)
		}
		if constraint.TopologyKey == "" {
			c.value(here+".topologyKey", "", "is missing")
		}
		oneOf(c, here+".whenUnsatisfiable", constraint.WhenUnsatisfiable, corev1.DoNotSchedule, corev1.ScheduleAnyway)
		if constraint.WhenUnsatisfiable == "" {
			c.value(here+".whenUnsatisfiable", "Write DoNotSchedule or ScheduleAnyway.", "is missing")
		}
		c.selector(constraint.LabelSelector, here+".labelSelector")
		constraints.add(c, here, "spread constraint", constraint.TopologyKey+" "+string(constraint.WhenUnsatisfiable))
	}
}

func (c *checked) tolerations(spec *corev1.PodSpec, path string) {
	for i, toleration := range spec.Tolerations {
		here := at(path+".tolerations", i)
		if toleration.Operator == corev1.TolerationOpExists && toleration.Value != "" {
			c.value(here+".value", "Leave it out.", "operator Exists takes no value")
		}
		if toleration.Key == "" && toleration.Operator != corev1.TolerationOpExists {
			c.value(here+".operator", "Write operator: Exists.", "a toleration without a key must have operator Exists")
		}
		oneOf(c, here+".effect", toleration.Effect, corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute)
	}
}

func (c *checked) antiAffinity(spec *corev1.PodSpec, here string) {
	if spec.Affinity == nil || spec.Affinity.PodAntiAffinity == nil {
		return
	}
	for i, term := range spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution {
		c.affinityTerm(&term, at(here+".requiredDuringSchedulingIgnoredDuringExecution", i))
	}
	for i, term := range spec.Affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution {
		listed := at(here+".preferredDuringSchedulingIgnoredDuringExecution", i)
		if term.Weight < 1 || term.Weight > 100 {
			c.value(listed+".weight", "", "must be 1 to 100, but is %d", term.Weight)
		}
		c.affinityTerm(&term.PodAffinityTerm, listed+".podAffinityTerm")
	}
}

func (c *checked) affinityTerm(term *corev1.PodAffinityTerm, path string) {
	if term.TopologyKey == "" {
		c.value(path+".topologyKey", "", "is missing")
	}
	c.selector(term.LabelSelector, path+".labelSelector")
}
