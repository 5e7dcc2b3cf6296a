// A cache: memcached as a StatefulSet with a headless Service, a disruption budget and a network policy. Every kind of
// cached thing gets a cache of its own, so that a burst of one evicts nothing of another.
local k = import 'k.libsonnet';
local net = import 'net.libsonnet';

{
  local memcached = self,

  port: 11211,
  // The port's name is part of the SRV record that clients look up.
  portName: 'memcached',

  // Both sides must agree on the largest item, or everything larger is refused without a word. The client's bound is a
  // little lower, because the server counts the key and a header as well.
  serverItemSize: '5m',
  clientItemBytes: 5 * 1024 * 1024 - 2048,

  // addresses is what clients discover the pods by. SRV names stay the same when a pod gets another address, so that a
  // replaced pod does not move the other pods' keys.
  addresses(component, name): 'dnssrvnoa+_%s._tcp.%s.%s.svc.cluster.local' % [memcached.portName, name, component],

  // flow is the declared flow from a client to the cache.
  flow(component, name): '%s/%s:%d' % [component, name, memcached.port],
  // egress is the rule with which a client of the same namespace reaches the cache.
  egress(component, name): net.to([net.same(k.labelsOf(component, name))], [memcached.port]),

  // itemMegabytes is the memory for items (-m): the rest of the container's limit is for the hash table, connections
  // and allocation slack (limit >= 1.2 x items + 100 MiB, or it is killed when full).
  itemMegabytes(size): std.floor((size.memoryBytes / 1024 / 1024 - 100) / 1.2),

  // cache makes one cache. size is a size of sizing; clients are the component's workloads that may use it.
  cache(component, name, size, clients): [
    k.serviceAccount(name),
    k.statefulSet(name, labels(component, name), size.replicas, pod(component, name, size), spec={
      // One pod at a time, and none too quickly: a roll must not empty the whole cache at once.
      updateStrategy: { type: 'RollingUpdate' },
      minReadySeconds: 60,
    }) + net.flows([]),
    // publishNotReadyAddresses: a pod that is starting keeps its place in the hash, its keys are just missing.
    k.headless(name, labels(component, name), [k.servicePort(memcached.portName, memcached.port)]),
    k.disruptionBudget(name, labels(component, name)),
    net.allow(name, labels(component, name), ingress=[
      net.from([net.same(k.labelsOf(component, client)) for client in clients], [memcached.port]),
    ]),
  ],

  local labels(component, name) = k.labelsOf(component, name),

  local pod(component, name, size) = k.pod(name, [
    k.container('memcached', 'memcached', size, {
      args: [
        '-m',
        std.toString(memcached.itemMegabytes(size)),
        '-I',
        memcached.serverItemSize,
        // Every client pod keeps up to a hundred connections open.
        '-c',
        '16384',
      ],
      ports: [k.port(memcached.portName, memcached.port)],
      startupProbe: k.tcpProbe(memcached.portName, { periodSeconds: 2, failureThreshold: 30 }),
      readinessProbe: k.tcpProbe(memcached.portName, { periodSeconds: 10 }),
    }),
  ], { terminationGracePeriodSeconds: 30 } + k.spread(labels(component, name)), user=11211),
}
