// What all exporters have in common: one pod that the scraper alone may ask, which holds no credential but a token of its
// service account for the cloud that it asks.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';

// Nine tenths of the limit, in Go's notation.
local goMemory(memory) =
  local number(unit) = std.parseInt(std.substr(memory, 0, std.length(memory) - std.length(unit)));
  if std.endsWith(memory, 'Mi') then [k.env('GOMEMLIMIT', '%dMiB' % std.floor(number('Mi') * 0.9))]
  else if std.endsWith(memory, 'Gi') then [k.env('GOMEMLIMIT', '%dMiB' % std.floor(number('Gi') * 921))]
  else [];

{
  local exporter = self,

  labels(name): k.labelsOf('exporters', name),
  scraperLabels: exporter.labels('scraper'),

  address(namespace, name, port): 'exporter-%s.%s.svc:%d' % [name, namespace, port],

  // outside opens ports of public addresses, and of the private networks that the cluster's owner allows.
  outside(networks, ports): net.to([net.public] + [{ ipBlock: { cidr: network } } for network in networks], ports),

  // token is a service-account token for a cloud: the pod proves by it who it is, and gets a short-lived credential for it.
  // It is written out here, and not left to a webhook, so that it works on every cluster whose issuer the cloud trusts.
  token(audience): {
    volume: k.tokenVolume('cloud-token', audience),
    mount: k.mount('cloud-token', '/var/run/secrets/cloud', { readOnly: true }),
    file: '/var/run/secrets/cloud/token',
  },

  // objects of one exporter. e: name, image, memory, port, probe (a path), user, args, env, mounts, volumes, config (a
  // ConfigMap or null), annotations of its service account, flows, egress.
  objects(e):
    local name = 'exporter-' + e.name;
    local labels = exporter.labels(e.name);
    local container = k.container(name, e.image, { cpu: '20m', memory: e.memory }, {
      args: e.args,
      env: e.env + goMemory(e.memory),
      ports: [k.port('http', e.port)],
      readinessProbe: k.httpProbe(e.probe, 'http', { periodSeconds: 10 }),
      livenessProbe: k.tcpProbe('http', { periodSeconds: 10, failureThreshold: 6 }),
      volumeMounts: e.mounts,
    });
    local configured = e.config != null;
    [
      k.serviceAccount(name) + k.annotations(e.annotations),
      e.config,
      // There must not be two for long: each asks the cloud, which is paid for.
      k.deployment(name, labels, 1, k.pod(name, [container], { volumes: e.volumes }, user=65534), { strategy: { type: 'Recreate' } })
      + net.flows(['dns'] + e.flows)
      + (if configured then k.configHash(e.config) else {}),
      k.service(name, labels, [k.servicePort('http', e.port)]),
      net.allow(
        name,
        labels,
        ingress=[net.from([net.same(exporter.scraperLabels)], [e.port])],
        egress=[net.dns] + e.egress,
      ),
    ],
}
