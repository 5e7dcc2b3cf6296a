package render_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestFluxLeavesWhatAnAutoscalerDecides: Flux would put the number of pods back that is in Git, and fight over it for ever.
func TestFluxLeavesWhatAnAutoscalerDecides(t *testing.T) {
	const files = "clusters/example-local/rendered/"
	cases := map[string]func(*testing.T, string){
		"cluster.yaml says how many there may be": func(t *testing.T, root string) {
			write(t, root, "clusters/example-local/cluster.yaml", read(t, root, "clusters/example-local/cluster.yaml")+
				"\ncomponents: {proxy: {workloads: {proxy: {replicas: 2, maxReplicas: 6}}}}\n")
		},
		"a component of the fork's own scales another's workload": func(t *testing.T, root string) {
			write(t, root, "bases/scaling/component.yaml", "description: How many proxies there are.\nlayer: platform\nnamespace: proxy\n")
			write(t, root, "bases/scaling/main.jsonnet", `local k = import '../lib/k.libsonnet';
function(cluster, bundle) [k.autoscaler('proxy', { replicas: 2, maxReplicas: 6 })]
`)
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			root := repository(t)
			change(t, root)
			run(t, options(root, t.TempDir(), "example-local"))
			found, err := filepath.Glob(filepath.Join(root, files, "platform", "*", "horizontalpodautoscaler-proxy.yaml"))
			if err != nil || len(found) != 1 {
				t.Fatalf("there is no autoscaler: %v %v", found, err)
			}
			const rule = "  ignore:\n  - paths:\n    - /spec/replicas\n    target:\n      kind: Deployment\n      name: proxy\n      namespace: proxy\n"
			if unit := read(t, root, files+"cluster/kustomization-platform-proxy.yaml"); !strings.Contains(unit, rule) {
				t.Errorf("Flux is not told to leave the number alone:\n%s", unit)
			}
			if unit := read(t, root, files+"cluster/kustomization-platform-syncer.yaml"); strings.Contains(unit, "ignore:") {
				t.Errorf("Flux leaves alone what nothing else decides on:\n%s", unit)
			}
		})
	}
}
