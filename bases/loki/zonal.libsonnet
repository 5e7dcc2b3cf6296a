// The ingesters: each zone holds a copy of all recent lines. Flux rolls one zone after the other (C1).
local k = import '../lib/k.libsonnet';
local network = import 'network.libsonnet';
local process = import 'process.libsonnet';

{
  // ingesters are the StatefulSet of one zone and the headless Service that names its pods.
  ingesters(cluster, configMap, zone):
    local name = 'ingester-zone-' + zone.id;
    local size = cluster.sizing.loki.ingester;
    local labels = process.labels('ingester') + { 'opsgen.dev/zone': zone.id };
    [
      k.statefulSet(
        name,
        labels,
        size.replicas,
        process.pod(cluster, 'ingester', size, {
          volume: true,
          slow: true,
          // What is in memory stays in the write-ahead log on the volume; nothing has to be flushed.
          grace: 300,
          // L7: without a zone, a zone-aware ring refuses the ingester.
          flags: { 'ingester.availability-zone': zone.id },
          body: k.spread(labels) + k.inZone(zone.name),
        }),
        claims=[k.claim('data', size.storage)],
        // Within the zone one pod at a time; the other zones have the copies.
        spec={ updateStrategy: { type: 'RollingUpdate' }, minReadySeconds: 10 },
      )
      + process.withGossip
      + network.flows(cluster, 'ingester')
      + k.configHash(configMap)
      + k.stays,
      k.headless(name, labels, process.servicePorts),
    ],

  // budget is over all zones: a drained node takes one pod at a time, whatever its zone.
  budget: k.disruptionBudget('ingester', process.labels('ingester')),
}
