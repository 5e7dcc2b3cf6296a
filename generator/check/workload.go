package check

import (
	"fmt"
	"iter"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/opsgen/opsgen/generator/object"
)

// Labels by which the platform's workloads are told apart.
const (
	nameLabel      = "app.kubernetes.io/name"
	componentLabel = "app.kubernetes.io/component"
	zoneLabel      = "opsgen.dev/zone"
)

// workload is whatever makes pods.
type workload struct {
	namespace string
	// replicas is 1 where the kind has none.
	replicas int32
	template *corev1.PodTemplateSpec
	// path is where the template is ("spec.template").
	path string
	// endless workloads are meant to run for ever.
	endless    bool
	deployment *appsv1.Deployment
	stateful   *appsv1.StatefulSet
}

// workloadOf is the workload that a typed object is, or nil.
func workloadOf(typed runtime.Object) *workload {
	switch o := typed.(type) {
	case *appsv1.Deployment:
		return &workload{o.Namespace, replicas(o.Spec.Replicas), &o.Spec.Template, "spec.template", true, o, nil}
	case *appsv1.StatefulSet:
		return &workload{o.Namespace, replicas(o.Spec.Replicas), &o.Spec.Template, "spec.template", true, nil, o}
	case *appsv1.DaemonSet:
		return &workload{o.Namespace, 1, &o.Spec.Template, "spec.template", true, nil, nil}
	case *batchv1.Job:
		return &workload{o.Namespace, 1, &o.Spec.Template, "spec.template", false, nil, nil}
	case *batchv1.CronJob:
		return &workload{o.Namespace, 1, &o.Spec.JobTemplate.Spec.Template, "spec.jobTemplate.spec.template", false, nil, nil}
	case *corev1.Pod:
		template := &corev1.PodTemplateSpec{ObjectMeta: o.ObjectMeta, Spec: o.Spec}
		return &workload{o.Namespace, 1, template, "", true, nil, nil}
	default:
		return nil
	}
}

// workloadKinds are the kinds that workloadIn reads.
var workloadKinds = []string{"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"}

// workloadIn reads the workload that an untyped object is, or nil.
func workloadIn(o *object.Object) *workload {
	var typed runtime.Object
	switch o.GetAPIVersion() + " " + o.GetKind() {
	case "apps/v1 Deployment":
		typed = &appsv1.Deployment{}
	case "apps/v1 StatefulSet":
		typed = &appsv1.StatefulSet{}
	case "apps/v1 DaemonSet":
		typed = &appsv1.DaemonSet{}
	case "batch/v1 Job":
		typed = &batchv1.Job{}
	case "batch/v1 CronJob":
		typed = &batchv1.CronJob{}
	case "v1 Pod":
		typed = &corev1.Pod{}
	default:
		return nil
	}
	if !convert(o.Object, typed) {
		return nil
	}
	return workloadOf(typed)
}

func replicas(written *int32) int32 {
	if written == nil {
		return 1
	}
	return *written
}

// at is a path inside the pod specification.
func (w *workload) at(field string) string {
	if w.path == "" {
		return "spec." + field
	}
	return w.path + ".spec." + field
}

func (w *workload) spec() *corev1.PodSpec { return &w.template.Spec }

// is says that the pods are those of a workload of an application.
func (w *workload) is(application string, components ...string) bool {
	return w.template.Labels[nameLabel] == application && slices.Contains(components, w.template.Labels[componentLabel])
}

// zonal says that the workload is one zone's part of a larger one.
func (w *workload) zonal() bool { return w.template.Labels[zoneLabel] != "" }

// container is a container with its path in the object.
type container struct {
	*corev1.Container
	path string
	// helper containers run before the others and end; initial says that it is an init container.
	helper, initial bool
}

// containers are all containers, init containers first.
func (w *workload) containers() iter.Seq[container] {
	return func(yield func(container) bool) {
		spec := w.spec()
		for i := range spec.InitContainers {
			c := &spec.InitContainers[i]
			sidecar := c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
			if !yield(container{c, w.at(fmt.Sprintf("initContainers[%d]", i)), !sidecar, true}) {
				return
			}
		}
		for i := range spec.Containers {
			if !yield(container{&spec.Containers[i], w.at(fmt.Sprintf("containers[%d]", i)), false, false}) {
				return
			}
		}
	}
}

// ports are the ports of all containers that run on.
func (w *workload) ports() []corev1.ContainerPort {
	var ports []corev1.ContainerPort
	for c := range w.containers() {
		if !c.helper {
			ports = append(ports, c.Ports...)
		}
	}
	return ports
}

// keepsRing says that the pods are members of a ring that hold data: ingesters and store-gateways, also inside a
// single binary.
func (w *workload) keepsRing() bool {
	return w.ingests() || w.is("cortex", "store-gateway")
}

// ingests says that the pods hold samples or lines that are not yet in object storage.
func (w *workload) ingests() bool {
	return w.is("cortex", "ingester", "cortex") || w.is("loki", "ingester", "loki")
}
