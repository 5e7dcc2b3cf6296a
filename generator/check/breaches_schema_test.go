package check_test

var schemaBreaches = []breach{
	{
		rule: "unknown-kind", unit: "platform/proxy",
		old: "",
		new: "apiVersion: apps/v2\nkind: Deployment\nmetadata: {name: x, namespace: proxy}",
		want: []string{
			"error: platform/proxy/deployment-x.yaml: apiVersion: no kind Deployment is known in apps/v2 (unknown-kind). Write apiVersion: apps/v1.",
		},
	},
	{
		rule: "unknown-field", unit: "platform/cortex",
		old: "{name: distributor, namespace: cortex, annotations",
		new: "{name: distributor, namespace: cortex, lables: {}, annotations",
		want: []string{
			`error: platform/cortex/deployment-distributor.yaml: metadata.lables: unknown field "lables" in ObjectMeta (unknown-field). Did you mean "labels"?`,
		},
	},
	{
		rule: "wrong-type", unit: "platform/cortex",
		old: "replicas: 2",
		new: "replicas: two",
		want: []string{
			`error: platform/cortex/deployment-distributor.yaml: spec.replicas: must be a whole number, but is the string "two" (wrong-type)`,
		},
	},
	{
		rule: "invalid-value", unit: "platform/cortex",
		old: "name: http, port: 8080",
		new: "name: http, port: 80800",
		want: []string{
			`error: platform/cortex/service-distributor.yaml: spec.ports[0].port: "80800": must be between 1 and 65535, inclusive (invalid-value)`,
		},
	},
	{
		rule: "custom-resource", unit: "config/cert-manager",
		old: "spec: {secretName: internal-ca, ",
		new: "spec: {secretName: 7, ",
		want: []string{
			"error: config/cert-manager/certificate-internal-ca.yaml: spec.secretName: must be of type string, but is of type integer (custom-resource)",
			"error: config/cert-manager/clusterissuer-internal.yaml: spec.ca.secretName: nothing makes Secret cert-manager/internal-ca (reference). Correct the name; or name it in opsgen.dev/makes of what makes it; or promise it.",
		},
	},
	{
		rule: "removed-api", unit: "controllers/cert-manager",
		old: "apiVersion: policy/v1",
		new: "apiVersion: policy/v1beta1",
		want: []string{
			"error: controllers/cert-manager/poddisruptionbudget-cert-manager.yaml: apiVersion: policy/v1beta1 PodDisruptionBudget was removed in Kubernetes 1.25; the cluster runs 1.35 (removed-api). Write apiVersion: policy/v1.",
			"error: controllers/cert-manager/deployment-cert-manager.yaml: no PodDisruptionBudget selects its 2 replicas (disruption-budget). Add k.disruptionBudget(name, labels); one for all zones.",
		},
	},
	{
		rule: "prerelease-api", unit: "platform/proxy",
		old: "",
		new: "apiVersion: networking.k8s.io/v1beta1\nkind: ServiceCIDR\nmetadata: {name: extra}\nspec: {cidrs: [10.9.0.0/16]}",
		want: []string{
			"warning: platform/proxy/servicecidr-extra.yaml: apiVersion: networking.k8s.io/v1beta1 ServiceCIDR is not generally available: it may change or vanish with any Kubernetes release (prerelease-api)",
		},
	},
	{
		rule: "newer-api", unit: "platform/proxy",
		old: "",
		new: "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingAdmissionPolicy\nmetadata: {name: extra}",
		want: []string{
			"warning: platform/proxy/mutatingadmissionpolicy-extra.yaml: apiVersion: admissionregistration.k8s.io/v1 MutatingAdmissionPolicy exists from Kubernetes 1.36 on; the cluster runs 1.35 (newer-api). Leave it out, or raise the cluster's Kubernetes version.",
		},
	},
	{
		rule: "waiver", unit: "controllers/cert-manager",
		old: "kind: ClusterRole\nmetadata: {name: cert-manager}",
		new: "kind: ClusterRole\nmetadata: {name: cert-manager, annotations: {opsgen.dev/waive: \"broad-right: x; unknown-field: y; image-tag\"}}",
		want: []string{
			"error: controllers/cert-manager/clusterrole-cert-manager.yaml: metadata.annotations[opsgen.dev/waive]: rule unknown-field cannot be waived: the object would not work (waiver). Correct the object.",
			`error: controllers/cert-manager/clusterrole-cert-manager.yaml: metadata.annotations[opsgen.dev/waive]: the waiver of image-tag gives no reason (waiver). Write "image-tag: why".`,
			"error: controllers/cert-manager/clusterrole-cert-manager.yaml: metadata.annotations[opsgen.dev/waive]: there is no rule broad-right (waiver). Did you mean broad-rights?",
		},
	},
	{
		rule: "idle-waiver", unit: "controllers/cert-manager",
		old: "kind: ClusterRole\nmetadata: {name: cert-manager}",
		new: "kind: ClusterRole\nmetadata: {name: cert-manager, annotations: {opsgen.dev/waive: \"broad-rights: it must\\nduplicate-x: \"}}",
		want: []string{
			"warning: controllers/cert-manager/clusterrole-cert-manager.yaml: metadata.annotations[opsgen.dev/waive]: the waiver of broad-rights is not needed (idle-waiver). Remove it.",
			"error: controllers/cert-manager/clusterrole-cert-manager.yaml: metadata.annotations[opsgen.dev/waive]: there is no rule duplicate-x (waiver). Did you mean duplicate?",
		},
	},
}
