package story

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// explained are the warnings that a first start has, and why each is no fault. A warning that no row explains fails the
// story.
var explained = []struct{ reason, object, message, why string }{
	{"Unhealthy", "", `(Readiness|Startup) probe failed`, "a program is not ready the moment it starts"},
	{"CgroupV1", "Node/", "", "the machine's kernel, not the bundle"},
	{"ClusterIPNotAllocated", "Service/", "", "the API server's check of addresses came between a Service and its allocation"},
	{"ErrGetKeyPair", "ClusterIssuer/internal", "", "the issuer waits for the certificate that it signs with, applied with it"},
	{"ErrInitIssuer", "ClusterIssuer/internal", "", "the issuer waits for the certificate that it signs with, applied with it"},
	{"Failed", "Pod/object-store", `secret "object-store" not found`, "the syncer makes the secret; it starts beside"},
	{"FailedMount", "Pod/", `(secret|configmap) "[a-z-]+" not found`, "cert-manager and the syncer make secrets; they start beside"},
	{"FailedMount", "Pod/", `failed to sync (secret|configmap) cache`, "the kubelet's own cache is not filled yet"},
	{"Failed", "Pod/grafana", `secret "grafana" not found`, "the syncer makes the secret for a new tenant's namespace"},
	{"FailedScheduling", "Pod/coredns", "no nodes available", "the name service is there before the first node"},
	{"FailedScheduling", "Pod/", "unbound immediate PersistentVolumeClaims", "the volume is being made"},
	{"InvalidDiskCapacity", "Node/", "", "the kubelet measures its disk a moment after its start"},
	{"BadConfig", "Issuer/", "", "cert-manager looks again"},
}

// warnings lists the cluster's warning events that nothing explains.
func (s *Story) warnings(ctx context.Context) ([]string, error) {
	events, err := s.Client.CoreV1().Events("").List(ctx, meta.ListOptions{FieldSelector: "type=Warning"})
	if err != nil {
		return nil, fmt.Errorf("listing events: %w", err)
	}
	var found []string
	for _, e := range events.Items {
		object := e.InvolvedObject.Kind + "/" + e.InvolvedObject.Name
		if !explains(e.Reason, object, e.Message) {
			found = append(found, fmt.Sprintf("%s %s in %s: %.300s", e.Reason, object, e.InvolvedObject.Namespace, e.Message))
		}
	}
	return found, nil
}

func explains(reason, object, message string) bool {
	for _, e := range explained {
		if e.reason == reason && strings.HasPrefix(object, e.object) && regexp.MustCompile(e.message).MatchString(message) {
			return true
		}
	}
	return false
}

// unready lists the pods that are not ready, or of which a container was started again, with the reason.
func (s *Story) unready(ctx context.Context) ([]string, error) {
	pods, err := s.Client.CoreV1().Pods("").List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing pods: %w", err)
	}
	var found []string
	for i := range pods.Items {
		p := &pods.Items[i]
		// A pod on its way out has no duty to be ready.
		if p.DeletionTimestamp != nil || p.Status.Phase == core.PodSucceeded {
			continue
		}
		ready := false
		for _, c := range p.Status.Conditions {
			ready = ready || c.Type == core.PodReady && c.Status == core.ConditionTrue
		}
		if !ready {
			found = append(found, fmt.Sprintf("%s/%s is not ready: %s", p.Namespace, p.Name, waiting(p)))
		}
		for _, c := range p.Status.ContainerStatuses {
			if c.RestartCount > 0 {
				found = append(found, fmt.Sprintf("%s/%s: container %s was started %d times again: %+v",
					p.Namespace, p.Name, c.Name, c.RestartCount, c.LastTerminationState.Terminated))
			}
		}
	}
	return found, nil
}

func waiting(p *core.Pod) string {
	var reasons []string
	for _, c := range append(p.Status.InitContainerStatuses, p.Status.ContainerStatuses...) {
		if w := c.State.Waiting; w != nil {
			reasons = append(reasons, c.Name+": "+w.Reason+" "+w.Message)
		}
	}
	return string(p.Status.Phase) + " " + strings.Join(reasons, ", ")
}

// checkPods says that every pod is ready and none was restarted, and that every warning is explained.
func (s *Story) checkPods(ctx context.Context) (string, error) {
	pods, err := s.unready(ctx)
	if err != nil {
		return "", err
	}
	warnings, err := s.warnings(ctx)
	if err != nil {
		return "", err
	}
	for _, w := range warnings {
		pods = append(pods, "not explained: "+w)
	}
	if len(pods) > 0 {
		return "", errors.New(strings.Join(pods, "\n"))
	}
	text, err := s.settled(ctx)
	return text + ", 0 unexplained warnings", err
}

// settled says that every pod is ready and none was restarted.
func (s *Story) settled(ctx context.Context) (string, error) {
	pods, err := s.unready(ctx)
	if err != nil {
		return "", err
	}
	if len(pods) > 0 {
		return "", errors.New(strings.Join(pods, "\n"))
	}
	list, err := s.Client.CoreV1().Pods("").List(ctx, meta.ListOptions{})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d ready, 0 restarts", len(list.Items)), nil
}

// memory compares what each pod uses with what it asked for. The figures are the kubelet's (working set).
func (s *Story) memory(ctx context.Context) (string, error) {
	nodes, err := s.Client.CoreV1().Nodes().List(ctx, meta.ListOptions{})
	if err != nil {
		return "", err
	}
	requested, err := s.requests(ctx)
	if err != nil {
		return "", err
	}
	var sum uint64
	var lines []string
	for _, n := range nodes.Items {
		data, err := s.Client.CoreV1().RESTClient().Get().AbsPath("/api/v1/nodes/" + n.Name + "/proxy/stats/summary").DoRaw(ctx)
		if err != nil {
			return "", fmt.Errorf("asking %s for its use of memory: %w", n.Name, err)
		}
		var summary struct {
			Pods []struct {
				PodRef struct{ Name, Namespace string }
				Memory struct{ WorkingSetBytes uint64 }
			}
		}
		if err := json.Unmarshal(data, &summary); err != nil {
			return "", fmt.Errorf("reading the use of memory: %w", err)
		}
		for _, p := range summary.Pods {
			sum += p.Memory.WorkingSetBytes
			lines = append(lines, fmt.Sprintf("           %-40s %5d of %5d MiB", p.PodRef.Namespace+"/"+p.PodRef.Name,
				p.Memory.WorkingSetBytes>>20, requested[p.PodRef.Namespace+"/"+p.PodRef.Name]>>20))
		}
	}
	s.t.Logf("memory used and requested:\n%s", strings.Join(lines, "\n"))
	return fmt.Sprintf("%d MiB in %d pods", sum>>20, len(lines)), nil
}

// requests are the bytes of memory that pods ask for, by namespace/name.
func (s *Story) requests(ctx context.Context) (map[string]int64, error) {
	pods, err := s.Client.CoreV1().Pods("").List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing pods: %w", err)
	}
	requested := map[string]int64{}
	for _, p := range pods.Items {
		for _, c := range p.Spec.Containers {
			requested[p.Namespace+"/"+p.Name] += c.Resources.Requests.Memory().Value()
		}
	}
	return requested, nil
}
