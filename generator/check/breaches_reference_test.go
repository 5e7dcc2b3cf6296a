package check_test

var referenceBreaches = []breach{
	{
		rule: "duplicate", unit: "platform/loki",
		old: "",
		new: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: cortex, namespace: cortex}",
		want: []string{
			"error: platform/loki/serviceaccount-cortex.yaml: is made by platform/cortex too (duplicate). Make it once, from one base.",
		},
	},
	{
		rule: "duplicate", unit: "tenants/ann",
		old: "",
		new: "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: default-deny, namespace: tenant-ann}\nspec: {podSelector: {}, policyTypes: [Ingress, Egress]}",
		want: []string{
			"error: tenants/ann/networkpolicy-default-deny.yaml: is made by cluster/tenants-0 too (duplicate). Make it once, from one base.",
		},
	},
	{
		rule: "namespace", unit: "platform/proxy",
		old: "",
		new: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: lost, namespace: nowhere}",
		want: []string{
			"error: platform/proxy/serviceaccount-lost.yaml: metadata.namespace: no unit makes the namespace nowhere (namespace). Correct the name, or let a component have that namespace.",
		},
	},
	{
		rule: "tenant-boundary", unit: "tenants/ann",
		old: "",
		new: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: stray, namespace: cortex}",
		want: []string{
			"error: tenants/ann/serviceaccount-stray.yaml: metadata.namespace: is in cortex, where the account that applies tenant ann may do nothing; it may work in tenant-ann (tenant-boundary). Make it in another file of the base, for all tenants.",
		},
	},
	{
		rule: "tenant-rights", unit: "tenants/ann",
		old: "",
		new: "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: own, namespace: tenant-ann}\nspec: {defaultBackend: {service: {name: grafana, port: {number: 3000}}}}",
		want: []string{
			"error: tenants/ann/ingress-own.yaml: the account tenant-ann may not create and change ingresses.networking.k8s.io in tenant-ann (tenant-rights). Add the kind to the tenants' role in bases/flux/main.jsonnet, or make it elsewhere.",
		},
	},
	{
		rule: "layer-order", unit: "controllers/cert-manager",
		old: "",
		new: "apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {name: early}\nspec: {}",
		want: []string{
			"error: controllers/cert-manager/clusterissuer-early.yaml: a ClusterIssuer must come after cert-manager, whose controller is in layer controllers (layer-order). Put it into a later layer than controllers, such as config.",
		},
	},
	{
		rule: "reference", unit: "platform/proxy",
		old: "secretName: proxy-tls",
		new: "secretName: proxy-tsl",
		want: []string{
			"error: platform/proxy/deployment-proxy.yaml: spec.template.spec.volumes[0]: nothing makes Secret proxy/proxy-tsl (reference). Correct the name; or name it in opsgen.dev/makes of what makes it; or promise it.",
		},
	},
	{
		rule: "reference", unit: "platform/cortex",
		old: "configMap: {name: cortex, items",
		new: "configMap: {name: cortecs, items",
		want: []string{
			"error: platform/cortex/deployment-distributor.yaml: spec.template.spec.volumes[0]: nothing makes ConfigMap cortex/cortecs (reference). Correct the name, or make it.",
		},
	},
	{
		rule: "reference", unit: "platform/cortex",
		old: "      serviceAccountName: cortex\n",
		new: "      serviceAccountName: cortecs\n",
		want: []string{
			"error: platform/cortex/deployment-distributor.yaml: spec.template.spec.serviceAccountName: nothing makes ServiceAccount cortex/cortecs (reference). Correct the name, or make it.",
		},
	},
	{
		rule: "reference", unit: "platform/cortex-zone-a",
		old: "serviceName: ingester-zone-a",
		new: "serviceName: ingesters",
		want: []string{
			"error: platform/cortex-zone-a/statefulset-ingester-zone-a.yaml: spec.serviceName: nothing makes Service cortex/ingesters (reference). Correct the name, or make it.",
		},
	},
	{
		rule: "reference", unit: "controllers/cert-manager",
		old: "kind: ClusterRole, name: cert-manager}",
		new: "kind: ClusterRole, name: cert-mangler}",
		want: []string{
			"error: controllers/cert-manager/clusterrolebinding-cert-manager.yaml: roleRef: nothing makes ClusterRole cert-mangler (reference). Correct the name, or make it.",
		},
	},
	{
		rule: "reference", unit: "controllers/cert-manager",
		old: "clientConfig: {service: {name: cert-manager-webhook",
		new: "clientConfig: {service: {name: webhook",
		want: []string{
			"error: controllers/cert-manager/validatingwebhookconfiguration-cert-manager.yaml: webhooks[0].clientConfig.service: nothing makes Service cert-manager/webhook (reference). Correct the name, or make it.",
		},
	},
	{
		rule: "reference", unit: "config/cert-manager",
		old: "issuerRef: {kind: ClusterIssuer, name: internal}, privateKey: {rotationPolicy: Always}",
		new: "issuerRef: {kind: ClusterIssuer, name: external}, privateKey: {rotationPolicy: Always}",
		want: []string{
			"error: config/cert-manager/certificate-proxy.yaml: spec.issuerRef: nothing makes ClusterIssuer external (reference). Correct the name, or make it.",
		},
	},
	{
		rule: "reference", unit: "cluster/root",
		old: "secretRef: {name: git}",
		new: "secretRef: {name: got}",
		want: []string{
			"error: cluster/gitrepository-opsgen.yaml: spec.secretRef: nothing makes Secret flux-system/got (reference). Correct the name; or name it in opsgen.dev/makes of what makes it; or promise it.",
		},
	},
	{
		rule: "reference", unit: "platform/proxy",
		old: "",
		new: "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: proxy, namespace: proxy}\nspec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: proxies}}",
		want: []string{
			"error: platform/proxy/horizontalpodautoscaler-proxy.yaml: spec.scaleTargetRef: nothing makes Deployment proxy/proxies (reference). Correct the name, or make it.",
		},
	},
	{
		rule: "reference-key", unit: "platform/cortex",
		old: "items: [{key: cortex.yaml",
		new: "items: [{key: config.yaml",
		want: []string{
			`error: platform/cortex/deployment-distributor.yaml: spec.template.spec.volumes[0]: ConfigMap cortex/cortex has no key "config.yaml" (reference-key). Its keys are: cortex.yaml.`,
		},
	},
	{
		rule: "reference-key", unit: "tenants/ann",
		old: "subPath: grafana.ini",
		new: "subPath: grafana.conf",
		want: []string{
			`error: tenants/ann/deployment-grafana.yaml: spec.template.spec.volumes[0]: ConfigMap tenant-ann/grafana has no key "grafana.conf" (reference-key). Its keys are: datasources.yaml, grafana.ini.`,
		},
	},
	{
		rule: "certificate-secret", unit: "platform/proxy",
		old: "",
		new: "apiVersion: v1\nkind: Secret\nmetadata: {name: proxy-tls, namespace: proxy}",
		want: []string{
			"error: config/cert-manager/certificate-proxy.yaml: spec.secretName: the Secret proxy/proxy-tls is written by Secret proxy/proxy-tls in platform/proxy too: certificates would be issued for ever (certificate-secret). Give each its own Secret, and render none of them.",
		},
	},
	{
		rule: "certificate-secret", unit: "config/cert-manager",
		old: "",
		new: "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: again, namespace: proxy}\nspec: {secretName: proxy-tls, issuerRef: {kind: ClusterIssuer, name: internal}, privateKey: {rotationPolicy: Always}}",
		want: []string{
			"error: config/cert-manager/certificate-again.yaml: spec.secretName: the Secret proxy/proxy-tls is written by Certificate proxy/proxy too: certificates would be issued for ever (certificate-secret). Give each its own Secret, and render none of them.",
		},
	},
	{
		rule: "service-address", unit: "tenants/ann",
		old: "url: 'https://proxy-internal.proxy.svc:443/loki'",
		new: "url: 'https://proxy.proxy.svc:443/loki'",
		want: []string{
			"error: tenants/ann/configmap-grafana.yaml: data[datasources.yaml]: proxy.proxy.svc is a Service that nothing makes (service-address). Correct the name.",
		},
	},
	{
		rule: "service-address", unit: "tenants/ann",
		old: "url: 'https://proxy-internal.proxy.svc:443/loki'",
		new: "url: 'https://proxy-internal.proxy.svc:8444/loki'",
		want: []string{
			"error: tenants/ann/configmap-grafana.yaml: data[datasources.yaml]: the Service proxy/proxy-internal has no port 8444 (service-address). Its ports are: https 443.",
		},
	},
	{
		rule: "grpc-address", unit: "platform/cortex",
		old: "metadata: {name: query-scheduler, namespace: cortex}\nspec: {clusterIP: None, publishNotReadyAddresses: true, ",
		new: "metadata: {name: query-scheduler, namespace: cortex}\nspec: {",
		want: []string{
			"error: platform/cortex/configmap-cortex.yaml: data[cortex.yaml].frontend_worker.scheduler_address: query-scheduler.cortex.svc.cluster.local:9095 is a gRPC address of the Service cortex/query-scheduler, which is not headless: all calls go to one pod (grpc-address). Name a headless Service (k.headless).",
		},
	},
	{
		rule: "shared-label", unit: "platform/loki",
		old: "cluster_label: loki-loki",
		new: "cluster_label: cortex-cortex",
		want: []string{
			"error: platform/loki/configmap-loki.yaml: data[loki.yaml].memberlist.cluster_label: memberlist.cluster_label cortex-cortex does not contain the namespace loki, so that another installation may have the same (cluster-label)",
			"error: platform/loki/configmap-loki.yaml: data[loki.yaml].memberlist.cluster_label: gossips as cortex-cortex, as ConfigMap cortex/cortex does: the two rings would merge (shared-label). Give each its own.",
		},
	},
	{
		rule: "replay-ceiling", unit: "platform/loki",
		old: "replay_memory_ceiling: 700MB",
		new: "replay_memory_ceiling: 4GB",
		want: []string{
			"error: platform/loki/configmap-loki.yaml: data[loki.yaml].ingester.wal.replay_memory_ceiling: ingester.wal.replay_memory_ceiling 4GB is not between 50 and 90 % of the ingesters' memory limit, 1024 MiB (replay-ceiling). Write about 70 % of the limit.",
		},
	},
	{
		rule: "replay-ceiling", unit: "platform/loki",
		old: "ingester: {wal: {replay_memory_ceiling: 700MB}}",
		new: "ingester: {}",
		want: []string{
			"error: platform/loki/configmap-loki.yaml: data[loki.yaml].ingester.wal.replay_memory_ceiling: ingester.wal.replay_memory_ceiling is not set; Loki takes 4GB, and its ingesters may use 1024 MiB (replay-ceiling). Write about 70 % of the limit.",
		},
	},
	{
		rule: "memcached-item", unit: "platform/cortex",
		old: "-I, 5m",
		new: "-I, 2m",
		want: []string{
			"error: platform/cortex/configmap-cortex.yaml: data[cortex.yaml].blocks_storage.bucket_store.chunks_cache.memcached.max_item_size: items of up to 5240832 bytes are sent to StatefulSet cortex/chunks-cache, which accepts 2097152 (-I) (memcached-item). Raise -I, or lower max_item_size.",
		},
	},
	{
		rule: "dns-prefix", unit: "platform/proxy",
		old: "external-dns.kubernetes.io/hostname",
		new: "external-dns.alpha.kubernetes.io/hostname",
		want: []string{
			"error: platform/proxy/service-proxy-internal.yaml: metadata.annotations[external-dns.alpha.kubernetes.io/hostname]: external-dns reads annotations that begin with external-dns.kubernetes.io/ only (dns-prefix). Write external-dns.kubernetes.io/hostname.",
		},
	},
}
