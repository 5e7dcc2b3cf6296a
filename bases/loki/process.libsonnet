// One process of Loki: the pod around `loki -target=…`, and the flags that are this workload's own.
local k = import '../lib/k.libsonnet';
local storage = import 'storage.libsonnet';

local MiB = 1024 * 1024;
// Queries at a time, by memory: half a gigabyte each (L10).
local concurrency(bytes) = std.clamp(std.floor(bytes / (512 * MiB)), 2, 16);

{
  local process = self,

  // gossips are the workloads that share rings with each other.
  gossips: ['distributor', 'ingester', 'querier', 'query-frontend', 'query-scheduler', 'index-gateway', 'compactor', 'ruler'],
  // gossipLabel is on the pods of these workloads.
  gossipLabel: { 'opsgen.dev/gossip': 'loki' },

  // labels are the labels by which a workload is selected.
  labels(workload): k.labelsOf('loki', workload),
  withGossip: { spec+: { template+: { metadata+: { labels+: process.gossipLabel } } } },

  servicePorts: [k.servicePort('http', 8080), k.servicePort('grpc', 9095)],

  // ownFlags are a workload's flags in a pod of so many bytes: bounds that follow from its memory. They are no part of
  // loki.yaml, so that resizing one workload does not restart the others.
  ownFlags(workload, bytes): if workload == 'querier' then { 'querier.max-concurrent': concurrency(bytes) } else {},

  // parallelism is the flag of the query-frontend (L10): a query is split into no more parts than all queriers can work
  // on at a time; the others would only fill the queue.
  parallelism(replicas, bytes): {
    'querier.tsdb-max-query-parallelism': std.clamp(replicas * concurrency(bytes), 16, 512),
  },

  // pod runs one target. options: flags; seconds of grace for a shutdown; volume: the pod brings its volume `data` by a
  // claim; slow: starting may take half an hour (a replay of the write-ahead log); gossip; body: further fields of the pod.
  pod(cluster, target, size, options={}):
    local o = { flags: {}, grace: 60, volume: false, slow: false, gossip: true, body: {} } + options;
    k.pod('loki', [
      k.container('loki', 'loki', size, {
        args: [
          '-target=' + target,
          '-config.file=/etc/loki/config/loki.yaml',
          // For the pod's own address, the only variable in the file.
          '-config.expand-env=true',
        ] + ['-%s=%s' % [flag, text(o.flags[flag])] for flag in std.objectFields(o.flags)],
        env: [k.fieldEnv('POD_IP', 'status.podIP'), k.goMemoryLimit(size)] + storage.env(cluster),
        ports: [k.port('http', 8080), k.port('grpc', 9095)] + (if o.gossip then [k.port('gossip', 7946)] else []),
        volumeMounts: [
          k.mount('config', '/etc/loki/config', { readOnly: true }),
          // A folder and not a single file, or changes would never arrive.
          k.mount('limits', '/etc/loki/limits', { readOnly: true }),
          k.mount('data', '/data'),
          // The compactor lists there which chunks a round deletes, about 100 bytes each. Without it nothing is ever deleted,
          // neither by retention nor on request (L6).
          k.mount('tmp', '/tmp'),
        ],
        // There is no liveness probe: killing a process that is replaying its log, or waiting for the object storage, only
        // makes it start again from the beginning. One that has crashed has ended anyway. The image has no shell.
        startupProbe: k.httpProbe('/ready', 'http', { periodSeconds: 5, failureThreshold: if o.slow then 360 else 120 }),
        readinessProbe: k.httpProbe('/ready', 'http', { periodSeconds: 10, timeoutSeconds: 3 }),
      }),
    ], {
      terminationGracePeriodSeconds: o.grace,
      volumes: [
        k.configVolume('config', 'loki'),
        k.configVolume('limits', 'loki-limits'),
        k.emptyDir('tmp', '1Gi'),
      ] + (if o.volume then [] else [k.emptyDir('data', '1Gi')]),
    } + o.body, user=10001),

  // Whole numbers are written without an exponent.
  local text(value) = if std.isNumber(value) then '%d' % value else value,
}
