package check_test

var networkBreaches = []breach{
	{
		rule: "pod-security", unit: "platform/cortex",
		old: "allowPrivilegeEscalation: false, readOnly",
		new: "allowPrivilegeEscalation: true, readOnly",
		want: []string{
			`error: platform/cortex/deployment-distributor.yaml: spec.template.spec.securityContext: allowPrivilegeEscalation != false: container "distributor" must set securityContext.allowPrivilegeEscalation=false (Pod Security level restricted of namespace cortex) (pod-security)`,
		},
	},
	{
		rule: "pod-security", unit: "platform/proxy",
		old: "      volumes: [",
		new: "      hostNetwork: true\n      volumes: [{name: host, hostPath: {path: /}}, ",
		want: []string{
			"error: platform/proxy/deployment-proxy.yaml: spec.template.spec.securityContext: host namespaces: hostNetwork=true (Pod Security level restricted of namespace proxy) (pod-security)",
			`error: platform/proxy/deployment-proxy.yaml: spec.template.spec.securityContext: restricted volume types: volume "host" uses restricted volume type "hostPath" (Pod Security level restricted of namespace proxy) (pod-security)`,
		},
	},
	{
		rule: "network-policy", unit: "platform/proxy",
		old: "  egress: [",
		new: "  egress: [{}, ",
		want: []string{
			"error: platform/proxy/deployment-proxy.yaml: spec.template: no NetworkPolicy closes the pods for egress, or one opens it to all (network-policy). Add net.allow(…) with what it needs; a namespace of ours has net.defaultDeny.",
		},
	},
	{
		rule: "disruption-budget", unit: "platform/cortex",
		old: "metadata: {name: distributor, namespace: cortex}\nspec: {maxUnavailable: 1",
		new: "metadata: {name: distributor, namespace: cortex}\nspec: {minAvailable: 2",
		want: []string{
			"error: platform/cortex/poddisruptionbudget-distributor.yaml: spec: none of its 2 pods may be evicted, so that no node with one can be drained (disruption-budget). Write maxUnavailable: 1.",
		},
	},
	{
		rule: "disruption-budget", unit: "platform/loki",
		old: "spec: {maxUnavailable: 1, selector: {matchLabels: {app.kubernetes.io/name: loki, app.kubernetes.io/component: ingester}}}",
		new: "spec: {maxUnavailable: 1, selector: {matchLabels: {app.kubernetes.io/name: loki, app.kubernetes.io/component: ingestor}}}",
		want: []string{
			"error: platform/loki/poddisruptionbudget-ingester.yaml: spec.selector: no pod of namespace loki is selected (service-selector). Use the labels of the pods.",
			"error: platform/loki/statefulset-ingester.yaml: no PodDisruptionBudget selects its 2 replicas (disruption-budget). Add k.disruptionBudget(name, labels); one for all zones.",
		},
	},
	{
		rule: "disruption-budget", unit: "platform/loki",
		old: "",
		new: "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: second, namespace: loki}\nspec: {maxUnavailable: 1, selector: {matchLabels: {app.kubernetes.io/component: ingester}}}",
		want: []string{
			"error: platform/loki/statefulset-ingester.yaml: spec.template.metadata.labels: the PodDisruptionBudgets ingester, second all select the pods, and then none can be evicted (disruption-budget). Keep one.",
		},
	},
	{
		rule: "service-selector", unit: "platform/proxy",
		old: "spec: {selector: {app.kubernetes.io/name: proxy",
		new: "spec: {selector: {app.kubernetes.io/name: proxi",
		want: []string{
			"error: platform/proxy/service-proxy-internal.yaml: spec.selector: no pod of namespace proxy has the labels app.kubernetes.io/component=proxy,app.kubernetes.io/name=proxi (service-selector). Use the labels of the pods, such as k.labelsOf(component, workload).",
			"error: tenants/ann/deployment-grafana.yaml: metadata.annotations[opsgen.dev/flows]: flow proxy/proxy-internal:443 goes to a Service that selects no pods (flow)",
		},
	},
	{
		rule: "service-port", unit: "platform/cortex",
		old: "port: 8080, targetPort: http",
		new: "port: 8080, targetPort: web",
		want: []string{
			`error: platform/cortex/service-distributor.yaml: spec.ports[0].targetPort: the pods of Deployment cortex/distributor have no port "web" (service-port). Its ports are: http 8080/TCP, grpc 9095/TCP, gossip 7946/TCP.`,
		},
	},
	{
		rule: "service-port", unit: "platform/cortex",
		old: "port: 8080, targetPort: http",
		new: "port: 8081",
		want: []string{
			"error: platform/cortex/service-distributor.yaml: spec.ports[0].targetPort: the pods of Deployment cortex/distributor have no port 8081/TCP (service-port). Its ports are: http 8080/TCP, grpc 9095/TCP, gossip 7946/TCP.",
		},
	},
	{
		rule: "idle-policy", unit: "platform/cortex",
		old: "metadata: {name: distributor, namespace: cortex}\nspec:\n  podSelector: {matchLabels: {app.kubernetes.io/name: cortex, app.kubernetes.io/component: distributor}}",
		new: "metadata: {name: distributor, namespace: cortex}\nspec:\n  podSelector: {matchLabels: {app.kubernetes.io/name: cortex, app.kubernetes.io/component: distributer}}",
		want: []string{
			"error: platform/cortex/deployment-distributor.yaml: metadata.annotations[opsgen.dev/flows]: flow cortex/ingester-zone-a:grpc is cut at the source: of the NetworkPolicies default-deny in cortex none allows port 9095/TCP of StatefulSet cortex/ingester-zone-a (flow-cut). Add the target to the egress of its net.allow.",
			"error: platform/cortex/deployment-distributor.yaml: metadata.annotations[opsgen.dev/flows]: flow cortex/ingester-zone-b:9095 is cut at the source: of the NetworkPolicies default-deny in cortex none allows port 9095/TCP of StatefulSet cortex/ingester-zone-b (flow-cut). Add the target to the egress of its net.allow.",
			"error: platform/cortex/deployment-distributor.yaml: metadata.annotations[opsgen.dev/flows]: flow dns is cut at the source: of the NetworkPolicies default-deny in cortex none allows port 53/TCP of kube-dns (flow-cut). Add net.dns to its egress.",
			"error: platform/cortex/deployment-distributor.yaml: metadata.annotations[opsgen.dev/flows]: flow dns is cut at the source: of the NetworkPolicies default-deny in cortex none allows port 53/UDP of kube-dns (flow-cut). Add net.dns to its egress.",
			"warning: platform/cortex/networkpolicy-distributor.yaml: spec.podSelector: selects no pod of namespace cortex (idle-policy). Use the labels of the pods.",
		},
	},
	{
		rule: "flow", unit: "platform/cortex",
		old: "dns cortex/ingester-zone-a:grpc",
		new: "cortex:9095 cortex/nobody:1 cortex/ingester-zone-a:80 internet:99999",
		want: []string{
			`error: platform/cortex/deployment-distributor.yaml: metadata.annotations[opsgen.dev/flows]: "cortex:9095" is not a flow (flow). Write "namespace/service:port", "dns", "apiserver" or "internet:port".`,
			`error: platform/cortex/deployment-distributor.yaml: metadata.annotations[opsgen.dev/flows]: "internet:99999" is not a flow (flow). Write a port from 1 to 65535.`,
			"error: platform/cortex/deployment-distributor.yaml: metadata.annotations[opsgen.dev/flows]: flow cortex/ingester-zone-a:80 goes to a port that the Service lacks (flow). Its ports are: grpc 9095.",
			"error: platform/cortex/deployment-distributor.yaml: metadata.annotations[opsgen.dev/flows]: flow cortex/nobody:1 goes to a Service that nothing makes (flow). Correct the flow, or make the Service.",
		},
	},
	{
		rule: "flow-cut", unit: "platform/cortex",
		old: "ports: [{port: grpc}]",
		new: "ports: [{port: http}]",
		want: []string{
			"error: platform/cortex/deployment-distributor.yaml: metadata.annotations[opsgen.dev/flows]: flow cortex/ingester-zone-a:grpc is cut at the source: of the NetworkPolicies default-deny, distributor in cortex none allows port 9095/TCP of StatefulSet cortex/ingester-zone-a (flow-cut). Add the target to the egress of its net.allow.",
			"error: platform/cortex/deployment-distributor.yaml: metadata.annotations[opsgen.dev/flows]: flow cortex/ingester-zone-b:9095 is cut at the source: of the NetworkPolicies default-deny, distributor in cortex none allows port 9095/TCP of StatefulSet cortex/ingester-zone-b (flow-cut). Add the target to the egress of its net.allow.",
		},
	},
	{
		rule: "flow-cut", unit: "platform/cortex",
		old: "ports: [{port: 9095}]",
		new: "ports: [{port: 9096}]",
		want: []string{
			"error: platform/cortex/deployment-distributor.yaml: metadata.annotations[opsgen.dev/flows]: flow cortex/ingester-zone-a:grpc is cut at the target: of the NetworkPolicies default-deny, ingester in cortex none allows port 9095/TCP of StatefulSet cortex/ingester-zone-a (flow-cut). Add the source to the ingress of the target's net.allow.",
			"error: platform/cortex/deployment-distributor.yaml: metadata.annotations[opsgen.dev/flows]: flow cortex/ingester-zone-b:9095 is cut at the target: of the NetworkPolicies default-deny, ingester in cortex none allows port 9095/TCP of StatefulSet cortex/ingester-zone-b (flow-cut). Add the source to the ingress of the target's net.allow.",
		},
	},
	{
		rule: "flow-cut", unit: "controllers/cert-manager",
		old: `flows: "dns apiserver internet:443"`,
		new: `flows: "dns apiserver internet:443 internet:53/UDP"`,
		want: []string{
			"error: controllers/cert-manager/deployment-cert-manager.yaml: metadata.annotations[opsgen.dev/flows]: flow internet:53/UDP is cut at the source: of the NetworkPolicies default-deny, cert-manager in cert-manager none allows port 53 of public addresses (flow-cut). Add net.to([net.outside], [port]) to its egress.",
		},
	},
	{
		rule: "flow-cut", unit: "controllers/flux",
		old: "{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 443}, {port: 6443}]}",
		new: "{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 80}]}",
		want: []string{
			"error: controllers/flux/deployment-kustomize-controller.yaml: metadata.annotations[opsgen.dev/flows]: flow apiserver is cut at the source: of the NetworkPolicies default-deny, kustomize-controller in flux-system none allows port 443 or 6443 of the API server (flow-cut). Add net.apiServer to its egress.",
		},
	},
	{
		rule: "flow-cut", unit: "controllers/flux",
		old: "ports: [{port: 53, protocol: UDP}, {port: 53}]",
		new: "ports: [{port: 53, protocol: UDP}]",
		want: []string{
			"error: controllers/flux/deployment-kustomize-controller.yaml: metadata.annotations[opsgen.dev/flows]: flow dns is cut at the source: of the NetworkPolicies default-deny, kustomize-controller in flux-system none allows port 53/TCP of kube-dns (flow-cut). Add net.dns to its egress.",
		},
	},
	{
		rule: "flow-cut", unit: "tenants/ann",
		old: "matchLabels: {kubernetes.io/metadata.name: proxy}}}], ports: [{port: 3000}]",
		new: "matchLabels: {kubernetes.io/metadata.name: loki}}}], ports: [{port: 3000}]",
		want: []string{
			"error: tenants/ann/service-grafana.yaml: flow tenant-*/grafana:3000 is cut at the target: of the NetworkPolicies grafana, default-deny in tenant-ann none allows port 3000/TCP of Deployment tenant-ann/grafana (flow-cut). Add the source to the ingress of the target's net.allow.",
		},
	},
	{
		rule: "flow-cut", unit: "platform/proxy",
		old: "ports: [{port: 8444}]}]",
		new: "ports: [{port: 8443}]}]",
		want: []string{
			"error: tenants/ann/deployment-grafana.yaml: metadata.annotations[opsgen.dev/flows]: flow proxy/proxy-internal:443 is cut at the target: of the NetworkPolicies default-deny, proxy in proxy none allows port 8444/TCP of Deployment proxy/proxy (flow-cut). Add the source to the ingress of the target's net.allow.",
		},
	},
}
