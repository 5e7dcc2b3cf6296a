// Cortex: metrics of all tenants. What exists once in each zone is in zone.jsonnet, the tenants' limits in tenants.jsonnet.
local k = import '../lib/k.libsonnet';
local config = import 'config.libsonnet';
local network = import 'network.libsonnet';
local single = import 'single.libsonnet';
local workloads = import 'workloads.libsonnet';
local zonal = import 'zonal.libsonnet';

function(cluster, bundle)
  local configMap = config(cluster);
  [
    configMap,
    // What the pods are in the cloud: it may read and write the two buckets.
    k.serviceAccount('cortex') + k.annotations(k.identity(cluster, 'cortex')),
    if cluster.options.topology == 'single-binary' then single.workload(cluster, configMap) else [
      workloads.distributor(cluster, configMap),
      zonal.budgets,
      workloads.queryFrontend(cluster, configMap),
      workloads.queryScheduler(cluster, configMap),
      workloads.querier(cluster, configMap),
      workloads.caches(cluster),
      workloads.compactor(cluster, configMap),
      workloads.ruler(cluster, configMap),
      workloads.alertmanager(cluster, configMap),
      workloads.gossip,
      network.policies(cluster),
    ],
  ]
