package install

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// UnitState is how one of Flux' Kustomizations is.
type UnitState struct {
	Name  string `json:"name"`
	Layer string `json:"layer"`
	Ready bool   `json:"ready"`
	// Reason says why it is not ready.
	Reason string `json:"reason,omitempty"`
	// Revision is what it applied last.
	Revision string `json:"revision,omitempty"`
}

// expectations are how long layers usually take, counted from the moment that Flux begins.
func expectations() map[string]time.Duration {
	return map[string]time.Duration{
		"crds": 20 * time.Second, "controllers": time.Minute, "config": 90 * time.Second,
		"platform": 3 * time.Minute, "tenants": 3*time.Minute + 30*time.Second,
	}
}

// addLayer adds a resource that Flux makes: it is ready when all of the layer's Kustomizations are. Creating it is nothing
// but waiting, so that it is never done before Flux has begun.
func (i *installer) addLayer(layer string, after engine.Dependency) {
	units := i.Tree.Units(layer)
	if len(units) == 0 {
		return
	}
	engine.Add(i.graph, engine.Resource[[]UnitState]{
		Name: PhaseLayers + "/" + layer, Kind: layer,
		Expected: expectations()[layer], Limit: i.Patience, Part: true,
		Find: func(ctx context.Context) (engine.State[[]UnitState], error) {
			c, err := i.client(ctx)
			if err != nil {
				return engine.State[[]UnitState]{}, err
			}
			return findLayer(ctx, c, units)
		},
		Create: func(context.Context) error { return nil },
	}, after)
}

// findLayer is Absent where Flux is not there at all, and Pending as long as something is not ready.
func findLayer(ctx context.Context, c client.Client, units []Unit) (engine.State[[]UnitState], error) {
	states, err := Look(ctx, c, units)
	found := engine.State[[]UnitState]{Output: states, Condition: engine.Ready}
	if err != nil {
		return found, err
	}
	ready, first, missing := 0, "", 0
	for _, s := range states {
		if s.Reason == notThere {
			missing++
		}
		switch {
		case s.Ready:
			ready++
		case first == "":
			first = s.Name + ": " + s.Reason
		}
	}
	if missing == len(states) {
		return engine.State[[]UnitState]{}, nil
	}
	found.Detail = fmt.Sprintf("%d of %d", ready, len(states))
	if ready < len(states) {
		found.Condition, found.Detail = engine.Pending, found.Detail+", "+first
	}
	return found, nil
}

// Look says how Kustomizations are.
func Look(ctx context.Context, c client.Client, units []Unit) ([]UnitState, error) {
	source, err := sourceTrouble(ctx, c)
	if err != nil {
		return nil, err
	}
	states := make([]UnitState, len(units))
	for i, u := range units {
		live, err := get(ctx, c, kustomization(u.Name))
		if err != nil {
			return nil, err
		}
		states[i] = unitState(u, live, source)
		if states[i].Ready || source != "" || live == nil {
			continue
		}
		trouble, err := podTrouble(ctx, c, u.Namespaces)
		if err != nil {
			return nil, err
		}
		if trouble != "" {
			states[i].Reason = trouble
		}
	}
	return states, nil
}

// notThere is the reason of what Flux was not told of yet.
const notThere = "not there yet"

func unitState(u Unit, live *unstructured.Unstructured, source string) UnitState {
	s := UnitState{Name: u.Name, Layer: u.Layer}
	if live == nil {
		s.Reason = notThere
		return s
	}
	status, message := conditionOf(live, "Ready")
	seen, _, err := unstructured.NestedInt64(live.Object, "status", "observedGeneration")
	s.Ready = status == "True" && err == nil && seen == live.GetGeneration()
	s.Revision, _, err = unstructured.NestedString(live.Object, "status", "lastAppliedRevision")
	switch {
	case err != nil:
		s.Reason = err.Error()
	case s.Ready:
	case source != "":
		s.Reason = source
	case message == "":
		s.Reason = "Flux has not looked at it yet"
	default:
		s.Reason, _, _ = strings.Cut(message, "\n")
	}
	return s
}

// sourceTrouble says why Flux cannot read the repository; empty when it can. Nothing else matters before.
func sourceTrouble(ctx context.Context, c client.Client) (string, error) {
	source := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
		"metadata": map[string]any{"name": "opsgen", "namespace": fluxNamespace},
	}}
	live, err := get(ctx, c, source)
	switch {
	case err != nil:
		return "", err
	case live == nil:
		return notThere, nil
	}
	status, message := conditionOf(live, "Ready")
	message, _, _ = strings.Cut(message, "\n")
	switch {
	case status == "True":
		return "", nil
	case message == "":
		return podTroubleOr(ctx, c, fluxNamespace, "Flux has not looked at the repository yet")
	}
	return "the repository: " + message, nil
}

func podTroubleOr(ctx context.Context, c client.Client, namespace, otherwise string) (string, error) {
	trouble, err := podTrouble(ctx, c, []string{namespace})
	if trouble == "" {
		trouble = otherwise
	}
	return trouble, err
}

// podTrouble is the reason why a pod in one of the namespaces does not run; empty when there is none to name.
func podTrouble(ctx context.Context, c client.Client, namespaces []string) (string, error) {
	for _, namespace := range namespaces {
		var pods corev1.PodList
		if err := c.List(ctx, &pods, client.InNamespace(namespace)); err != nil {
			return "", fmt.Errorf("list pods in %s: %w", namespace, err)
		}
		for _, pod := range pods.Items {
			if why := whyNotRunning(&pod); why != "" {
				return fmt.Sprintf("pod %s/%s: %s", namespace, pod.Name, why), nil
			}
		}
	}
	return "", nil
}

// harmless are reasons that every pod goes through.
var harmless = []string{"ContainerCreating", "PodInitializing"}

func whyNotRunning(pod *corev1.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return c.Reason + ": " + c.Message
		}
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if w := s.State.Waiting; w != nil && !slices.Contains(harmless, w.Reason) {
			message, _, _ := strings.Cut(w.Message, "\n")
			return strings.TrimSuffix(w.Reason+": "+message, ": ")
		}
	}
	return ""
}
