package check_test

var fluxBreaches = []breach{
	{
		rule: "kustomization-path", unit: "cluster/root",
		old: "path: ./clusters/prod/rendered/platform/proxy",
		new: "path: ./clusters/prod/rendered/platform/proxies",
		want: []string{
			"error: cluster/kustomization-platform-proxy.yaml: spec.path: nothing is rendered into the folder platform/proxies (kustomization-path). Correct the path, or remove the Kustomization.",
			"error: platform/proxy/serviceaccount-proxy.yaml: no Kustomization applies the folder platform/proxy (kustomization-path). Give it one in bases/flux/sync.jsonnet.",
		},
	},
	{
		rule: "kustomization-path", unit: "cluster/tenants-0",
		old: "path: ./clusters/prod/rendered/tenants/ann",
		new: "path: ./clusters/prod/rendered/tenants/anne",
		want: []string{
			"error: tenants/ann/serviceaccount-grafana.yaml: no Kustomization applies the folder tenants/ann (kustomization-path). Give it one in bases/flux/shard.jsonnet.",
		},
	},
	{
		rule: "kustomization-order", unit: "cluster/root",
		old: "dependsOn: [{name: platform-cortex}]",
		new: "dependsOn: [{name: platform-cortecs}]",
		want: []string{
			"error: cluster/kustomization-platform-cortex-zone-a.yaml: spec.dependsOn: waits for the Kustomization flux-system/platform-cortecs, which does not exist (kustomization-order). Correct the name.",
		},
	},
	{
		rule: "kustomization-order", unit: "cluster/root",
		old: "dependsOn: [{name: platform-cortex}]",
		new: "dependsOn: [{name: platform-cortex-zone-b}]",
		want: []string{
			"error: cluster/kustomization-platform-cortex-zone-a.yaml: spec.dependsOn: waits for itself, by way of flux-system/platform-cortex-zone-b (kustomization-order). Remove one of the dependencies.",
			"error: cluster/kustomization-platform-cortex-zone-b.yaml: spec.dependsOn: waits for itself, by way of flux-system/platform-cortex-zone-a (kustomization-order). Remove one of the dependencies.",
		},
	},
	{
		rule: "zone-order", unit: "cluster/root",
		old: "dependsOn: [{name: platform-cortex-zone-a}]",
		new: "dependsOn: [{name: platform-cortex}]",
		want: []string{
			"error: platform/cortex-zone-b/statefulset-ingester-zone-b.yaml: rolls at the same time as StatefulSet cortex/ingester-zone-a: the Kustomizations of platform/cortex-zone-b and platform/cortex-zone-a do not wait for each other (zone-order). Let one Kustomization depend on the other.",
		},
	},
	{
		rule: "decryption", unit: "platform/proxy",
		old: "",
		new: "apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: proxy}\ndata: {key: 'ENC[AES256_GCM,data:x]'}\nsops: {mac: x}",
		want: []string{
			"error: platform/proxy/secret-key.yaml: sops: the Kustomization platform-proxy does not decrypt, so that Flux would refuse the Secret (decryption). Add spec.decryption with provider sops to it.",
		},
	},
}
