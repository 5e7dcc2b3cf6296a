package check_test

var configBreaches = []breach{
	{
		rule: "config-syntax", unit: "platform/loki",
		old: "analytics: {",
		new: "analytics: {{",
		want: []string{
			"error: platform/loki/configmap-loki.yaml: data[loki.yaml]: cannot be parsed: yaml: line 3: did not find expected ',' or '}' (config-syntax)",
		},
	},
	{
		rule: "own-config", unit: "platform/proxy",
		old: "",
		new: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: syncer, namespace: proxy}\ndata: {syncer.yaml: 'nonsense: 1'}",
		want: []string{
			"error: platform/proxy/configmap-syncer.yaml: data[syncer.yaml] line 1: proxy is missing (own-config)",
			`error: platform/proxy/configmap-syncer.yaml: data[syncer.yaml] line 1: unknown field "nonsense" (own-config). Fields here are: admin, proxy, metrics, logs, sources, resync, requestsPerSecond, generatedSecrets, erase, lease, logLevel.`,
		},
	},
	{
		rule: "cluster-label", unit: "platform/loki",
		old: "memberlist: {cluster_label: loki-loki}",
		new: "memberlist: {}",
		want: []string{
			"error: platform/loki/configmap-loki.yaml: data[loki.yaml].memberlist.cluster_label: memberlist.cluster_label is not set: a foreign pod that gets an address of this ring would join it (cluster-label). Write memberlist.cluster_label: <component>-<namespace>.",
		},
	},
	{
		rule: "cluster-label", unit: "platform/loki",
		old: "cluster_label: loki-loki",
		new: "cluster_label: logs",
		want: []string{
			"error: platform/loki/configmap-loki.yaml: data[loki.yaml].memberlist.cluster_label: memberlist.cluster_label logs does not contain the namespace loki, so that another installation may have the same (cluster-label)",
		},
	},
	{
		rule: "gossip-service", unit: "platform/cortex",
		old: "metadata: {name: gossip-ring, namespace: cortex}\nspec: {clusterIP: None, publishNotReadyAddresses: true, ",
		new: "metadata: {name: gossip-ring, namespace: cortex}\nspec: {",
		want: []string{
			"error: platform/cortex/service-gossip-ring.yaml: spec.clusterIP: the gossip Service has one address for all members (gossip-service). Write clusterIP: None, or use k.headless.",
			"error: platform/cortex/service-gossip-ring.yaml: spec.publishNotReadyAddresses: the gossip Service lists ready pods only, and no pod becomes ready before it has found others (gossip-service). Set it to true, or use k.headless.",
		},
	},
	{
		rule: "ring-health", unit: "platform/cortex",
		old: "        readiness_check_ring_health: false\n",
		new: "",
		want: []string{
			"error: platform/cortex/configmap-cortex.yaml: data[cortex.yaml].ingester.lifecycler.readiness_check_ring_health: ingester.lifecycler.readiness_check_ring_health is not set: one member that is gone keeps every new ingester unready, until somebody forgets it by hand (ring-health). Write ingester.lifecycler.readiness_check_ring_health: false.",
		},
	},
	{
		rule: "ring-handover", unit: "platform/cortex",
		old: "extend_writes: false",
		new: "extend_writes: true",
		want: []string{
			"error: platform/cortex/configmap-cortex.yaml: data[cortex.yaml].distributor.extend_writes: distributor.extend_writes is true: during a rollout series would be written to more ingesters, twice as many in the end (ring-handover). Write distributor.extend_writes: false.",
		},
	},
	{
		rule: "cortex-sharding", unit: "platform/cortex",
		old: "store_gateway: {sharding_enabled: true}",
		new: "store_gateway: {}",
		want: []string{
			"error: platform/cortex/configmap-cortex.yaml: data[cortex.yaml].store_gateway.sharding_enabled: store_gateway.sharding_enabled is not set: every store-gateway would load all blocks (cortex-sharding). Write store_gateway.sharding_enabled: true.",
		},
	},
	{
		rule: "cortex-compactor", unit: "platform/cortex",
		old: "skip_blocks_with_out_of_order_chunks_enabled: true",
		new: "skip_blocks_with_out_of_order_chunks_enabled: false",
		want: []string{
			"error: platform/cortex/configmap-cortex.yaml: data[cortex.yaml].compactor.skip_blocks_with_out_of_order_chunks_enabled: compactor.skip_blocks_with_out_of_order_chunks_enabled is false: one block with a chunk out of order stops the tenant's compaction for ever (cortex-compactor). Write compactor.skip_blocks_with_out_of_order_chunks_enabled: true.",
		},
	},
	{
		rule: "loki-retention", unit: "platform/loki",
		old: "retention_enabled: true, delete_request_store: s3",
		new: "retention_enabled: true",
		want: []string{
			"error: platform/loki/configmap-loki.yaml: data[loki.yaml].compactor.delete_request_store: compactor.delete_request_store is not set: with retention on, Loki does not start (loki-retention). Name the object store, such as s3.",
		},
	},
	{
		rule: "loki-retention", unit: "platform/loki",
		old: "compactor: {retention_enabled: true, delete_request_store: s3}",
		new: "compactor: {}",
		want: []string{
			"error: platform/loki/configmap-loki.yaml: data[loki.yaml].compactor.retention_enabled: compactor.retention_enabled is not set: logs are never deleted (loki-retention). Write compactor.retention_enabled: true.",
		},
	},
	{
		rule: "loki-compactor", unit: "platform/loki",
		old: "replicas: 1",
		new: "replicas: 2",
		want: []string{
			"error: platform/loki/deployment-compactor.yaml: spec.replicas: 2 compactors of Loki would overwrite each other's delete requests (loki-compactor). Write 1.",
			"error: platform/loki/deployment-compactor.yaml: spec.template.spec.topologySpreadConstraints: 2 replicas may all be placed on one node (spread). Add k.spread(labels), or k.inZone(zone) for one zone's pods.",
			"error: platform/loki/deployment-compactor.yaml: no PodDisruptionBudget selects its 2 replicas (disruption-budget). Add k.disruptionBudget(name, labels); one for all zones.",
		},
	},
	{
		rule: "loki-reporting", unit: "platform/loki",
		old: "reporting_enabled: false",
		new: "reporting_enabled: true",
		want: []string{
			"error: platform/loki/configmap-loki.yaml: data[loki.yaml].analytics.reporting_enabled: analytics.reporting_enabled is true: Loki sends usage statistics to its makers (loki-reporting). Write analytics.reporting_enabled: false.",
		},
	},
	{
		rule: "loki-labels", unit: "platform/loki",
		old: "service.name, k8s",
		new: "k8s.pod.name, k8s",
		want: []string{
			"error: platform/loki/configmap-loki.yaml: data[loki.yaml].distributor.otlp_config.default_resource_attributes_as_index_labels: k8s.pod.name becomes a label and changes with every pod: every restart is a new stream (loki-labels). Leave it out: it stays searchable as structured metadata.",
		},
	},
	{
		rule: "loki-labels", unit: "platform/loki",
		old: "distributor: {otlp_config: {default_resource_attributes_as_index_labels: [service.name, k8s.namespace.name]}}",
		new: "distributor: {}",
		want: []string{
			"error: platform/loki/configmap-loki.yaml: data[loki.yaml].distributor.otlp_config.default_resource_attributes_as_index_labels: the list of resource attributes that become labels is not set, and Loki's own contains pod names: every restart is a new stream (loki-labels). List few, such as service.name and k8s.namespace.name.",
		},
	},
	{
		rule: "memcached-memory", unit: "platform/cortex",
		old: "[-m, '700'",
		new: "[-m, '1000'",
		want: []string{
			"error: platform/cortex/statefulset-chunks-cache.yaml: spec.template.spec.containers[0].resources.limits.memory: memcached keeps 1000 MiB of items (-m) and needs a limit of at least 1300 MiB, but has 1024 MiB (memcached-memory). Raise it, or lower -m.",
		},
	},
	{
		rule: "grafana-database", unit: "tenants/ann",
		old: "strategy: {type: Recreate}",
		new: "strategy: {type: RollingUpdate}",
		want: []string{
			"error: tenants/ann/deployment-grafana.yaml: spec.strategy.type: a rolling update lets two pods open one SQLite database (grafana-database). Write Recreate. Or give it a database of its own ([database] type).",
		},
	},
	{
		rule: "grafana-plugins", unit: "tenants/ann",
		old: "preinstall_disabled = true",
		new: "preinstall_disabled = false",
		want: []string{
			"error: tenants/ann/configmap-grafana.yaml: data[grafana.ini]: [plugins] preinstall_disabled is false: it would install plugins from the internet at every start (grafana-plugins). Write preinstall_disabled = true in section [plugins].",
		},
	},
	{
		rule: "datasource", unit: "tenants/ann",
		old: "uid: logs, ",
		new: "",
		want: []string{
			"error: tenants/ann/configmap-grafana.yaml: data[datasources.yaml]: data source Logs has no uid, so that Grafana makes one up (datasource). Write uid, and never change it.",
		},
	},
	{
		rule: "datasource", unit: "tenants/ann",
		old: "uid: logs, ",
		new: "uid: metrics, ",
		want: []string{
			"error: tenants/ann/configmap-grafana.yaml: data[datasources.yaml]: data source Logs has the uid metrics, which another one in ConfigMap tenant-ann/grafana has (datasource). Give each its own.",
		},
	},
	{
		rule: "dashboard-format", unit: "tenants/ann",
		old: `"uid": "one", `,
		new: `"apiVersion": "dashboard.grafana.app/v2", "uid": "one", `,
		want: []string{
			"error: tenants/ann/configmap-dashboard-one.yaml: data[dashboard.json]: the dashboard is in the newer format, which Grafana does not load from files (dashboard-format). Export it as classic JSON (v1).",
		},
	},
	{
		rule: "dashboard-identity", unit: "tenants/ann",
		old: `"uid": "one"`,
		new: `"uid": "two"`,
		want: []string{
			"error: tenants/ann/configmap-dashboard-two.yaml: data[dashboard.json]: the uid two is that of the dashboard in ConfigMap tenant-ann/dashboard-one too (dashboard-identity). Give each its own.",
		},
	},
	{
		rule: "dashboard-identity", unit: "tenants/ann",
		old: `"title": "One"`,
		new: `"title": "Two"`,
		want: []string{
			`error: tenants/ann/configmap-dashboard-two.yaml: data[dashboard.json]: the title "Two" is that of the dashboard in ConfigMap tenant-ann/dashboard-one too, in the same folder (dashboard-identity). Rename one, or move it to another folder.`,
		},
	},
	{
		rule: "dashboard-alone", unit: "tenants/ann",
		old: `"panels": []}`,
		new: "\"panels\": []}\n  more.json: '{\"uid\": \"three\", \"title\": \"Three\", \"panels\": []}'",
		want: []string{
			"error: tenants/ann/configmap-dashboard-one.yaml: data: 2 dashboards are in one ConfigMap: dashboard.json, more.json (dashboard-alone). Make a ConfigMap for each.",
		},
	},
	{
		rule: "dns-arguments", unit: "controllers/external-dns",
		old: "--policy=upsert-only, ",
		new: "",
		want: []string{
			"error: controllers/external-dns/deployment-external-dns.yaml: spec.template.spec.containers[0].args: external-dns lacks --policy: without one it does not start, or deletes records (dns-arguments). Write it and never change it.",
		},
	},
	{
		rule: "dns-arguments", unit: "controllers/external-dns",
		old: "--txt-owner-id=prod-1, --registry=txt, --managed-record-types=A",
		new: "--txt-owner-id=default, --registry=noop, --managed-record-types=TXT",
		want: []string{
			"error: controllers/external-dns/deployment-external-dns.yaml: spec.template.spec.containers[0].args: --registry=noop keeps no ownership, so that foreign records would be deleted (dns-arguments). Write --registry=txt.",
			"error: controllers/external-dns/deployment-external-dns.yaml: spec.template.spec.containers[0].args: --txt-owner-id=default is what every other installation has too (dns-arguments). Write a name of this cluster.",
			"error: controllers/external-dns/deployment-external-dns.yaml: spec.template.spec.containers[0].args: external-dns cannot tell TXT records of its own from others (dns-arguments). Leave TXT out.",
		},
	},
	{
		rule: "certificate-rotation", unit: "config/cert-manager",
		old: ", privateKey: {rotationPolicy: Always}",
		new: "",
		want: []string{
			"error: config/cert-manager/certificate-proxy.yaml: spec.privateKey.rotationPolicy: whether a renewal makes a new key is not said, and the default has changed (certificate-rotation). Write Always, and let readers reload the Secret; or Never.",
		},
	},
	{
		rule: "post-build", unit: "cluster/root",
		old: "sourceRef: {kind: GitRepository, name: opsgen}",
		new: "postBuild: {}, sourceRef: {kind: GitRepository, name: opsgen}",
		want: []string{
			"error: cluster/kustomization-cluster.yaml: spec.postBuild: variables would be substituted in everything that the Kustomization applies (post-build). Render the values; use patches/ for a cluster's own.",
		},
	},
}
