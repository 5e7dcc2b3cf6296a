package schema

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// pod checks a pod specification. claims are names of volumes that the workload makes itself.
func (c *checked) pod(spec *corev1.PodSpec, path string, claims []string, restart ...corev1.RestartPolicy) {
	oneOf(c, path+".restartPolicy", spec.RestartPolicy, restart...)
	if len(restart) > 0 && restart[0] != corev1.RestartPolicyAlways && spec.RestartPolicy == "" {
		c.value(path+".restartPolicy", "Write OnFailure or Never.", "is missing; jobs cannot restart always")
	}
	oneOf(c, path+".dnsPolicy", spec.DNSPolicy, corev1.DNSClusterFirst, corev1.DNSClusterFirstWithHostNet, corev1.DNSDefault, corev1.DNSNone)
	if s := spec.TerminationGracePeriodSeconds; s != nil && *s < 0 {
		c.value(path+".terminationGracePeriodSeconds", "", "%d is negative", *s)
	}
	for _, name := range []struct{ path, value string }{
		{"serviceAccountName", spec.ServiceAccountName}, {"priorityClassName", spec.PriorityClassName},
	} {
		if name.value != "" {
			c.refused(path+"."+name.path, name.value, validation.IsDNS1123Subdomain(name.value))
		}
	}
	c.labels(spec.NodeSelector, path+".nodeSelector")
	volumes := c.volumes(spec.Volumes, path+".volumes", claims)
	if len(spec.Containers) == 0 {
		c.value(path+".containers", "", "is missing; a pod has at least one container")
	}
	names := unique{}
	for i := range spec.InitContainers {
		c.container(&spec.InitContainers[i], at(path+".initContainers", i), names, volumes)
	}
	for i := range spec.Containers {
		c.container(&spec.Containers[i], at(path+".containers", i), names, volumes)
	}
	secrets := unique{}
	for i, secret := range spec.ImagePullSecrets {
		secrets.add(c, at(path+".imagePullSecrets", i), "image pull secret", secret.Name)
	}
	c.scheduling(spec, path)
}

func (c *checked) volumes(volumes []corev1.Volume, path string, claims []string) map[string]bool {
	names := unique{}
	for _, claim := range claims {
		names[claim] = true
	}
	for i, volume := range volumes {
		here := at(path, i)
		if slices.Contains(claims, volume.Name) {
			continue // the claim replaces the volume
		}
		names.add(c, here+".name", "volume", volume.Name)
		c.refused(here+".name", volume.Name, validation.IsDNS1123Label(volume.Name))
		switch n := countSet(reflect.ValueOf(volume.VolumeSource)); {
		case n == 0:
			c.value(here, "Write configMap, secret, emptyDir or another source.", "volume %q has no source", volume.Name)
		case n > 1:
			c.value(here, "Keep one.", "volume %q has %d sources", volume.Name, n)
		}
		if volume.Projected != nil {
			for j, source := range volume.Projected.Sources {
				if n := countSet(reflect.ValueOf(source)); n != 1 {
					c.value(fmt.Sprintf("%s.projected.sources[%d]", here, j), "Write exactly one.", "the projected volume's entry has %d sources", n)
				}
			}
		}
	}
	return names
}

// countSet counts the fields of a struct of pointers that are set.
func countSet(v reflect.Value) int {
	n := 0
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Pointer && !f.IsNil() {
			n++
		}
	}
	return n
}

func (c *checked) container(container *corev1.Container, path string, names unique, volumes map[string]bool) {
	names.add(c, path+".name", "container", container.Name)
	c.refused(path+".name", container.Name, validation.IsDNS1123Label(container.Name))
	if strings.TrimSpace(container.Image) == "" {
		c.value(path+".image", "", "is missing")
	} else if container.Image != strings.TrimSpace(container.Image) {
		c.value(path+".image", "", "%q begins or ends with a space", container.Image)
	}
	oneOf(c, path+".imagePullPolicy", container.ImagePullPolicy, corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever)
	ports := c.containerPorts(container.Ports, path+".ports")
	c.env(container, path)
	c.mounts(container.VolumeMounts, path+".volumeMounts", volumes)
	c.resources(container.Resources.Requests, container.Resources.Limits, path+".resources")
	c.probe(container.LivenessProbe, path+".livenessProbe", ports, true)
	c.probe(container.StartupProbe, path+".startupProbe", ports, true)
	c.probe(container.ReadinessProbe, path+".readinessProbe", ports, false)
}

func (c *checked) containerPorts(ports []corev1.ContainerPort, path string) map[string]bool {
	names, numbers := unique{}, unique{}
	for i, port := range ports {
		here := at(path, i)
		if port.Name != "" {
			names.add(c, here+".name", "port", port.Name)
			c.refused(here+".name", port.Name, validation.IsValidPortName(port.Name))
		}
		c.refused(here+".containerPort", port.ContainerPort, validation.IsValidPortNum(int(port.ContainerPort)))
		c.protocol(here+".protocol", port.Protocol)
		numbers.add(c, here+".containerPort", "port", portKey(port.ContainerPort, port.Protocol))
	}
	return names
}

func (c *checked) protocol(path string, protocol corev1.Protocol) {
	oneOf(c, path, protocol, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP)
}

func portKey(port int32, protocol corev1.Protocol) string {
	if protocol == "" {
		protocol = corev1.ProtocolTCP
	}
	return fmt.Sprintf("%d/%s", port, protocol)
}

func (c *checked) mounts(mounts []corev1.VolumeMount, path string, volumes map[string]bool) {
	paths := unique{}
	for i, mount := range mounts {
		here := at(path, i)
		if !volumes[mount.Name] {
			c.value(here+".name", "Add a volume of that name, or correct the name.", "the pod has no volume %q", mount.Name)
		}
		switch {
		case mount.MountPath == "":
			c.value(here+".mountPath", "", "is missing")
		case strings.Contains(mount.MountPath, ":"):
			c.value(here+".mountPath", "", "%q contains a colon", mount.MountPath)
		default:
			paths.add(c, here+".mountPath", "mount path", mount.MountPath)
		}
		if strings.HasPrefix(mount.SubPath, "/") || slices.Contains(strings.Split(mount.SubPath, "/"), "..") {
			c.value(here+".subPath", "Write a relative path without ‘..’.", "%q leaves the volume", mount.SubPath)
		}
	}
}
