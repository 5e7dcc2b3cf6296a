package sizing

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/document"
)

// override applies what cluster.yaml says about single workloads. Components that are unknown here are left to the caller,
// who knows which folders bases/ has: they may have no sizes at all.
func override(s Sizing, c *cluster.Cluster) Problems {
	var problems Problems
	for _, component := range slices.Sorted(maps.Keys(c.Components)) {
		workloads := c.Components[component].Workloads
		for _, name := range slices.Sorted(maps.Keys(workloads)) {
			at := "components." + component + ".workloads." + name
			computed, known := s[component][name]
			if !known {
				problems = append(problems, unknownWorkload(at, component, name, s[component]))
				continue
			}
			changed, found := computed.override(at, component+"/"+name, workloads[name])
			problems = append(problems, found...)
			s[component][name] = changed
		}
	}
	return problems
}

func unknownWorkload(at, component, name string, known map[string]Workload) Problem {
	if len(known) == 0 {
		return Problem{
			Path: at, Message: fmt.Sprintf("the component %q has no computed workloads in this cluster", component),
			Hint: "Remove it, or use a Kustomize patch in patches/" + component + "/.",
		}
	}
	names := slices.Sorted(maps.Keys(known))
	message := fmt.Sprintf("unknown workload %q of %s", name, component)
	if near := document.Nearest(name, names); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	return Problem{Path: at, Message: message, Hint: "Its workloads in this topology are " + strings.Join(names, ", ") + "."}
}

// singletons are workloads that must not run twice, each with the reason.
func singletons() map[string]string {
	return map[string]string{
		"loki/compactor":            "two compactors overwrite each other's delete requests",
		"loki/loki":                 "the single binary does not share its data; use topology microservices for more",
		"cortex/cortex":             "the single binary does not share its data; use topology microservices for more",
		"grafana/grafana":           "its database is in the pod; give it more memory instead",
		"grafana/sidecar":           "it runs in Grafana's pod",
		"object-store/object-store": "its data is one volume; bring an object storage of your own for more",
	}
}

// scalable are workloads that may have more pods than configurations know of: Deployments behind a Service.
func scalable() []string {
	return []string{
		"cortex/distributor", "cortex/querier", "cortex/query-frontend", "loki/distributor", "loki/querier",
		"loki/query-frontend", "proxy/proxy",
	}
}

// override changes the fields that are written. Why stays that of the computed size.
func (w Workload) override(at, id string, with cluster.Workload) (Workload, Problems) {
	var problems Problems
	refuse := func(field, message, hint string) {
		problems = append(problems, Problem{Path: at + "." + field, Message: message, Hint: hint})
	}
	if with.Replicas != nil {
		why, single := singletons()[id]
		switch {
		case *with.Replicas < 0:
			refuse("replicas", fmt.Sprintf("%d is negative", *with.Replicas), "Write the number of pods.")
		case single && *with.Replicas > 1:
			refuse("replicas", id+" runs once: "+why, "Remove the line.")
		}
		w.Replicas, w.Overridden = *with.Replicas, true
	}
	if with.MaxReplicas != 0 {
		switch {
		case !slices.Contains(scalable(), id):
			refuse("maxReplicas", id+" is not for an autoscaler: it keeps data, or its number of pods is part of its configuration",
				"Remove the line. These can be scaled: "+strings.Join(scalable(), ", ")+".")
		case with.MaxReplicas < w.Replicas:
			refuse("maxReplicas", fmt.Sprintf("%d is below the %d replicas that there are at least", with.MaxReplicas, w.Replicas),
				"Write a larger number, or a smaller one for replicas.")
		}
		w.MaxReplicas, w.Overridden = with.MaxReplicas, true
	}
	if with.CPU != "" {
		if q, ok := parse(with.CPU); !ok || q.MilliValue() < 1 {
			refuse("cpu", fmt.Sprintf("%q is not an amount of CPU", with.CPU), `Write cores or thousandths of one: "2", "500m".`)
		} else if q.Value() > 1024 {
			refuse("cpu", fmt.Sprintf("%q is more than any machine has", with.CPU), fmt.Sprintf(`For thousandths of a core write "%sm".`, with.CPU))
		}
		w.CPU, w.Overridden = with.CPU, true
	}
	if with.Memory != "" {
		refuseBytes(with.Memory, "memory", 16*miB, refuse)
		q, _ := parse(with.Memory)
		w.Memory, w.MemoryBytes, w.Overridden = with.Memory, q.Value(), true
	}
	if with.Storage != "" {
		if w.Storage == "" {
			refuse("storage", id+" has no volume", "Remove the line.")
		}
		refuseBytes(with.Storage, "storage", giB, refuse)
		w.Storage, w.Overridden = with.Storage, true
	}
	return w, problems
}

// refuseBytes finds amounts that are malformed or that lack their unit.
func refuseBytes(text, field string, least int64, refuse func(field, message, hint string)) {
	q, ok := parse(text)
	switch {
	case !ok:
		refuse(field, fmt.Sprintf("%q is not an amount of %s", text, field), `Write it in Kubernetes' notation: "512Mi", "16Gi".`)
	case strings.HasSuffix(text, "m"):
		refuse(field, fmt.Sprintf("%q is in thousandths of a byte", text), fmt.Sprintf("Write %q.", strings.TrimSuffix(text, "m")+"Mi"))
	case q.Value() < least:
		refuse(field, fmt.Sprintf("%q is %d bytes, too little to run with", text, q.Value()),
			fmt.Sprintf("A unit may be missing: %q?", strings.TrimRight(text, "kMGi")+"Gi"))
	}
}

func parse(text string) (resource.Quantity, bool) {
	q, err := resource.ParseQuantity(text)
	return q, err == nil && q.Sign() > 0
}
