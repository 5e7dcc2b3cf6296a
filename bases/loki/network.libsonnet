// Who talks to whom in Loki. One table gives both the declared flows and the network policies of both sides.
local k = import '../lib/k.libsonnet';
local memcached = import '../lib/memcached.libsonnet';
local net = import '../lib/net.libsonnet';
local process = import 'process.libsonnet';
local storage = import 'storage.libsonnet';

local http = 8080;
local grpc = 9095;
local gossip = 7946;

// What each workload calls: others by gRPC, caches; whether it uses the object storage, and sends alerts.
local calls = {
  distributor: { grpc: ['ingester'] },
  // It puts chunks into the cache when it writes them out.
  ingester: { caches: ['chunks-cache'], storage: true },
  // It learns from the schedulers what to do, and sends the answer straight to the query-frontend that asked. The
  // compactor tells which lines are deleted although they are still stored.
  querier: {
    grpc: ['compactor', 'index-gateway', 'ingester', 'query-frontend', 'query-scheduler'],
    caches: ['chunks-cache'],
    storage: true,
  },
  'query-frontend': { grpc: ['compactor', 'query-scheduler'], caches: ['results-cache'] },
  // To tell of a query that will never be answered.
  'query-scheduler': { grpc: ['query-frontend'] },
  'index-gateway': { storage: true },
  compactor: { storage: true },
  // It evaluates its queries itself.
  ruler: { grpc: ['compactor', 'index-gateway', 'ingester', 'ruler'], caches: ['chunks-cache'], storage: true, alerts: true },
};

// Who calls from outside the namespace, by HTTP. Nobody but the proxy: the syncer writes rules through it too.
local proxied = ['distributor', 'query-frontend', 'querier', 'ruler', 'compactor'];
local proxy = net.peer('proxy', k.labelsOf('proxy', 'proxy'));
local collector = net.collector;

local called(workload, kind) = std.get(calls[workload], kind, []);
local callers(workload, kind) = [other for other in std.objectFields(calls) if std.member(called(other, kind), workload)];
local peers(workloads) = [net.same(process.labels(workload)) for workload in workloads];

// Alerts go to Cortex' Alertmanager, if there is one. The rulers name the tenant in X-Scope-OrgID by themselves (Loki
// 3.7, pkg/ruler/base/manager.go), so they need not ask the proxy.
local alerts(cluster) = std.get(cluster.enabled, 'cortex', false);
local alertFlows(cluster) = if alerts(cluster) then ['cortex/alertmanager:8080'] else [];
local alertEgress(cluster) = if !alerts(cluster) then [] else [
  net.to(
    [net.peer('cortex', k.labelsOf('cortex', if cluster.options.topology == 'single-binary' then 'cortex' else 'alertmanager'))],
    [http]
  ),
];

{
  local network = self,

  // services are the names of a workload's Services: one for each zone, or one.
  services(cluster, workload):
    if workload == 'ingester' then ['ingester-zone-' + zone.id for zone in cluster.zones] else [workload],

  // proxied says whether the proxy calls a workload.
  proxied(workload): std.member(proxied, workload),

  // cacheClients are the workloads that use a cache.
  cacheClients(cache): callers(cache, 'caches'),

  // flows declares what a workload talks to.
  flows(cluster, workload): net.flows(
    ['dns', 'loki/gossip-ring:%d' % gossip]
    + [
      'loki/%s:%d' % [service, grpc]
      for other in called(workload, 'grpc')
      for service in network.services(cluster, other)
    ]
    + [memcached.flow('loki', cache) for cache in called(workload, 'caches')]
    + (if std.get(calls[workload], 'storage', false) then storage.flows(cluster) else [])
    + (if std.get(calls[workload], 'alerts', false) then alertFlows(cluster) else [])
  ),

  // policies opens exactly that, on both sides.
  policies(cluster): [
    net.allow(
      workload,
      process.labels(workload),
      ingress=
      [net.from([collector] + (if std.member(proxied, workload) then [proxy] else []), [http])]
      + (if callers(workload, 'grpc') == [] then [] else [net.from(peers(callers(workload, 'grpc')), [grpc])]),
      egress=
      [net.dns]
      + (if called(workload, 'grpc') == [] then [] else [net.to(peers(called(workload, 'grpc')), [grpc])])
      + [memcached.egress('loki', cache) for cache in called(workload, 'caches')]
      + (if std.get(calls[workload], 'storage', false) then storage.egress(cluster) else [])
      + (if std.get(calls[workload], 'alerts', false) then alertEgress(cluster) else [])
    )
    for workload in std.objectFields(calls)
  ] + [
    // L1: an address that was ours may be another ring's pod tomorrow. Only our own pods reach this port.
    net.allow(
      'gossip',
      process.gossipLabel,
      ingress=[net.from([net.same(process.gossipLabel)], [gossip])],
      egress=[net.to([net.same(process.gossipLabel)], [gossip])],
    ),
  ],

  // single is the policy, and singleFlows the flows, of the one process that is everything.
  single(cluster): net.allow(
    'loki',
    process.labels('loki'),
    ingress=[net.from([collector, proxy], [http])],
    egress=[net.dns] + storage.egress(cluster) + alertEgress(cluster),
  ),
  singleFlows(cluster): net.flows(['dns'] + storage.flows(cluster) + alertFlows(cluster)),
}
