// One process of Cortex: the pod around `cortex -target=…`, and the flags that are this workload's own.
local k = import '../lib/k.libsonnet';
local storage = import 'storage.libsonnet';

// Bounds that follow from a workload's memory, so that it refuses before it is killed. Each is a function of bytes.
local guards = {
  // A push takes a few hundred kilobytes while it is dealt out.
  distributor(bytes): {
    'distributor.instance-limits.max-inflight-push-requests': std.floor(bytes / 1e6),
  },
  // C6: sized for 15 kB a series; a quarter more than that still fits, and then it is time to refuse. A tenant without
  // series costs about 5 MB.
  ingester(bytes): {
    'ingester.instance-limits.max-series': std.floor(bytes / 12e3),
    'ingester.instance-limits.max-tenants': std.floor(bytes / 5e6),
    'ingester.instance-limits.max-inflight-push-requests': std.max(200, std.floor(bytes / 10 / 300e3)),
  },
  // C10: all of these are unlimited by default, but for the first two. A sample in a query takes 16 bytes.
  querier(bytes): {
    'querier.max-concurrent': std.clamp(std.floor(4 * bytes / 1e9), 4, 20),
    'querier.max-samples': std.min(50e6, std.floor(bytes / 4 / 16)),
    'querier.max-fetched-series-per-query': std.floor(bytes / 8e3),
    'querier.max-fetched-chunk-bytes-per-query': std.floor(bytes / 8),
    'querier.max-fetched-data-bytes-per-query': std.floor(bytes / 4),
  },
  // C10: the pool of chunks alone may take 2 GiB by default. The heap's own threshold (query_protection) is not used:
  // it counts garbage, so that a healthy process near its memory limit would refuse queries.
  'store-gateway'(bytes): {
    'blocks-storage.bucket-store.max-chunk-pool-bytes': std.floor(bytes / 4),
    'blocks-storage.bucket-store.max-inflight-requests': std.max(20, std.floor(bytes / 40e6)),
  },
  // A ruler evaluates its queries itself.
  ruler(bytes): guards.querier(bytes),
};

// The flags by which a workload's rings are told its own address. Without them Cortex looks for a network interface
// called eth0 or en0 (C5).
local addressFlags = {
  distributor: ['distributor.ring.instance-addr'],
  ingester: ['ingester.lifecycler.addr'],
  querier: ['querier.instance-addr'],
  'query-frontend': ['frontend.instance-addr'],
  'query-scheduler': [],
  'store-gateway': ['store-gateway.sharding-ring.instance-addr'],
  compactor: ['compactor.ring.instance-addr'],
  ruler: ['ruler.ring.instance-addr'],
  alertmanager: ['alertmanager.sharding-ring.instance-addr'],
};

{
  local process = self,

  // gossips are the workloads that share rings with each other.
  gossips: ['distributor', 'ingester', 'querier', 'store-gateway', 'compactor', 'ruler', 'alertmanager'],
  // gossipLabel is on the pods of these workloads.
  gossipLabel: { 'opsgen.dev/gossip': 'cortex' },

  // labels are the labels by which a workload is selected; podLabels are those of its pods.
  labels(workload): k.labelsOf('cortex', workload),
  withGossip(workload): if std.member(process.gossips, workload)
  then { spec+: { template+: { metadata+: { labels+: process.gossipLabel } } } }
  else {},

  servicePorts: [k.servicePort('http', 8080), k.servicePort('grpc', 9095)],

  // ownFlags are a workload's flags in a pod of so many bytes.
  ownFlags(workload, bytes):
    { [flag]: '$(POD_IP)' for flag in addressFlags[workload] }
    + (if std.objectHas(guards, workload) then guards[workload](bytes) else {}),

  // flags of every process. The first two will move to another part of the file with the next minor version, and are
  // refused at the old place then; as flags they keep their names (C13). Queries older than 12 h go to the object
  // storage, and younger than 12 h 5 min to the ingesters, which keep 13 h (C9).
  commonFlags: {
    'querier.query-store-after': '12h',
    'querier.query-ingesters-within': '12h5m',
  },
  gossipFlags: {
    'memberlist.advertise-addr': '$(POD_IP)',
    'memberlist.advertise-port': 7946,
  },

  // pod runs one target. options: target, where it is more than the workload's name; flags; seconds of grace for a
  // shutdown; volume: the pod brings its volume `data` by a claim; slow: starting may take an hour (a replay of the
  // write-ahead log); body: further fields of the pod.
  pod(cluster, target, size, options={}):
    local o = { target: target, flags: {}, grace: 60, volume: false, slow: false, drain: false, body: {} } + options;
    local flags = process.commonFlags + o.flags;
    k.pod('cortex', [
      k.container('cortex', 'cortex', size, {
        args: ['-target=' + o.target, '-config.file=/etc/cortex/cortex.yaml']
              + ['-%s=%s' % [flag, text(flags[flag])] for flag in std.objectFields(flags)],
        env: [k.fieldEnv('POD_IP', 'status.podIP'), k.goMemoryLimit(size)] + storage.env(cluster),
        ports: [k.port('http', 8080), k.port('grpc', 9095)]
               + (if std.objectHas(flags, 'memberlist.advertise-addr') then [k.port('gossip', 7946)] else []),
        volumeMounts: [
          k.mount('config', '/etc/cortex', { readOnly: true }),
          // A folder and not a single file, or changes would never arrive.
          k.mount('limits', '/etc/cortex-limits', { readOnly: true }),
          k.mount('data', '/data'),
          // The Alertmanager unpacks a configuration there to check it.
          k.mount('tmp', '/tmp'),
        ],
        // There is no liveness probe: killing a process that is replaying its log, or waiting for the object storage, only
        // makes it start again from the beginning (C6). One that has crashed has ended anyway.
        startupProbe: k.httpProbe('/ready', 'http', { periodSeconds: 5, failureThreshold: if o.slow then 720 else 120 }),
        readinessProbe: k.httpProbe('/ready', 'http', { periodSeconds: 10, timeoutSeconds: 3 }),
        // Time for the endpoints to lose the pod before it stops to listen.
        [if o.drain then 'lifecycle']: { preStop: { sleep: { seconds: 5 } } },
      }),
    ], {
      terminationGracePeriodSeconds: o.grace,
      volumes: [
        k.configVolume('config', 'cortex'),
        k.configVolume('limits', 'cortex-limits'),
        k.emptyDir('tmp', '64Mi'),
      ] + (if o.volume then [] else [k.emptyDir('data', '1Gi')]),
    } + o.body),

  // Whole numbers are written without an exponent.
  local text(value) = if std.isNumber(value) then '%d' % value else value,
}
