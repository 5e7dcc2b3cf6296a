package diff_test

import "github.com/opsgen/opsgen/generator/diff"

func dataCases() map[string]dangerous {
	used := diff.Usage{"prod": {"search": {ActiveSeries: 800_000}, "payments": {ActiveSeries: 120_000, Streams: 4000}}}
	return map[string]dangerous{
		"a tenant's retention is shortened": {change: edit(cortexLimits, "365d", "30d"), want: []string{
			"retention-shortened | Data loss: tenants/search: metrics retention 365d → 30d deletes 335 days on the next compaction.",
		}},
		"a tenant falls back to a shorter retention": {change: edit(cortexLimits, "compactor_blocks_retention_period: 365d, ", ""), want: []string{
			"retention-shortened | Data loss: tenants/search: metrics retention 365d → 90d deletes 275 days on the next compaction.",
		}},
		"everybody's retention of logs is shortened": {change: edit(lokiConfig, "720h", "168h"), want: []string{
			"retention-shortened | Data loss: loki, every tenant without a value of its own: logs retention 30d → 7d deletes 23 days on the next compaction.",
		}},
		"a retention is not whole days": {change: edit(cortexLimits, "365d", "1d12h"), want: []string{
			"retention-shortened | Data loss: tenants/search: metrics retention 365d → 1d12h deletes 363.5 days on the next compaction.",
		}},
		"a retention begins where everything was kept": {change: edit(cortexLimits, "retention_period: 0", "retention_period: 30d"), want: []string{
			"retention-shortened | Data loss: tenants/archive: metrics retention forever → 30d deletes everything older on the next compaction.",
		}},
		"a limit is lowered and nobody knows the usage": {change: edit(cortexLimits, "1000000", "500000"), want: []string{
			"limit-lowered | Refused writes: tenants/search: metrics max_global_series_per_user 1000000 → 500000; what is above is refused. What is used is not known: --usage tells.",
		}},
		"a limit is lowered below the usage": {change: edit(cortexLimits, "1000000", "500000"), usage: used, want: []string{
			"limit-lowered | Refused writes: tenants/search: metrics max_global_series_per_user 1000000 → 500000 is below what is used: 800000, so 38 % is refused.",
		}},
		"a default is lowered below one tenant's usage": {change: edit(cortexConfig, "150000", "100000"), usage: used, want: []string{
			"limit-lowered | Refused writes: tenants/payments: metrics max_global_series_per_user 150000 → 100000 is below what is used: 120000, so 17 % is refused.",
		}},
		"a limit of log streams is lowered below the usage": {change: edit(lokiConfig, "max_global_streams_per_user: 5000", "max_global_streams_per_user: 1000"), usage: used, want: []string{
			"limit-lowered | Refused writes: tenants/payments: logs max_global_streams_per_user 5000 → 1000 is below what is used: 4000, so 75 % is refused.",
		}},
		"a shard becomes smaller": {change: edit(cortexLimits, "shard_size: 6", "shard_size: 3"), want: []string{
			"shard-size-lowered | Outage: tenants/search: metrics ingestion_tenant_shard_size 6 → 3: queries no longer ask the ingesters that it leaves, and do not find what these have not stored yet.",
		}},
		"the bucket changes": {change: edit(cortexConfig, "acme-metrics", "acme-other"), want: []string{
			"bucket-changed | Data loss: ConfigMap cortex/cortex: data[cortex.yaml].blocks_storage.s3.bucket_name changes from acme-metrics to acme-other: what was written to the first is no longer found, and nothing moves it.",
		}},
		"a tenant's ID changes": {change: edit(proxyTenants, "id: search-x1", "id: search-x2"), want: []string{
			"tenant-id-changed | Data loss: tenants/search: its ID changes from search-x1 to search-x2: what it wrote so far is no longer found, and what search-x2 wrote is.",
		}},
		"a tenant is removed, with its rules and policies": {
			change: without("cluster/tenants-2/namespace-tenant-search.yaml", "cluster/tenants-2/kustomization-tenant-search.yaml", "cluster/tenants-2/networkpolicy-search.yaml", searchRules),
			want: []string{"tenant-removed | Data loss: tenants/search: the tenant is removed from prod: its endpoint, Grafana, rules and alerts stop at once. " +
				"Its metrics and logs stay in the buckets until their retention."},
		},
		"a removed tenant is marked to be erased": {change: edit(syncerErase, "tenants: []", "tenants: [{id: former-k7x2q, name: former}]"), want: []string{
			"tenant-erased | Data loss: tenants/former: all metrics and logs of its ID former-k7x2q are deleted from prod, beginning 15 minutes after the merge. " +
				"Nothing brings them back but a backup.",
		}},
		"a claim is removed": {change: without("platform/cortex/persistentvolumeclaim-scratch.yaml"), want: []string{
			"object-removed | Data loss: PersistentVolumeClaim cortex/scratch: it is no longer in Git, so Flux deletes it, and with it the data of its volume.",
		}},
		"a namespace is removed": {change: without("crds/namespaces/namespace-cortex.yaml"), want: []string{
			"object-removed | Data loss: Namespace cortex: it is no longer in Git. Flux leaves it in the cluster (prune: disabled), where it is nobody's; deleting it by hand deletes everything in it.",
		}},
		"a definition is removed": {change: without("crds/flux/customresourcedefinition-things.yaml"), want: []string{
			"object-removed | Data loss: CustomResourceDefinition things.example.com: it is no longer in Git. Flux leaves it in the cluster (prune: disabled), where it is nobody's; " +
				"deleting it by hand deletes every object of its kind.",
		}},
		"a definition's version is no longer served": {change: edit("crds/flux/customresourcedefinition-things.yaml", "name: v1beta1, served: true", "name: v1beta1, served: false"), want: []string{
			"definition-version-removed | Cannot be applied: CustomResourceDefinition things.example.com: it no longer serves v1beta1. " +
				"Objects that are stored in it must be written anew in another version first, or the API server refuses the definition.",
		}},
	}
}
