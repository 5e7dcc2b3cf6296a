package check

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// gossips says that a configuration joins a gossip ring.
func (c settings) gossips() bool {
	if c.get("memberlist") != nil {
		return true
	}
	found := false
	c.walk(func(keys []string, value any) {
		found = found || keys[len(keys)-1] == "store" && value == "memberlist"
	})
	return found
}

// clusterLabel keeps rings apart: addresses of pods are used again, and without a label the pod that has one now is
// taken for a member (C3, L1).
func clusterLabel(s subject, c settings) {
	if !c.gossips() {
		return
	}
	keys := []string{"memberlist", "cluster_label"}
	label, _ := c.get(keys...).(string)
	namespace := s.object.GetNamespace()
	if label == "" {
		s.add(ruleClusterLabel, c.at(keys...), "Write memberlist.cluster_label: <component>-<namespace>.",
			"memberlist.cluster_label is not set: a foreign pod that gets an address of this ring would join it")
	} else if !strings.Contains(label, namespace) {
		s.add(ruleClusterLabel, c.at(keys...), "", "memberlist.cluster_label %s does not contain the namespace %s, so that another installation may have the same", label, namespace)
	}
}

const gossipPort = 7946

// gossipService is how members find each other before any of them is ready (C4).
func gossipService(s subject, service *corev1.Service) {
	if !slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == gossipPort }) {
		return
	}
	if service.Spec.ClusterIP != corev1.ClusterIPNone {
		s.add(ruleGossipService, "spec.clusterIP", "Write clusterIP: None, or use k.headless.", "the gossip Service has one address for all members")
	}
	if !service.Spec.PublishNotReadyAddresses {
		s.add(ruleGossipService, "spec.publishNotReadyAddresses", "Set it to true, or use k.headless.",
			"the gossip Service lists ready pods only, and no pod becomes ready before it has found others")
	}
}

func cortex(s subject, c settings) {
	// C2
	c.want(s, ruleRingHealth, false, "one member that is gone keeps every new ingester unready, until somebody forgets it by hand",
		"ingester", "lifecycler", "readiness_check_ring_health")
	c.want(s, ruleRingHandover, false, "a restart would move its series to other ingesters and back",
		"ingester", "lifecycler", "unregister_on_shutdown")
	c.want(s, ruleRingHandover, false, "during a rollout series would be written to more ingesters, twice as many in the end",
		"distributor", "extend_writes")
	// C6: without it, global series limits are refused.
	c.want(s, ruleCortexSharding, true, "a metric's series would all be on the same ingesters, and global limits are refused",
		"distributor", "shard_by_all_labels")
	// C9. With a single replica there is nobody to share with.
	if factor := c.get("ingester", "lifecycler", "ring", "replication_factor"); factor != float64(1) && factor != int64(1) {
		c.want(s, ruleCortexSharding, true, "every store-gateway would load all blocks", "store_gateway", "sharding_enabled")
	}
	// C7
	c.want(s, ruleCortexCompactor, true, "one block with a chunk out of order stops the tenant's compaction for ever",
		"compactor", "skip_blocks_with_out_of_order_chunks_enabled")
}

// changing are resource attributes whose values come and go with pods; as index labels each is a new stream (L4).
var changing = []string{
	"k8s.pod.name", "k8s.pod.uid", "k8s.pod.ip", "k8s.replicaset.name", "k8s.job.name", "k8s.node.name",
	"service.instance.id", "host.id", "host.name", "container.id", "process.pid",
}

func loki(s subject, c settings) {
	// L6
	c.want(s, ruleLokiRetention, true, "logs are never deleted", "compactor", "retention_enabled")
	if on(c.get("compactor", "retention_enabled")) && c.get("compactor", "delete_request_store") == nil {
		s.add(ruleLokiRetention, c.at("compactor", "delete_request_store"), "Name the object store, such as s3.", "compactor.delete_request_store is not set: with retention on, Loki does not start")
	}
	c.want(s, ruleLokiReporting, false, "Loki sends usage statistics to its makers", "analytics", "reporting_enabled")
	keys := []string{"distributor", "otlp_config", "default_resource_attributes_as_index_labels"}
	labels, ok := c.get(keys...).([]any)
	if !ok {
		s.add(ruleLokiLabels, c.at(keys...), "List few, such as service.name and k8s.namespace.name.",
			"the list of resource attributes that become labels is not set, and Loki's own contains pod names: every restart is a new stream")
	}
	for _, label := range labels {
		if name, _ := label.(string); slices.Contains(changing, name) {
			s.add(ruleLokiLabels, c.at(keys...), "Leave it out: it stays searchable as structured metadata.", "%s becomes a label and changes with every pod: every restart is a new stream", name)
		}
	}
}
