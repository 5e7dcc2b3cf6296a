package check

import "slices"

// RuleInfo explains one rule.
type RuleInfo struct {
	// Name is what findings and waivers call the rule.
	Name     string   `json:"name"`
	Severity Severity `json:"severity"`
	// About says in one line what the rule asks for, and why.
	About string `json:"about"`
	// Required rules cannot be waived: an object that breaks one cannot work.
	Required bool `json:"required,omitempty"`

	scope ruleScope
}

// ruleScope says who applies a rule.
type ruleScope int

const (
	unitScope     ruleScope = iota // Checker.Unit
	platformScope                  // Checker.Platform and Index.Tenant
)

// Rules are all rules: first those about one object, then those about many.
func Rules() []RuleInfo { return slices.Concat(unitRules(), platformRules()) }

// rules by name, made once; nothing changes it.
var rules = func() map[string]RuleInfo {
	byName := map[string]RuleInfo{}
	for _, rule := range Rules() {
		byName[rule.Name] = rule
	}
	return byName
}()

func ruleNamed(name string) RuleInfo { return rules[name] }

func ruleNames() []string {
	names := make([]string, 0, len(rules))
	for _, rule := range Rules() {
		names = append(names, rule.Name)
	}
	return names
}

// Names of the rules about one object. The letters in comments are lines of the list of operators' pains that the
// rules were made from.
const (
	ruleUnknownKind    = "unknown-kind"
	ruleUnknownField   = "unknown-field"
	ruleWrongType      = "wrong-type"
	ruleInvalidValue   = "invalid-value"
	ruleCustomResource = "custom-resource"
	ruleRemovedAPI     = "removed-api"
	rulePrereleaseAPI  = "prerelease-api"
	ruleNewerAPI       = "newer-api"
	ruleWaiver         = "waiver"
	ruleIdleWaiver     = "idle-waiver"

	ruleImageTag         = "image-tag"
	ruleResources        = "resources"
	ruleHostPort         = "host-port"
	ruleReadOnlyRoot     = "read-only-root"
	ruleTokenMount       = "token-mount"
	ruleServiceAccount   = "service-account"
	ruleReadinessProbe   = "readiness-probe"
	ruleExecProbe        = "exec-probe"        // C13
	ruleStatefulLiveness = "stateful-liveness" // C6
	ruleTerminationGrace = "termination-grace" // C6
	ruleSpread           = "spread"
	ruleParallelStart    = "parallel-start"
	ruleUpdateStrategy   = "update-strategy" // C1
	ruleZonesTogether    = "zones-together"  // C1
	rulePlainSecret      = "plain-secret"
	ruleBroadRights      = "broad-rights"

	ruleConfigSyntax        = "config-syntax" // C13, L12
	ruleOwnConfig           = "own-config"
	ruleClusterLabel        = "cluster-label"        // C3, L1
	ruleGossipService       = "gossip-service"       // C4
	ruleRingHealth          = "ring-health"          // C2
	ruleRingHandover        = "ring-handover"        // C2
	ruleCortexSharding      = "cortex-sharding"      // C6, C9
	ruleCortexCompactor     = "cortex-compactor"     // C7
	ruleLokiRetention       = "loki-retention"       // L6
	ruleLokiCompactor       = "loki-compactor"       // L6
	ruleLokiReporting       = "loki-reporting"       // settings block
	ruleLokiLabels          = "loki-labels"          // L4
	ruleMemcachedMemory     = "memcached-memory"     // M5
	ruleGrafanaDatabase     = "grafana-database"     // G5
	ruleGrafanaPlugins      = "grafana-plugins"      // G1
	ruleDatasource          = "datasource"           // G2
	ruleDashboardFormat     = "dashboard-format"     // G3
	ruleDashboardIdentity   = "dashboard-identity"   // G8
	ruleDashboardAlone      = "dashboard-alone"      // F8
	ruleDNSArguments        = "dns-arguments"        // ED1, ED2, ED4, ED5
	ruleCertificateRotation = "certificate-rotation" // K6
	rulePostBuild           = "post-build"           // F1
)

