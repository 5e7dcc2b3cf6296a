// The cluster autoscaler changes the desired size of the node groups that bootstrap makes, between the least and the most
// that bootstrap sets. GKE has one of its own. Two pods where the platform has copies: one works, the other waits.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';

local name = 'cluster-autoscaler';
local labels = k.labelsOf(name, name);

// Flags of kubernetes/autoscaler (config/flags/flags.go, read in November 2026); what is not here has its default.
local flags(cluster) = {
  'cloud-provider': 'aws',
  namespace: name,
  'logging-format': 'json',

  // EKS tags the groups of its managed nodes so, and the role of this pod may change only those.
  'node-group-auto-discovery': 'asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/' + cluster.name,
  // Every zone has nodes, so that what a new one holds is read from those. A list from EC2 would be one right more.
  'aws-use-static-instance-list': 'true',

  // Volumes decide on the zone of what has some. What has none may go anywhere: zones stay alike.
  expander: 'least-waste',
  'balance-similar-node-groups': 'true',

  // What pods keep in folders that end with them (emptyDir) may go, in this bundle: caches, and what is on its way. With the
  // default, hardly any node would ever be taken away.
  'skip-nodes-with-local-storage': 'false',
  // A node that was less than half used for half an hour goes, if what runs there fits elsewhere, has a budget left, and is
  // no ingester (k.stays). With the default of 10 minutes, a dashboard that is opened now and then would add and take away
  // nodes all day.
  'scale-down-unneeded-time': '30m',
  'scale-down-delay-after-add': '30m',
  'scale-down-utilization-threshold': '0.5',
};

// What differs between the nodes of two zones, and says nothing about what fits on them. EKS writes the image while it
// upgrades zone by zone.
local ignored = [
  'eks.amazonaws.com/nodegroup-image',
  'topology.ebs.csi.aws.com/zone',
  'topology.k8s.aws/zone-id',
];

local arguments(cluster) = [
  '--%s=%s' % [flag, flags(cluster)[flag]]
  for flag in std.objectFields(flags(cluster))
] + ['--balancing-ignore-label=' + label for label in ignored];

local container(cluster, size) = k.container(name, name, size, {
  command: ['/cluster-autoscaler'],
  args: arguments(cluster),
  env: [k.goMemoryLimit(size), k.env('AWS_REGION', cluster.provider.region)],
  ports: [k.port('http', 8085)],
  // It answers while it waits for the other pod, too, and fails when it has not looked at the cluster for a while.
  readinessProbe: k.httpProbe('/health-check', 'http', { periodSeconds: 5 }),
  livenessProbe: k.httpProbe('/health-check', 'http', { periodSeconds: 30, timeoutSeconds: 10, failureThreshold: 4 }),
});

// What it reads is what the scheduler reads, since it asks the scheduler's own code where pods would fit. Its releases
// also ask to write the status of pods, and Endpoints, which it has not done since 1.1 and 1.17.
//
// Threat: whoever takes it over empties nodes and moves pods, which its work is. They cannot read Secrets, nor change a pod
// or where a Service leads.
local read = ['get', 'list', 'watch'];
local rules = [
  k.rule([''], ['namespaces', 'nodes', 'persistentvolumeclaims', 'persistentvolumes', 'pods', 'replicationcontrollers', 'services'], read),
  k.rule(['apps'], ['daemonsets', 'replicasets', 'statefulsets'], read),
  k.rule(['batch'], ['jobs'], read),
  k.rule(['policy'], ['poddisruptionbudgets'], read),
  k.rule(['resource.k8s.io'], ['deviceclasses', 'resourceclaims', 'resourceslices'], read),
  k.rule(['storage.k8s.io'], ['csidrivers', 'csinodes', 'csistoragecapacities', 'storageclasses', 'volumeattachments'], read),
  // Taints of nodes that are about to go.
  k.rule([''], ['nodes'], ['update']),
  k.rule([''], ['pods/eviction'], ['create']),
  k.rule([''], ['events'], ['create', 'patch']),
];

// Its lease, and what it tells people (`kubectl -n cluster-autoscaler get configmap cluster-autoscaler-status`).
local own = [
  k.rule(['coordination.k8s.io'], ['leases'], ['create']),
  k.rule(['coordination.k8s.io'], ['leases'], ['get', 'update'], { resourceNames: [name] }),
  k.rule([''], ['configmaps'], ['create', 'list', 'watch']),
  k.rule([''], ['configmaps'], ['get', 'update', 'delete'], { resourceNames: [name + '-status'] }),
];

function(cluster, bundle)
  local size = cluster.sizing[name][name];
  [
    k.serviceAccount(name) + k.annotations(k.identity(cluster, name)),
    k.clusterRole(name, rules),
    k.clusterRoleBinding(name, name, name, name),
    k.role(name, own),
    k.roleBinding(name, name, name, name),
    k.deployment(name, labels, size.replicas, k.pod(name, [container(cluster, size)], {
      automountServiceAccountToken: true,
      // Who makes room must not wait for it.
      priorityClassName: 'system-cluster-critical',
    } + k.spread(labels)), { strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } } })
    + net.flows(['dns', 'apiserver', 'internet:443']),
    if size.replicas > 1 then k.disruptionBudget(name, labels) else null,
    net.allow(
      name,
      labels,
      ingress=[net.monitoring(8085)],
      egress=[net.dns, net.apiServer, net.https] + net.cloudIdentity(cluster.provider.name),
    ),
  ]
