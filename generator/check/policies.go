package check

import (
	"regexp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// policies are the platform's own demands on everything that makes pods.
func policies(s subject, w *workload) {
	for c := range w.containers() {
		image(s, c)
		resources(s, c)
		hostPorts(s, c)
		if c.SecurityContext == nil || c.SecurityContext.ReadOnlyRootFilesystem == nil || !*c.SecurityContext.ReadOnlyRootFilesystem {
			s.add(ruleReadOnlyRoot, c.path+".securityContext.readOnlyRootFilesystem", "Set it to true, and mount an emptyDir where the program writes.",
				"container %s can write to its root file system", c.Name)
		}
		probes(s, w, c)
	}
	account(s, w)
	if w.endless {
		placement(s, w)
	}
	if w.stateful != nil {
		statefulSet(s, w)
	}
	grace(s, w)
}

var imageTag = regexp.MustCompile(`:([^:/@]+)(@.*)?$`)

func image(s subject, c container) {
	tag := ""
	if m := imageTag.FindStringSubmatch(c.Image); m != nil {
		tag = m[1]
	}
	switch {
	case c.Image == "" || strings.Contains(c.Image, "@sha256:") && tag != "latest":
	case tag == "":
		s.add(ruleImageTag, c.path+".image", "Name an image of versions.yaml, or write its tag.", "image %s has no tag, which means latest", c.Image)
	case tag == "latest":
		s.add(ruleImageTag, c.path+".image", "Write the tag of a release.", "image %s is another one every time that it is pulled", c.Image)
	}
}

func resources(s subject, c container) {
	var missing []string
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if quantity, ok := c.Resources.Requests[name]; !ok || quantity.IsZero() {
			missing = append(missing, "requests."+string(name))
		}
	}
	if quantity, ok := c.Resources.Limits[corev1.ResourceMemory]; !ok || quantity.IsZero() {
		missing = append(missing, "limits.memory")
	}
	if len(missing) > 0 {
		s.add(ruleResources, c.path+".resources", "Use k.resources(size) with a size of cluster.sizing.",
			"container %s lacks %s", c.Name, strings.Join(missing, ", "))
	}
}

func hostPorts(s subject, c container) {
	for _, port := range c.Ports {
		if port.HostPort != 0 {
			s.add(ruleHostPort, c.path+".ports", "Leave hostPort out, and make a Service.", "container %s takes port %d of its node", c.Name, port.HostPort)
		}
	}
}

func probes(s subject, w *workload, c container) {
	for _, probe := range []struct {
		name  string
		probe *corev1.Probe
	}{{"livenessProbe", c.LivenessProbe}, {"readinessProbe", c.ReadinessProbe}, {"startupProbe", c.StartupProbe}} {
		if probe.probe != nil && probe.probe.Exec != nil {
			s.add(ruleExecProbe, c.path+"."+probe.name+".exec", "Write httpGet, tcpSocket or grpc.",
				"container %s is probed by a command, which an image without a shell does not have", c.Name)
		}
	}
	if w.endless && !c.initial && c.ReadinessProbe == nil {
		s.add(ruleReadinessProbe, c.path+".readinessProbe", "Probe what the container serves, such as GET /ready.", "container %s has no readiness probe", c.Name)
	}
	if w.keepsRing() && c.LivenessProbe != nil {
		s.add(ruleStatefulLiveness, c.path+".livenessProbe", "Use a startupProbe and a readinessProbe.",
			"container %s has a liveness probe, which kills it while it replays its log or loads its blocks", c.Name)
	}
}

const apiServerFlow = "apiserver"

func account(s subject, w *workload) {
	spec := w.spec()
	if spec.ServiceAccountName == "" || spec.ServiceAccountName == "default" {
		s.add(ruleServiceAccount, w.at("serviceAccountName"), "Make a service account for the component.", "the pods run as the account default, which everything in the namespace shares")
	}
	mounts := spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken
	declared := strings.Fields(s.object.GetAnnotations()[flowsAnnotation])
	if mounts && !slices.Contains(declared, apiServerFlow) {
		s.add(ruleTokenMount, w.at("automountServiceAccountToken"), "Set it to false, or declare the flow apiserver.",
			"the pods mount a token for the API server but do not declare that they talk to it")
	}
}

const zoneTopology = "topology.kubernetes.io/zone"

// placement asks for replicas apart from each other.
func placement(s subject, w *workload) {
	spec := w.spec()
	apart := len(spec.TopologySpreadConstraints) > 0 || spec.NodeSelector[zoneTopology] != "" ||
		spec.Affinity != nil && spec.Affinity.PodAntiAffinity != nil
	if w.replicas > 1 && !apart {
		s.add(ruleSpread, w.at("topologySpreadConstraints"), "Add k.spread(labels), or k.inZone(zone) for one zone's pods.",
			"%d replicas may all be placed on one node", w.replicas)
	}
}

func statefulSet(s subject, w *workload) {
	spec := w.stateful.Spec
	if w.replicas > 1 && spec.PodManagementPolicy != appsv1.ParallelPodManagement {
		s.add(ruleParallelStart, "spec.podManagementPolicy", "Write Parallel.",
			"the pods start in order, so that a broken revision stays after it was corrected in Git (kubernetes/kubernetes#67250)")
	}
	if spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType {
		s.add(ruleUpdateStrategy, "spec.updateStrategy.type", "Write RollingUpdate.", "with OnDelete nothing restarts the pods, and Flux takes the change for done at once")
	}
}

// The shortest graces for shutdown, in seconds.
const (
	cortexGrace = 1200
	otherGrace  = 300
)

func grace(s subject, w *workload) {
	if !w.ingests() {
		return
	}
	least, has := int64(otherGrace), int64(30)
	if w.template.Labels[nameLabel] == "cortex" {
		least = cortexGrace
	}
	if seconds := w.spec().TerminationGracePeriodSeconds; seconds != nil {
		has = *seconds
	}
	if has < least {
		s.add(ruleTerminationGrace, w.at("terminationGracePeriodSeconds"), "", "an ingester needs at least %d s to hand over when it stops, and has %d", least, has)
	}
}

// zonesTogether finds the zones of one workload that would roll at the same time.
func zonesTogether(r *report, u *Unit) {
	first := map[string]string{} // workload → zone
	for i := range u.Objects {
		o := &u.Objects[i]
		if o.GetKind() != "StatefulSet" {
			continue
		}
		w := workloadIn(o)
		if w == nil || !w.zonal() {
			continue
		}
		key := strings.Join([]string{w.namespace, w.template.Labels[nameLabel], w.template.Labels[componentLabel]}, "/")
		zone, seen := first[key]
		if !seen {
			first[key] = w.template.Labels[zoneLabel]
		} else if zone != w.template.Labels[zoneLabel] {
			r.add(u, o, ruleZonesTogether, "spec.template.metadata.labels["+zoneLabel+"]", "Make it in zone.jsonnet.",
				"zones %s and %s of %s are in one unit: both would restart at the same time", zone, w.template.Labels[zoneLabel], w.template.Labels[componentLabel])
		}
	}
}
