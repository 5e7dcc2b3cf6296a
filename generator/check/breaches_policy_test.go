package check_test

var policyBreaches = []breach{
	{
		rule: "image-tag", unit: "platform/cortex",
		old: "image: cortex/cortex:v1.21.1",
		new: "image: cortex/cortex",
		want: []string{
			"error: platform/cortex/deployment-distributor.yaml: spec.template.spec.containers[0].image: image cortex/cortex has no tag, which means latest (image-tag). Name an image of versions.yaml, or write its tag.",
		},
	},
	{
		rule: "image-tag", unit: "platform/cortex",
		old: "image: cortex/cortex:v1.21.1",
		new: "image: registry:5000/cortex:latest",
		want: []string{
			"error: platform/cortex/deployment-distributor.yaml: spec.template.spec.containers[0].image: image registry:5000/cortex:latest is another one every time that it is pulled (image-tag). Write the tag of a release.",
		},
	},
	{
		rule: "resources", unit: "platform/cortex",
		old: "resources: {requests: {cpu: 100m, memory: 1Gi}, limits: {memory: 1Gi}}",
		new: "resources: {requests: {memory: 1Gi}}",
		want: []string{
			"error: platform/cortex/deployment-distributor.yaml: spec.template.spec.containers[0].resources: container distributor lacks requests.cpu, limits.memory (resources). Use k.resources(size) with a size of cluster.sizing.",
		},
	},
	{
		rule: "host-port", unit: "platform/proxy",
		old: "containerPort: 8444}",
		new: "containerPort: 8444, hostPort: 8444}",
		want: []string{
			"error: platform/proxy/deployment-proxy.yaml: spec.template.spec.containers[0].ports: container proxy takes port 8444 of its node (host-port). Leave hostPort out, and make a Service.",
			`error: platform/proxy/deployment-proxy.yaml: spec.template.spec.securityContext: hostPort: container "proxy" uses hostPort 8444 (Pod Security level restricted of namespace proxy) (pod-security)`,
		},
	},
	{
		rule: "read-only-root", unit: "platform/cortex",
		old: "readOnlyRootFilesystem: true, ",
		new: "",
		want: []string{
			"warning: platform/cortex/deployment-distributor.yaml: spec.template.spec.containers[0].securityContext.readOnlyRootFilesystem: container distributor can write to its root file system (read-only-root). Set it to true, and mount an emptyDir where the program writes.",
		},
	},
	{
		rule: "token-mount", unit: "platform/cortex",
		old: "automountServiceAccountToken: false\n      sec",
		new: "automountServiceAccountToken: true\n      sec",
		want: []string{
			"warning: platform/cortex/deployment-distributor.yaml: spec.template.spec.automountServiceAccountToken: the pods mount a token for the API server but do not declare that they talk to it (token-mount). Set it to false, or declare the flow apiserver.",
		},
	},
	{
		rule: "service-account", unit: "platform/cortex",
		old: "      serviceAccountName: cortex\n",
		new: "      serviceAccountName: default\n",
		want: []string{
			"error: platform/cortex/deployment-distributor.yaml: spec.template.spec.serviceAccountName: the pods run as the account default, which everything in the namespace shares (service-account). Make a service account for the component.",
		},
	},
	{
		rule: "readiness-probe", unit: "platform/cortex",
		old: "        readinessProbe: {httpGet: {path: /ready, port: http}}\n",
		new: "",
		want: []string{
			"error: platform/cortex/deployment-distributor.yaml: spec.template.spec.containers[0].readinessProbe: container distributor has no readiness probe (readiness-probe). Probe what the container serves, such as GET /ready.",
		},
	},
	{
		rule: "exec-probe", unit: "platform/cortex",
		old: "readinessProbe: {httpGet: {path: /ready, port: http}}",
		new: "readinessProbe: {exec: {command: [cat]}}",
		want: []string{
			"error: platform/cortex/deployment-distributor.yaml: spec.template.spec.containers[0].readinessProbe.exec: container distributor is probed by a command, which an image without a shell does not have (exec-probe). Write httpGet, tcpSocket or grpc.",
		},
	},
	{
		rule: "stateful-liveness", unit: "platform/cortex-zone-a",
		old: "        readinessProbe:",
		new: "        livenessProbe: {tcpSocket: {port: http}}\n        readinessProbe:",
		want: []string{
			"error: platform/cortex-zone-a/statefulset-ingester-zone-a.yaml: spec.template.spec.containers[0].livenessProbe: container ingester has a liveness probe, which kills it while it replays its log or loads its blocks (stateful-liveness). Use a startupProbe and a readinessProbe.",
		},
	},
	{
		rule: "termination-grace", unit: "platform/cortex-zone-a",
		old: "terminationGracePeriodSeconds: 1200",
		new: "terminationGracePeriodSeconds: 600",
		want: []string{
			"error: platform/cortex-zone-a/statefulset-ingester-zone-a.yaml: spec.template.spec.terminationGracePeriodSeconds: an ingester needs at least 1200 s to hand over when it stops, and has 600 (termination-grace)",
		},
	},
	{
		rule: "termination-grace", unit: "platform/loki",
		old: "      terminationGracePeriodSeconds: 300\n",
		new: "",
		want: []string{
			"error: platform/loki/statefulset-ingester.yaml: spec.template.spec.terminationGracePeriodSeconds: an ingester needs at least 300 s to hand over when it stops, and has 30 (termination-grace)",
		},
	},
	{
		rule: "spread", unit: "platform/cortex",
		old: "      topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway}]\n",
		new: "",
		want: []string{
			"error: platform/cortex/deployment-distributor.yaml: spec.template.spec.topologySpreadConstraints: 2 replicas may all be placed on one node (spread). Add k.spread(labels), or k.inZone(zone) for one zone's pods.",
		},
	},
	{
		rule: "parallel-start", unit: "platform/cortex-zone-a",
		old: "  podManagementPolicy: Parallel\n",
		new: "",
		want: []string{
			"error: platform/cortex-zone-a/statefulset-ingester-zone-a.yaml: spec.podManagementPolicy: the pods start in order, so that a broken revision stays after it was corrected in Git (kubernetes/kubernetes#67250) (parallel-start). Write Parallel.",
		},
	},
	{
		rule: "update-strategy", unit: "platform/cortex-zone-a",
		old: "  podManagementPolicy: Parallel\n",
		new: "  podManagementPolicy: Parallel\n  updateStrategy: {type: OnDelete}\n",
		want: []string{
			"error: platform/cortex-zone-a/statefulset-ingester-zone-a.yaml: spec.updateStrategy.type: with OnDelete nothing restarts the pods, and Flux takes the change for done at once (update-strategy). Write RollingUpdate.",
		},
	},
	{
		rule: "zones-together", unit: "platform/cortex-zone-a",
		old: "",
		new: "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: ingester-zone-c, namespace: cortex, annotations: {opsgen.dev/flows: \"\"}}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app.kubernetes.io/name: cortex, app.kubernetes.io/component: ingester, opsgen.dev/zone: c}}\n  serviceName: ingester-zone-c\n  podManagementPolicy: Parallel\n  template:\n    metadata: {labels: {app.kubernetes.io/name: cortex, app.kubernetes.io/component: ingester, opsgen.dev/zone: c}}\n    spec:\n      serviceAccountName: cortex\n      automountServiceAccountToken: false\n      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}\n      nodeSelector: {topology.kubernetes.io/zone: zone-b}\n      terminationGracePeriodSeconds: 1200\n      containers:\n      - name: ingester\n        image: cortex/cortex:v1.21.1\n        args: []\n        resources: {requests: {cpu: 100m, memory: 1Gi}, limits: {memory: 1Gi}}\n        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}\n        ports: [{name: http, containerPort: 8080}, {name: grpc, containerPort: 9095}, {name: gossip, containerPort: 7946}]\n        readinessProbe: {httpGet: {path: /ready, port: http}}",
		want: []string{
			"error: platform/cortex-zone-a/statefulset-ingester-zone-c.yaml: spec.template.metadata.labels[opsgen.dev/zone]: zones a and c of ingester are in one unit: both would restart at the same time (zones-together). Make it in zone.jsonnet.",
			"error: platform/cortex-zone-a/statefulset-ingester-zone-c.yaml: spec.serviceName: nothing makes Service cortex/ingester-zone-c (reference). Correct the name, or make it.",
		},
	},
	{
		rule: "plain-secret", unit: "platform/proxy",
		old: "",
		new: "apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: proxy}\nstringData: {key: hunter2}",
		want: []string{
			"error: platform/proxy/secret-key.yaml: stringData: a Secret with data would be readable by everybody who can read the repository (plain-secret). Encrypt it with SOPS, let the syncer or an external store make it, or promise it and refer to it.",
		},
	},
	{
		rule: "broad-rights", unit: "controllers/cert-manager",
		old: "verbs: [get, list]",
		new: "verbs: ['*']",
		want: []string{
			"warning: controllers/cert-manager/clusterrole-cert-manager.yaml: rules[0].verbs: verbs are not named but all allowed (broad-rights). Name what is needed.",
		},
	},
	{
		rule: "broad-rights", unit: "controllers/cert-manager",
		old: "kind: ClusterRole, name: cert-manager}",
		new: "kind: ClusterRole, name: cluster-admin}",
		want: []string{
			"warning: controllers/cert-manager/clusterrolebinding-cert-manager.yaml: roleRef.name: cluster-admin may do everything (broad-rights). Bind a role that names what is needed.",
		},
	},
}
