// The workloads that hold data and exist once in each zone, each zone with a copy: ingesters and store-gateways. Flux
// rolls one zone after the other (C1).
local k = import '../lib/k.libsonnet';
local network = import 'network.libsonnet';
local process = import 'process.libsonnet';

// A StatefulSet of one zone and the headless Service that names its pods.
local zonal(cluster, configMap, zone, workload, zoneFlag, options) =
  local name = '%s-zone-%s' % [workload, zone.id];
  local size = cluster.sizing.cortex[workload];
  local labels = process.labels(workload) + { 'opsgen.dev/zone': zone.id };
  [
    k.statefulSet(
      name,
      labels,
      size.replicas,
      process.pod(cluster, workload, size, options {
        volume: true,
        flags: process.ownFlags(workload, size.memoryBytes) + process.gossipFlags + { [zoneFlag]: zone.id },
        body: k.spread(labels) + k.inZone(zone.name),
      }),
      claims=[k.claim('data', size.storage)],
      // Within the zone one pod at a time; the other zones have the copies.
      spec={ updateStrategy: { type: 'RollingUpdate' }, minReadySeconds: 10 },
    )
    + process.withGossip(workload)
    + network.flows(cluster, workload)
    + k.configHash(configMap)
    + (if workload == 'ingester' then k.stays else {}),
    k.headless(name, labels, process.servicePorts),
  ];

{
  ingesters(cluster, configMap, zone): zonal(cluster, configMap, zone, 'ingester', 'ingester.availability-zone', {
    // C6: a shutdown writes a snapshot of everything in memory, and a start reads it, or the whole log after a crash.
    grace: 1200,
    slow: true,
  }),
  storeGateways(cluster, configMap, zone): zonal(cluster, configMap, zone, 'store-gateway', 'store-gateway.sharding-ring.instance-availability-zone', {
    grace: 120,
    // It is ready when it has the headers of all its blocks.
    slow: true,
  }),

  // budgets are over all zones: a drained node takes one pod at a time, whatever its zone.
  budgets: [
    k.disruptionBudget(workload, process.labels(workload))
    for workload in ['ingester', 'store-gateway']
  ],
}
