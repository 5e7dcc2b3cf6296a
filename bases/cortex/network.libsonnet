// Who talks to whom in Cortex. One table gives both the declared flows and the network policies of both sides.
local k = import '../lib/k.libsonnet';
local memcached = import '../lib/memcached.libsonnet';
local net = import '../lib/net.libsonnet';
local process = import 'process.libsonnet';
local storage = import 'storage.libsonnet';

local http = 8080;
local grpc = 9095;
local gossip = 7946;

// What each workload calls: others by gRPC and HTTP, caches; whether it uses the object storage.
local calls = {
  distributor: { grpc: ['ingester'] },
  ingester: { storage: true },
  querier: {
    // It fetches queries from the schedulers and sends answers straight to the query-frontend that asked.
    grpc: ['ingester', 'store-gateway', 'query-scheduler', 'query-frontend'],
    caches: ['chunks-cache', 'metadata-cache'],
    storage: true,
  },
  'query-frontend': { grpc: ['query-scheduler'], caches: ['results-cache'] },
  'query-scheduler': { grpc: ['query-frontend'] },
  'store-gateway': { caches: ['chunks-cache', 'index-cache', 'metadata-cache'], storage: true },
  compactor: { storage: true },
  ruler: {
    grpc: ['ingester', 'store-gateway', 'ruler'],
    http: ['alertmanager'],
    caches: ['chunks-cache', 'metadata-cache'],
    storage: true,
  },
  alertmanager: { grpc: ['alertmanager'], storage: true, internet: true },
};

// Who calls from outside the namespace, by HTTP: the proxy. The syncer writes rules through it too, and has the data of
// removed tenants deleted.
local proxied = ['distributor', 'query-frontend', 'ruler', 'alertmanager', 'compactor'];
local proxy = net.peer('proxy', k.labelsOf('proxy', 'proxy'));
local collector = net.collector;
// Loki's rulers send their alerts to the Alertmanager.
local lokiRulers(cluster) = if !std.get(cluster.enabled, 'loki', false) then [] else [
  net.peer('loki', k.labelsOf('loki', if cluster.options.topology == 'single-binary' then 'loki' else 'ruler')),
];

local called(workload, kind) = std.get(calls[workload], kind, []);
local callers(workload, kind) = [other for other in std.objectFields(calls) if std.member(called(other, kind), workload)];

{
  local network = self,

  // services are the names of a workload's Services: one for each zone, or one.
  services(cluster, workload):
    if std.member(['ingester', 'store-gateway'], workload)
    then ['%s-zone-%s' % [workload, zone.id] for zone in cluster.zones]
    else [workload],

  // proxied says whether the proxy calls a workload.
  proxied(workload): std.member(proxied, workload),

  // cacheClients are the workloads that use a cache.
  cacheClients(cache): callers(cache, 'caches'),

  // flows declares what a workload talks to.
  flows(cluster, workload):
    local to(workloads, port) = [
      'cortex/%s:%d' % [service, port]
      for other in workloads
      for service in network.services(cluster, other)
    ];
    net.flows(
      ['dns']
      + to(called(workload, 'grpc'), grpc)
      + to(called(workload, 'http'), http)
      + [memcached.flow('cortex', cache) for cache in called(workload, 'caches')]
      + (if std.member(process.gossips, workload) then ['cortex/gossip-ring:%d' % gossip] else [])
      + (if std.get(calls[workload], 'storage', false) then storage.flows(cluster) else [])
      + (if std.get(calls[workload], 'internet', false) then ['internet:443'] else [])
    ),

  // policies opens exactly that, on both sides.
  policies(cluster): [
    net.allow(
      workload,
      process.labels(workload),
      ingress=[
        net.from(
          [collector]
          + (if std.member(proxied, workload) then [proxy] else [])
          + (if workload == 'alertmanager' then lokiRulers(cluster) else [])
          + [net.same(process.labels(caller)) for caller in callers(workload, 'http')],
          [http]
        ),
      ] + (if callers(workload, 'grpc') == [] then [] else [
             net.from([net.same(process.labels(caller)) for caller in callers(workload, 'grpc')], [grpc]),
           ]),
      egress=
      [net.dns]
      + (if called(workload, 'grpc') == [] then [] else [
           net.to([net.same(process.labels(other)) for other in called(workload, 'grpc')], [grpc]),
         ])
      + (if called(workload, 'http') == [] then [] else [
           net.to([net.same(process.labels(other)) for other in called(workload, 'http')], [http]),
         ])
      + [memcached.egress('cortex', cache) for cache in called(workload, 'caches')]
      + (if std.get(calls[workload], 'storage', false) then storage.egress(cluster) else [])
      + (if std.get(calls[workload], 'internet', false) then [net.https] else [])
    )
    for workload in std.objectFields(calls)
  ] + [
    // C3: an address that was ours may be another ring's pod tomorrow. Only our own pods reach this port.
    net.allow(
      'gossip',
      process.gossipLabel,
      ingress=[net.from([net.same(process.gossipLabel)], [gossip])],
      egress=[net.to([net.same(process.gossipLabel)], [gossip])],
    ),
  ],

  // single is the policy, and singleFlows the flows, of the one process that is everything.
  single(cluster): net.allow(
    'cortex',
    process.labels('cortex'),
    ingress=[net.from([collector, proxy] + lokiRulers(cluster), [http])],
    egress=[net.dns, net.https] + storage.egress(cluster),
  ),
  singleFlows(cluster): net.flows(['dns', 'internet:443'] + std.filter(function(flow) flow != 'internet:443', storage.flows(cluster))),
}
