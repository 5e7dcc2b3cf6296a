// The collector: one Prometheus agent for the platform itself. It may list the pods of the platform's namespaces, read the
// metrics of nodes, and write metrics into the tenant `system`.
local agent = import '../lib/agent.libsonnet';
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';
local proxy = import '../proxy/proxy.libsonnet';
local scrape = import 'scrape.libsonnet';
local targetsOf = import 'targets.libsonnet';

local name = 'collector';
local labels = k.labelsOf(name, name);

// The most samples of one pod. Cortex and Loki have some for each tenant.
local sampleLimit = 200000;

local config(cluster, targets) = k.configMap(name, {
  'prometheus.yaml': std.manifestYamlDoc(agent.config({ cluster: cluster.name }, sampleLimit, scrape(targets)), quote_keys=false),
});

// The API server's credentials are mounted by name: what a pod holds stands in its template.
local apiserver = {
  name: 'apiserver',
  projected: {
    sources: [
      { serviceAccountToken: { expirationSeconds: 3600, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
    ],
  },
};

local rights(targets) = [
  k.clusterRole('collector-pods', [k.rule([''], ['pods'], ['get', 'list', 'watch'])]),
  [
    k.roleBinding('collector', 'collector-pods', name, name, kind='ClusterRole') + k.inNamespace(target.namespace)
    for target in targets
  ],
  // Metrics of kubelets. It is not nodes/proxy, which is the right to run commands in every pod.
  k.clusterRole('collector-nodes', [k.rule([''], ['nodes/metrics'], ['get'])]),
  k.clusterRoleBinding('collector-nodes', 'collector-nodes', name, name),
];

local container(size) = agent.container(name, size) {
  volumeMounts+: [k.mount('apiserver', '/var/run/secrets/kubernetes.io/serviceaccount', { readOnly: true })],
};

function(cluster, bundle)
  local targets = targetsOf(cluster);
  local settings = config(cluster, targets);
  [
    k.serviceAccount(name),
    rights(targets),
    settings,
    // One, or samples would come twice. While it is replaced, a scrape or two is missing.
    k.deployment(name, labels, 1, k.pod(name, [container(cluster.sizing.collector.collector)], {
      volumes: agent.volumes(name, '2Gi') + [apiserver],
    }, user=agent.user), { strategy: { type: 'Recreate' } })
    + k.configHash(settings)
    + net.flows(['dns', 'apiserver', proxy.flow]),
    net.allow(
      name,
      labels,
      ingress=[net.monitoring(agent.port)],
      egress=[net.dns, net.apiServer, proxy.egress]
             + [net.to([net.peer(target.namespace)], [target.number]) for target in targets]
             // Kubelets have no pods to select: their port is all that can be said.
             + [net.to([net.anywhere], [10250])],
    ),
  ]
