// The workloads without zones, in the order in which samples, queries and alerts pass through them.
local k = import '../lib/k.libsonnet';
local memcached = import '../lib/memcached.libsonnet';
local network = import 'network.libsonnet';
local process = import 'process.libsonnet';

local size(cluster, workload) = cluster.sizing.cortex[workload];

// What every workload has, whatever its kind.
local finish(cluster, configMap, workload) =
  process.withGossip(workload) + network.flows(cluster, workload) + k.configHash(configMap);
local pod(cluster, workload, options) =
  process.pod(cluster, workload, size(cluster, workload), options {
    flags: process.ownFlags(workload, size(cluster, workload).memoryBytes)
           + (if std.member(process.gossips, workload) then process.gossipFlags else {}),
    body: k.spread(process.labels(workload)),
  });

// around are a workload's disruption budget, and the Service by which the proxy knows its pods.
local around(workload) = [
  k.disruptionBudget(workload, process.labels(workload)),
] + if network.proxied(workload) then [k.direct(workload, process.labels(workload), process.servicePorts)] else [];

// stateless is a Deployment with its Service and disruption budget.
local stateless(cluster, configMap, workload, options, headless=false) = [
  k.deployment(workload, process.labels(workload), size(cluster, workload).replicas, pod(cluster, workload, options), {
    minReadySeconds: 5,
  }) + finish(cluster, configMap, workload),
  k.autoscaler(workload, size(cluster, workload)),
  (if headless then k.headless else k.service)(workload, process.labels(workload), process.servicePorts),
] + around(workload);

// stateful is a StatefulSet with a volume for each pod, its Service and disruption budget.
local stateful(cluster, configMap, workload, options) = [
  k.statefulSet(
    workload,
    process.labels(workload),
    size(cluster, workload).replicas,
    pod(cluster, workload, options { volume: true }),
    claims=[k.claim('data', size(cluster, workload).storage)],
    spec={ updateStrategy: { type: 'RollingUpdate' }, minReadySeconds: 10 },
  ) + finish(cluster, configMap, workload),
  k.service(workload, process.labels(workload), process.servicePorts),
] + around(workload);

{
  // Samples come in here, and are dealt out to the ingesters of three zones.
  distributor(cluster, configMap): stateless(cluster, configMap, 'distributor', { drain: true }),

  // Queries come in here, are split by days, and wait in the scheduler's queues until a querier has time. The Service of
  // the schedulers is headless: behind one address, half of the queriers would not see half of the queries.
  queryFrontend(cluster, configMap): stateless(cluster, configMap, 'query-frontend', { drain: true, grace: 180 }),
  queryScheduler(cluster, configMap): stateless(cluster, configMap, 'query-scheduler', { grace: 180 }, headless=true),
  querier(cluster, configMap): stateless(cluster, configMap, 'querier', { grace: 180 }),

  // One cache for each kind of thing (M1).
  caches(cluster): [
    memcached.cache('cortex', cache, size(cluster, cache), network.cacheClients(cache))
    for cache in ['results-cache', 'index-cache', 'chunks-cache', 'metadata-cache']
  ],

  // Merges blocks, and deletes those that are older than the retention. The purger is an API beside it: a mark in the
  // bucket, by which the compactor deletes all that a tenant has.
  compactor(cluster, configMap): stateful(cluster, configMap, 'compactor', { grace: 300, target: 'compactor,purger' }),

  // Evaluates the tenants' rules, and tells the Alertmanagers, which keep silences and send notifications.
  ruler(cluster, configMap): stateless(cluster, configMap, 'ruler', { drain: true, grace: 180 }),
  alertmanager(cluster, configMap): stateful(cluster, configMap, 'alertmanager', { drain: true, grace: 120 }),

  // The members of the rings find each other through this one. Pods that are not ready are listed too, or a cluster that
  // starts from nothing would wait for itself (C4).
  gossip: k.headless('gossip-ring', process.gossipLabel, [k.servicePort('gossip', 7946)]),
}
