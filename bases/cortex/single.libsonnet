// All of Cortex in one process, for one small node. The target `all` has everything but the query-scheduler, which one
// process does not need.
local k = import '../lib/k.libsonnet';
local network = import 'network.libsonnet';
local process = import 'process.libsonnet';

local labels = process.labels('cortex');

// Memory is shared: most of it belongs to the series.
local shares = { ingester: 0.75, querier: 0.25, distributor: 0.25, 'store-gateway': 0.25, compactor: 0, ruler: 0.25, alertmanager: 0, 'query-frontend': 0 };

{
  workload(cluster, configMap):
    local size = cluster.sizing.cortex.cortex;
    [
      k.statefulSet(
        'cortex',
        labels,
        1,
        process.pod(cluster, 'all', size, {
          flags: std.foldl(
            function(flags, workload) flags + process.ownFlags(workload, shares[workload] * size.memoryBytes),
            std.objectFields(shares),
            {}
          ),
          volume: true,
          slow: true,
          grace: 1200,
        }),
        claims=[k.claim('data', size.storage)],
        spec={ updateStrategy: { type: 'RollingUpdate' }, minReadySeconds: 10 },
      ) + network.singleFlows(cluster) + k.configHash(configMap) + k.stays,
      k.headless('cortex', labels, process.servicePorts),
      // The names that other components know.
      [
        k.service(name, labels, process.servicePorts)
        for name in ['distributor', 'query-frontend', 'ruler', 'alertmanager', 'store-gateway', 'compactor']
      ],
      k.disruptionBudget('cortex', labels),
      network.single(cluster),
    ],
}
