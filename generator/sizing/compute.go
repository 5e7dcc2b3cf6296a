package sizing

import (
	"math"
	"strings"

	"github.com/opsgen/opsgen/generator/cluster"
)

// Problem is one thing in cluster.yaml that cannot be sized.
type Problem struct {
	// Path is the place in cluster.yaml ("components.cortex.workloads.ingestor").
	Path string
	// Message says what is wrong, in one sentence without a full stop.
	Message string
	// Hint says what to write instead; may be empty.
	Hint string
}

// Problems are all problems of a cluster; they are an error as a whole.
type Problems []Problem

// Error joins the problems, a line each.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Path + ": " + problem.Message
		if problem.Hint != "" {
			lines[i] += ". " + problem.Hint
		}
	}
	return strings.Join(lines, "\n")
}

// need is the size of one workload before it is rounded and written.
type need struct {
	pods    int
	zonal   bool
	tenants bool
	sidecar bool
	// cpu is in cores; memory and storage (0: no volume) are in bytes.
	cpu, memory, storage float64
	why                  string
}

// Compute gives the size of every workload of the cluster, which must have its defaults, with that many tenants (the
// shipped tenant system among them). It includes the workloads of all components that the topology and the provider allow for, whether enabled or not, unless
// cluster.yaml switches the component off. The error is Problems: all of them, each with its path in cluster.yaml.
func Compute(c *cluster.Cluster, tenants int) (Sizing, error) {
	if problems := checkInput(c); len(problems) > 0 {
		return nil, problems
	}
	in := newLoad(c, max(tenants, 1))
	s := Sizing{}
	for component, needs := range needsOf(in) {
		workloads := map[string]Workload{}
		for name, n := range needs {
			workloads[name] = n.workload(in)
		}
		s[component] = workloads
	}
	if problems := override(s, c); len(problems) > 0 {
		return nil, problems
	}
	for name, component := range c.Components {
		if component.Enabled != nil && !*component.Enabled {
			delete(s, name)
		}
	}
	return s, nil
}

// needsOf are the needs of all workloads, by component.
func needsOf(in load) map[string]map[string]need {
	all := map[string]map[string]need{
		"cortex":       cortexNeeds(in),
		"loki":         lokiNeeds(in),
		"proxy":        {"proxy": proxyNeed(in)},
		"syncer":       {"syncer": syncerNeed(in)},
		"grafana":      grafanaNeeds(in),
		"flux":         fluxNeeds(in),
		"cert-manager": certManagerNeeds(),
		"external-dns": {"external-dns": externalDNSNeed()},
	}
	if in.bundled {
		all["object-store"] = map[string]need{"object-store": objectStoreNeed(in)}
	}
	if in.autoscaler {
		all["cluster-autoscaler"] = map[string]need{"cluster-autoscaler": autoscalerNeed(in)}
	}
	all["collector"] = map[string]need{"collector": collectorNeed(in, all)}
	return all
}

// workload rounds the need and writes it in Kubernetes' notation.
func (n need) workload(in load) Workload {
	memory := memoryBytes(n.memory)
	w := Workload{
		Replicas: n.pods, CPU: cores(n.cpu), Memory: binary(memory), MemoryBytes: memory, Why: n.why, Sidecar: n.sidecar,
	}
	if n.zonal {
		w.Zones = in.zones
	}
	if n.tenants {
		w.Tenants = in.tenants
	}
	if n.storage > 0 {
		w.Storage = volume(n.storage)
	}
	return w
}

// checkInput finds what the formulas cannot compute with. Whether a capacity is wise is for package advice to say.
func checkInput(c *cluster.Cluster) Problems {
	var problems Problems
	positive := func(path string, value float64, example string) {
		if !(value > 0) || math.IsInf(value, 0) {
			problems = append(problems, Problem{Path: path, Message: "must be a number greater than zero", Hint: "Write " + example + "."})
		}
	}
	m, l := c.Capacity.Metrics, c.Capacity.Logs
	positive("capacity.metrics.activeSeries", float64(m.ActiveSeries), `the number of series that receive samples, such as "100k"`)
	positive("capacity.metrics.scrapeInterval", float64(m.ScrapeInterval), `a duration such as "30s"`)
	positive("capacity.metrics.retention", float64(m.Retention), `a duration such as "30d"`)
	positive("capacity.metrics.queriesPerSecond", m.QueriesPerSecond, "a number such as 5")
	positive("capacity.logs.bytesPerDay", float64(l.BytesPerDay), `a volume such as "10GB"`)
	positive("capacity.logs.retention", float64(l.Retention), `a duration such as "30d"`)
	positive("capacity.logs.queriesPerSecond", l.QueriesPerSecond, "a number such as 1")
	if r := c.Options.Replication; r != 1 && r != 3 {
		problems = append(problems, Problem{Path: "options.replication", Message: "must be 1 or 3"})
	}
	return problems
}