func unitRules() []RuleInfo {
	return []RuleInfo{
		{Name: ruleUnknownKind, Required: true, About: "The apiVersion and kind are known to Kubernetes or to a rendered custom resource definition."},
		{Name: ruleUnknownField, Required: true, About: "Every field exists; the API server refuses or drops others."},
		{Name: ruleWrongType, Required: true, About: "Every value has its field's type."},
		{Name: ruleInvalidValue, Required: true, About: "The API server accepts every value, and server-side apply every list."},
		{Name: ruleCustomResource, Required: true, About: "A custom resource fits its definition's schema and rules."},
		{Name: ruleRemovedAPI, Required: true, About: "The cluster's Kubernetes still serves the API version."},
		{Name: rulePrereleaseAPI, Severity: Warning, About: "API versions are generally available, not alpha, beta or deprecated."},
		{Name: ruleNewerAPI, Severity: Warning, About: "The cluster's Kubernetes has the API and the field already; it drops fields that it does not know."},
		{Name: ruleWaiver, Required: true, About: "A waiver names a rule that may be waived, and gives a reason."},
		{Name: ruleIdleWaiver, Severity: Warning, About: "A waiver is needed."},

		{Name: ruleImageTag, About: "An image has a tag or digest, and not the tag latest: the same commit always runs the same image."},
		{Name: ruleResources, About: "Every container requests CPU and memory and limits its memory, so that it is placed where it fits and cannot starve others."},
		{Name: ruleHostPort, About: "No container takes a port of its node: two pods would not fit on one, and network policies do not hold there."},
		{Name: ruleReadOnlyRoot, Severity: Warning, About: "The root file system of a container is read-only."},
		{Name: ruleTokenMount, Severity: Warning, About: "Only pods that declare the flow apiserver mount a token for it."},
		{Name: ruleServiceAccount, About: "Pods run as a service account of their own, not as default."},
		{Name: ruleReadinessProbe, About: "Every container that runs on has a readiness probe; without one, traffic and rollouts do not wait for it."},
		{Name: ruleExecProbe, About: "Probes run no command in the container: images without a shell would never be ready."},
		{Name: ruleStatefulLiveness, About: "Ingesters and store-gateways have no liveness probe: it kills them while they replay their log."},
		{Name: ruleTerminationGrace, About: "Ingesters have the time to hand over at shutdown: 1200 s in Cortex, 300 s otherwise."},
		{Name: ruleSpread, About: "Replicas are spread over zones or nodes, or pinned to a zone."},
		{Name: ruleParallelStart, About: "A StatefulSet of several pods starts them in parallel: an ordered one stays on a broken revision after Git is fixed (kubernetes/kubernetes#67250)."},
		{Name: ruleUpdateStrategy, About: "A StatefulSet rolls by itself: OnDelete counts as done at once, so Flux would go on."},
		{Name: ruleZonesTogether, About: "The zones of one workload are in units of their own: in one unit they would restart at the same time and lose the quorum."},
		{Name: rulePlainSecret, About: "No Secret is in Git but one that SOPS encrypted, or one without data."},
		{Name: ruleBroadRights, Severity: Warning, About: "Roles name verbs and resources, and nobody but Flux is bound to cluster-admin."},

		{Name: ruleConfigSyntax, About: "The configuration of Cortex, Loki and Grafana can be parsed."},
		{Name: ruleOwnConfig, About: "The configuration of the proxy and the syncer is what their own code accepts."},
		{Name: ruleClusterLabel, About: "Gossip has a cluster label with the namespace in it, so that rings never merge when a pod's address is used again."},
		{Name: ruleGossipService, About: "The gossip Service is headless and lists pods that are not ready, or a cold start never finishes."},
		{Name: ruleRingHealth, About: "An ingester of Cortex is ready without all others being healthy (ingester.lifecycler.readiness_check_ring_health: false)."},
		{Name: ruleRingHandover, About: "Ingesters of Cortex keep their place in the ring over a restart, and distributors do not write elsewhere meanwhile."},
		{Name: ruleCortexSharding, About: "Cortex shards series by all labels, and blocks over store-gateways."},
		{Name: ruleCortexCompactor, About: "The compactor of Cortex skips a broken block instead of stopping the tenant's compaction."},
		{Name: ruleLokiRetention, About: "Loki's retention is on and says where delete requests are kept."},
		{Name: ruleLokiCompactor, About: "Loki has exactly one compactor: several overwrite each other's delete requests."},
		{Name: ruleLokiReporting, About: "Loki does not call home."},
		{Name: ruleLokiLabels, About: "OTLP logs are indexed by few labels that change seldom, never by pod names."},
		{Name: ruleMemcachedMemory, About: "A memcached container's memory limit is at least 1.2 times its item memory and 100 MiB."},
		{Name: ruleGrafanaDatabase, About: "A Grafana with SQLite has one replica, strategy Recreate and no shared volume."},
		{Name: ruleGrafanaPlugins, About: "Grafana installs, updates and reports nothing at start: bundled data sources would vanish on a read-only root."},
		{Name: ruleDatasource, About: "A provisioned data source has a uid of its own, and nothing is pruned."},
		{Name: ruleDashboardFormat, About: "A dashboard is classic JSON; Grafana refuses to provision the newer form from files."},
		{Name: ruleDashboardIdentity, About: "A dashboard's uid, and its title in its folder, are unique."},
		{Name: ruleDashboardAlone, About: "A ConfigMap holds one dashboard."},
		{Name: ruleDNSArguments, About: "external-dns is told its policy, annotation prefix and owner: defaults changed between releases and deleted every record."},
		{Name: ruleCertificateRotation, About: "A Certificate says whether its key is rotated."},
		{Name: rulePostBuild, About: "No Kustomization substitutes variables after the build: it would eat ${…} in dashboards and pipelines."},
	}
}
