package sizing

import (
	"math"
	"regexp"
	"strconv"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Sum is what a whole cluster requests.
type Sum struct {
	// Pods is the number of pods.
	Pods int `json:"pods"`
	// CPU is in cores.
	CPU float64 `json:"cpu"`
	// Memory and Storage are in bytes; Storage is that of volumes, not of buckets.
	Memory  int64 `json:"memory"`
	Storage int64 `json:"storage"`
}

// Total adds up all workloads, over zones and tenants.
func Total(s Sizing) Sum {
	var sum Sum
	for _, e := range s.Entries() {
		n := e.Count()
		if !e.Sidecar {
			sum.Pods += n
		}
		sum.CPU += float64(n) * quantity(e.CPU)
		sum.Memory += int64(n) * e.MemoryBytes
		sum.Storage += int64(n) * int64(quantity(e.Storage))
	}
	sum.CPU = math.Round(sum.CPU*1000) / 1000
	return sum
}

// quantity reads what this package wrote or accepted; nothing is 0.
func quantity(text string) float64 {
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return 0
	}
	return q.AsApproximateFloat64()
}

// Node is a kind of machine.
type Node struct {
	// CPU is in cores, Memory in bytes: what the provider sells, before Kubernetes takes its part.
	CPU    float64
	Memory float64
}

// StandardNode has 8 CPU and 32 GiB (m7g.2xlarge, n2-standard-8).
func StandardNode() Node { return Node{CPU: 8, Memory: 32 * giB} }

var (
	amazonType = regexp.MustCompile(`^([cmr])[a-z0-9-]*\.(\d*)(x?large)$`)
	googleType = regexp.MustCompile(`^[a-z0-9]+-(standard|highmem|highcpu)-(\d+)$`)
)

// NodeOf reads the size out of the name of an EC2 instance type of the families c, m and r ("m7g.2xlarge") or of a
// Google machine type ("n2-standard-8"). It is false for names that it cannot read.
func NodeOf(nodeType string) (Node, bool) {
	perCore := map[string]float64{"c": 2, "m": 4, "r": 8, "highcpu": 1, "standard": 4, "highmem": 8}
	if m := amazonType.FindStringSubmatch(nodeType); m != nil {
		cpu := 2.0
		if m[3] == "xlarge" {
			times, err := strconv.Atoi(m[2])
			if err != nil {
				times = 1
			}
			cpu = 4 * float64(times)
		}
		return Node{CPU: cpu, Memory: cpu * perCore[m[1]] * giB}, true
	}
	if m := googleType.FindStringSubmatch(nodeType); m != nil {
		cpu, err := strconv.ParseFloat(m[2], 64)
		return Node{CPU: cpu, Memory: cpu * perCore[m[1]] * giB}, err == nil
	}
	return Node{}, false
}

// Figures of Allocatable.
const (
	// daemonsCPU and daemonsMemory are for what runs on every node: network, volumes, metrics. Ours.
	daemonsCPU    = 0.3
	daemonsMemory = 0.5 * giB
	// packing is how full nodes get: pods do not divide evenly. Ours.
	packing = 0.85
)

// Allocatable is what is left for our pods. The reserve for memory is Google's for GKE, as remembered in November 2026:
// 25 % of the first 4 GiB, 20 % of the next 4, 10 % of the next 8, 6 % of the next 112, 2 % of the rest, and 100 MiB before
// eviction. EKS reserves less.
func (n Node) Allocatable() Node {
	reserve, rest := 100.0*miB, n.Memory
	for _, tier := range []struct{ size, part float64 }{{4 * giB, 0.25}, {4 * giB, 0.2}, {8 * giB, 0.1}, {112 * giB, 0.06}, {exbibyte, 0.02}} {
		take := min(rest, tier.size)
		reserve += take * tier.part
		rest -= take
	}
	return Node{CPU: max(0.1, n.CPU-0.1-daemonsCPU), Memory: max(0.1*giB, n.Memory-reserve-daemonsMemory)}
}

// Fits says whether one pod of the workload fits on an empty node.
func (n Node) Fits(w Workload) bool {
	free := n.Allocatable()
	return quantity(w.CPU) <= free.CPU && float64(w.MemoryBytes) <= free.Memory
}

// LeastNodes is Nodes for as few pods as autoscalers may leave: what is there on a quiet day, where nodes are scaled, too.
func LeastNodes(s Sizing, nodeType string) int {
	least := Sizing{}
	for _, e := range s.Entries() {
		if least[e.Component] == nil {
			least[e.Component] = map[string]Workload{}
		}
		e.MaxReplicas = 0
		least[e.Component][e.Name] = e.Workload
	}
	return Nodes(least, nodeType)
}

// Nodes estimates how many nodes of a type the sizes need, with as many pods as autoscalers may make; an empty or unknown
// type means StandardNode. In each zone there is at
// least one, the zone's own pods and an even part of all others. It is an estimate: the scheduler packs pods, not sums.
func Nodes(s Sizing, nodeType string) int {
	node, ok := NodeOf(nodeType)
	if !ok {
		node = StandardNode()
	}
	free := node.Allocatable()
	zones := 1
	for _, e := range s.Entries() {
		zones = max(zones, e.Zones)
	}
	sum := Total(s)
	perZone := max(sum.CPU/float64(zones)/(free.CPU*packing), float64(sum.Memory)/float64(zones)/(free.Memory*packing))
	return zones * max(1, int(math.Ceil(perZone)))
}
