// All of Loki in one process, for one small node.
local k = import '../lib/k.libsonnet';
local network = import 'network.libsonnet';
local process = import 'process.libsonnet';

local labels = process.labels('loki');

{
  workload(cluster, configMap):
    local size = cluster.sizing.loki.loki;
    [
      k.statefulSet(
        'loki',
        labels,
        1,
        process.pod(cluster, 'all', size, {
          // Memory is shared; queries may take a quarter.
          flags: process.ownFlags('querier', size.memoryBytes / 4)
                 + process.parallelism(1, size.memoryBytes / 4),
          gossip: false,
          volume: true,
          slow: true,
          grace: 300,
        }),
        claims=[k.claim('data', size.storage)],
        spec={ updateStrategy: { type: 'RollingUpdate' }, minReadySeconds: 10 },
      ) + network.singleFlows(cluster) + k.configHash(configMap) + k.stays,
      k.headless('loki', labels, process.servicePorts),
      // The names that other components know.
      [
        k.service(name, labels, process.servicePorts)
        for name in ['distributor', 'query-frontend', 'querier', 'ruler', 'compactor']
      ],
      k.disruptionBudget('loki', labels),
      network.single(cluster),
    ],
}
