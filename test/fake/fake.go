package fake

import (
	"context"
	_ "embed" // the stages
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/opsgen/opsgen/test/node"
)

// Label marks fake nodes. Beside real nodes they have a taint of the same name, so that only pods that tolerate it are
// placed where nothing runs.
const Label = "opsgen.dev/fake"

// Crash is the annotation of a pod that never becomes ready.
const Crash = "opsgen.dev/crash"

//go:embed stages.yaml
var stages []byte

// Kwok is the process that plays the kubelets of all fake nodes.
type Kwok struct {
	// Program is kwok; Kubeconfig says who calls the API server.
	Program, Kubeconfig string
	// Dir is the folder of its configuration.
	Dir string
	// Address is what fake nodes say theirs is; Pods is the range of the addresses that fake pods seem to have.
	Address netip.Addr
	Pods    netip.Prefix
}

// Process writes the configuration and answers how to run it.
func (k Kwok) Process() (node.Process, error) {
	file := filepath.Join(k.Dir, "stages.yaml")
	if err := os.MkdirAll(k.Dir, 0o755); err != nil {
		return node.Process{}, fmt.Errorf("making the folder of fake nodes: %w", err)
	}
	if err := os.WriteFile(file, stages, 0o644); err != nil {
		return node.Process{}, fmt.Errorf("writing the stages of fake nodes: %w", err)
	}
	return node.Process{Name: "kwok", Path: k.Program, Args: []string{
		"--kubeconfig=" + k.Kubeconfig, "--config=" + file, "--manage-all-nodes=false",
		"--manage-nodes-with-label-selector=" + Label, "--node-lease-duration-seconds=40",
		"--node-ip=" + k.Address.String(), "--cidr=" + k.Pods.String(),
	}}, nil
}

// Add makes count fake nodes, fake-1, fake-2, …, in the zones in turn, after those that are there. It answers their names.
func Add(ctx context.Context, client kubernetes.Interface, count int, zones []string, tainted bool) ([]string, error) {
	there, err := client.CoreV1().Nodes().List(ctx, meta.ListOptions{LabelSelector: Label})
	if err != nil {
		return nil, fmt.Errorf("listing fake nodes: %w", err)
	}
	number := 1
	for i := range there.Items {
		var taken int
		if _, err := fmt.Sscanf(there.Items[i].Name, "fake-%d", &taken); err == nil {
			number = max(number, taken+1)
		}
	}
	names := make([]string, 0, count)
	for ; len(names) < count; number++ {
		n := object("fake-"+strconv.Itoa(number), zones[(number-1)%len(zones)], tainted)
		_, err := client.CoreV1().Nodes().Create(ctx, n, meta.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			continue // Somebody else adds some at the same time.
		}
		if err != nil {
			return nil, fmt.Errorf("making %s: %w", n.Name, err)
		}
		names = append(names, n.Name)
	}
	return names, nil
}

// object is a node of ordinary size: a pod that asks for more than any machine has stays unplaced.
func object(name, zone string, tainted bool) *core.Node {
	room := core.ResourceList{
		core.ResourceCPU: resource.MustParse("16"), core.ResourceMemory: resource.MustParse("64Gi"),
		core.ResourcePods: resource.MustParse("110"), core.ResourceEphemeralStorage: resource.MustParse("500Gi"),
	}
	n := &core.Node{
		ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{
			Label: "true", core.LabelHostname: name, core.LabelTopologyZone: zone,
			core.LabelOSStable: "linux", core.LabelArchStable: "amd64",
		}},
		Status: core.NodeStatus{Capacity: room, Allocatable: room, NodeInfo: core.NodeSystemInfo{
			OperatingSystem: "linux", Architecture: "amd64", KubeletVersion: "fake", OSImage: "fake",
		}},
	}
	if tainted {
		n.Spec.Taints = []core.Taint{{Key: Label, Value: "true", Effect: core.TaintEffectNoSchedule}}
	}
	return n
}
