package diff_test

func fluxCases() map[string]dangerous {
	return map[string]dangerous{
		"a Kustomization is removed": {change: without(fluxProxy), want: []string{
			"kustomization-removed | Data loss: Kustomization flux-system/platform-proxy: Flux deletes everything that it applied from ./clusters/prod/rendered/platform/proxy.",
		}},
		"a Kustomization that orphans is removed": {change: without(fluxCortex), want: []string{
			"kustomization-removed | Outage: Kustomization flux-system/platform-cortex: Flux stops looking after everything in ./clusters/prod/rendered/platform/cortex; the objects stay (deletionPolicy: Orphan).",
		}},
		"a Kustomization is renamed": {change: edit(fluxCortex, "name: platform-cortex", "name: cortex"), want: []string{
			"kustomization-removed | Outage: Kustomization flux-system/platform-cortex: Flux stops looking after everything in ./clusters/prod/rendered/platform/cortex; the objects stay (deletionPolicy: Orphan).",
		}},
		"a Kustomization's path changes": {change: edit(fluxProxy, "platform/proxy,", "platform/door,"), want: []string{
			"kustomization-changed | Outage: Kustomization flux-system/platform-proxy: spec.path changes from ./clusters/prod/rendered/platform/proxy to ./clusters/prod/rendered/platform/door: " +
				"Flux deletes what was at the old place and is not at the new one.",
		}},
		"a Kustomization no longer prunes": {change: edit(fluxProxy, "prune: true", "prune: false"), want: []string{
			"kustomization-changed | Outage: Kustomization flux-system/platform-proxy: spec.prune changes from true to false: what is removed from Git stays in the cluster from now on.",
		}},
		"an object moves to another Kustomization": {change: rename(querier, "platform/reading/deployment-querier.yaml"), want: []string{
			"object-moved | Outage: Deployment cortex/querier: moved from platform/cortex to platform/reading: the Flux Kustomization that applied it so far may delete it before the other one makes it again.",
		}},
	}
}
