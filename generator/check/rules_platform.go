package check

// Names of the rules about many objects.
const (
	ruleDuplicate      = "duplicate"
	ruleNamespace      = "namespace"
	ruleTenantBoundary = "tenant-boundary"
	ruleTenantRights   = "tenant-rights"
	ruleLayerOrder     = "layer-order"
	ruleReference      = "reference"
	ruleReferenceKey   = "reference-key"

	rulePodSecurity      = "pod-security"
	ruleNetworkPolicy    = "network-policy"
	ruleDisruptionBudget = "disruption-budget"
	ruleServiceSelector  = "service-selector"
	ruleServicePort      = "service-port"
	ruleIdlePolicy       = "idle-policy"
	ruleFlow             = "flow"
	ruleFlowCut          = "flow-cut"

	ruleKustomizationPath  = "kustomization-path"
	ruleKustomizationOrder = "kustomization-order"
	ruleZoneOrder          = "zone-order" // C1
	ruleDecryption         = "decryption"

	ruleServiceAddress    = "service-address"
	ruleGRPCAddress       = "grpc-address"       // L9
	ruleSharedLabel       = "shared-label"       // C3, L1
	ruleReplayCeiling     = "replay-ceiling"     // L3
	ruleMemcachedItem     = "memcached-item"     // M3
	ruleDNSPrefix         = "dns-prefix"         // ED1
	ruleCertificateSecret = "certificate-secret" // K5
)

func platformRules() []RuleInfo {
	rules := []RuleInfo{
		{Name: ruleDuplicate, Required: true, About: "An object is made once: two Kustomizations would take it from each other for ever."},
		{Name: ruleNamespace, Required: true, About: "An object's namespace is made by the platform."},
		{Name: ruleTenantBoundary, Required: true, About: "A tenant's objects are in the tenant's namespace: its Flux account may touch no other."},
		{Name: ruleTenantRights, Required: true, About: "The account that applies a tenant's folder may make everything in it."},
		{Name: ruleLayerOrder, About: "A custom resource comes in a later layer than the controller that validates it."},
		{Name: ruleReference, About: "What an object refers to by name is made by something: rendered, made at run time (opsgen.dev/makes), or promised."},
		{Name: ruleReferenceKey, About: "A key that is mounted or read exists in the ConfigMap or Secret."},

		{Name: rulePodSecurity, About: "A pod satisfies its namespace's Pod Security level, restricted unless the namespace says otherwise."},
		{Name: ruleNetworkPolicy, About: "A NetworkPolicy closes every pod in both directions, so that only what is allowed gets through."},
		{Name: ruleDisruptionBudget, About: "Replicated workloads have exactly one PodDisruptionBudget, and it lets nodes be drained."},
		{Name: ruleServiceSelector, About: "A Service or PodDisruptionBudget selects pods that exist."},
		{Name: ruleServicePort, About: "A Service's target port is a port of the pods."},
		{Name: ruleIdlePolicy, Severity: Warning, About: "A NetworkPolicy selects pods that exist."},
		{Name: ruleFlow, Required: true, About: "A declared flow is well written and goes to a Service that exists."},
		{Name: ruleFlowCut, About: "The network policies of both sides allow every declared flow."},

		{Name: ruleKustomizationPath, About: "Every unit is applied by a Kustomization, and every Kustomization applies a unit."},
		{Name: ruleKustomizationOrder, Required: true, About: "Kustomizations depend on existing ones, without a cycle."},
		{Name: ruleZoneOrder, About: "The zones of a workload are applied one after the other."},
		{Name: ruleDecryption, About: "A unit with a SOPS secret is applied by a Kustomization that decrypts."},

		{Name: ruleServiceAddress, About: "An address of a Service in configuration, arguments or environment is one that exists, with its port."},
		{Name: ruleGRPCAddress, About: "gRPC clients get headless Services: behind a cluster address they stick to one pod."},
		{Name: ruleSharedLabel, About: "No two components gossip under the same cluster label."},
		{Name: ruleReplayCeiling, About: "Loki's replay ceiling is 50 to 90 % of the ingester's memory limit, or replay kills it again and again."},
		{Name: ruleMemcachedItem, About: "A cache's server accepts items as large as its clients send (-I and max_item_size)."},
		{Name: ruleDNSPrefix, About: "Annotations for external-dns have the prefix that external-dns reads."},
		{Name: ruleCertificateSecret, About: "A Certificate's Secret is made by nothing else: two writers issue certificates for ever."},
	}
	for i := range rules {
		rules[i].scope = platformScope
	}
	return rules
}
