// The workloads without zones, in the order in which lines, queries and rules pass through them.
local k = import '../lib/k.libsonnet';
local memcached = import '../lib/memcached.libsonnet';
local network = import 'network.libsonnet';
local process = import 'process.libsonnet';

local size(cluster, workload) = cluster.sizing.loki[workload];

// What every workload has, whatever its kind.
local finish(cluster, configMap, workload) =
  process.withGossip + network.flows(cluster, workload) + k.configHash(configMap);
local pod(cluster, workload, options) =
  process.pod(cluster, workload, size(cluster, workload), {
    body: k.spread(process.labels(workload)),
    flags: process.ownFlags(workload, size(cluster, workload).memoryBytes),
  } + options);

// around are a workload's Service, its disruption budget, and the Service by which the proxy knows its pods.
local around(workload, headless) = [
  (if headless then k.headless else k.service)(workload, process.labels(workload), process.servicePorts),
  k.disruptionBudget(workload, process.labels(workload)),
] + if network.proxied(workload) then [k.direct(workload, process.labels(workload), process.servicePorts)] else [];

// stateless is a Deployment.
local stateless(cluster, configMap, workload, options={}, headless=false) = [
  k.deployment(workload, process.labels(workload), size(cluster, workload).replicas, pod(cluster, workload, options), {
    minReadySeconds: 5,
  }) + finish(cluster, configMap, workload),
  k.autoscaler(workload, size(cluster, workload)),
] + around(workload, headless);

// stateful is a StatefulSet, whose pods keep their names, and a volume each where the workload has a size of storage.
local stateful(cluster, configMap, workload, options={}, headless=false) =
  local storage = std.get(size(cluster, workload), 'storage', '');
  [
    k.statefulSet(
      workload,
      process.labels(workload),
      size(cluster, workload).replicas,
      pod(cluster, workload, options { volume: storage != '' }),
      claims=if storage == '' then [] else [k.claim('data', storage)],
      spec={ updateStrategy: { type: 'RollingUpdate' }, minReadySeconds: 10 },
    ) + finish(cluster, configMap, workload),
  ] + around(workload, headless);

{
  // Lines come in here, and are dealt out to the ingesters of three zones.
  distributor(cluster, configMap): stateless(cluster, configMap, 'distributor'),

  // Queries come in here, are split by hours, and wait in the scheduler's queues until a querier has time. The Service of
  // the schedulers is headless: behind one address, half of the queriers would not see half of the queries (L9).
  queryFrontend(cluster, configMap):
    local querier = size(cluster, 'querier');
    stateless(cluster, configMap, 'query-frontend', {
      grace: 180,
      flags: process.parallelism(querier.replicas, querier.memoryBytes),
    }),
  queryScheduler(cluster, configMap): stateless(cluster, configMap, 'query-scheduler', { grace: 180 }, headless=true),
  // The proxy sends live tails (websockets) straight here (L8).
  querier(cluster, configMap): stateless(cluster, configMap, 'querier', { grace: 180 }),

  // Holds the index of all tenants on its disk, so that queriers need none. Headless, so that queriers know every one (L9).
  indexGateway(cluster, configMap): stateful(cluster, configMap, 'index-gateway', headless=true),

  // One cache for each kind of thing (M1).
  caches(cluster): [
    memcached.cache('loki', cache, size(cluster, cache), network.cacheClients(cache))
    for cache in ['results-cache', 'chunks-cache']
  ],

  // Merges the index, deletes what is older than the retention, and keeps the requests to delete. One pod, whatever
  // cluster.yaml says: two would overwrite each other's requests (L6).
  compactor(cluster, configMap):
    assert size(cluster, 'compactor').replicas == 1 : 'components.loki.workloads.compactor.replicas must be 1: two compactors overwrite the requests to delete lines';
    stateful(cluster, configMap, 'compactor', { grace: 300 }, headless=true),

  // Evaluates the tenants' rules, each group in one pod, and tells Cortex' Alertmanager. A stateful set without volumes:
  // a pod that comes back under its name takes its own groups again.
  ruler(cluster, configMap): stateful(cluster, configMap, 'ruler', { grace: 180 }),

  // The members of the rings find each other through this one. Pods that are not ready are listed too, or a cluster that
  // starts from nothing would wait for itself (C4).
  gossip: k.headless('gossip-ring', process.gossipLabel, [k.servicePort('gossip', 7946)]),
}
