package diff_test

func workloadCases() map[string]dangerous {
	return map[string]dangerous{
		"a volume of a stateful set changes in two zones": {change: all(edit(zoneA, "20Gi", "40Gi"), edit(zoneB, "20Gi", "40Gi")), want: []string{
			"immutable-field | Cannot be applied: StatefulSet cortex/ingester-zone-a, StatefulSet cortex/ingester-zone-b: it changes spec.volumeClaimTemplates (immutable). " +
				"Flux would stop here, with everything that waits for it.",
		}},
		"a selector of a deployment changes": {change: edit(querier, "matchLabels: {app: querier}", "matchLabels: {app: reader}"), want: []string{
			"immutable-field | Cannot be applied: Deployment cortex/querier: it changes spec.selector (immutable). Flux would stop here, with everything that waits for it.",
		}},
		"a stateful workload is removed with its budget": {change: without(zoneA, zoneB, zoneC, "platform/cortex/poddisruptionbudget-ingester.yaml"), want: []string{
			"stateful-removed | Data loss: StatefulSet cortex/ingester-zone-a, StatefulSet cortex/ingester-zone-b, StatefulSet cortex/ingester-zone-c: the stateful workload is removed: " +
				"its pods stop, and what they have not written to the bucket stays on claims that nobody reads any more.",
		}},
		"fewer replicas are left than copies": {change: all(edit(zoneA, "replicas: 2", "replicas: 1"), edit(zoneB, "replicas: 2", "replicas: 1"), edit(zoneC, "replicas: 2", "replicas: 0")), want: []string{
			"replicas-under-quorum | Outage: StatefulSet cortex/ingester: 2 replicas are left for 3 copies of data: none may fail or restart any more.",
		}},
		"fewer replicas are left than the quorum": {change: all(edit(zoneA, "replicas: 2", "replicas: 1"), edit(zoneB, "replicas: 2", "replicas: 0"), edit(zoneC, "replicas: 2", "replicas: 0")), want: []string{
			"replicas-under-quorum | Outage: StatefulSet cortex/ingester: 1 replica is left, fewer than the quorum of 2 of 3 copies: writes are refused.",
		}},
		"a workload is scaled to nothing": {change: edit(querier, "replicas: 2", "replicas: 0"), want: []string{
			"replicas-under-quorum | Outage: Deployment cortex/querier: it is scaled to no pod at all.",
		}},
		"a disruption budget is removed": {change: without("platform/cortex/poddisruptionbudget-ingester.yaml"), want: []string{
			"disruption-budget-removed | Outage: PodDisruptionBudget cortex/ingester: the budget is removed: draining nodes may stop all of its pods at once.",
		}},
		"an image goes back": {change: edit(querier, "v1.21.1", "v1.20.3"), want: []string{
			"image-moved | Compatibility: Deployment cortex/querier: image quay.io/cortexproject/cortex goes back from v1.21.1 to v1.20.3: an older version may not read what the newer one wrote.",
		}},
		"an image moves by a major version": {change: edit(querier, "v1.21.1", "v2.0.0@sha256:00"), want: []string{
			"image-moved | Compatibility: Deployment cortex/querier: image quay.io/cortexproject/cortex moves by a major version, from v1.21.1 to v2.0.0: read its release notes first.",
		}},
	}
}
