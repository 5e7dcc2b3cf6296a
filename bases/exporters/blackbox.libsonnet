// Probes from outside, by blackbox_exporter.
//
// The threat: whoever may write a target lets this pod ask it, from within the cluster. So nothing but the scraper may
// tell it what to ask; it runs in the tenant's namespace and not in the platform's; and its policy knows public addresses
// only, and of them the ports of the targets. A name that leads to a private address, at once or at a redirect, is cut
// there.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';
local exporter = import 'exporter.libsonnet';

local name = 'blackbox';
local port = 9115;
local secretFolder = '/etc/secrets';

// A reference ${secret:NAME/KEY}.
local reference(text) =
  local parts = std.split(std.substr(text, 9, std.length(text) - 10), '/');
  { name: parts[0], key: parts[1] };
local file(text) = '%s/%s/%s' % [secretFolder, reference(text).name, reference(text).key];

// Policies and clusters know addresses of IPv4.
local ip4 = { preferred_ip_protocol: 'ip4', ip_protocol_fallback: false };

local optional(from, names) = { [names[field]]: from[field] for field in std.objectFields(names) if std.objectHas(from, field) };

local http(h) = ip4 + optional(h, {
  method: 'method',
  headers: 'headers',
  body: 'body',
  statusCodes: 'valid_status_codes',
  bodyMatches: 'fail_if_body_not_matches_regexp',
  bodyLacks: 'fail_if_body_matches_regexp',
  followRedirects: 'follow_redirects',
  requireTLS: 'fail_if_not_ssl',
}) + {
  [if std.objectHas(h, 'bearerToken') then 'authorization']: { credentials_file: file(h.bearerToken) },
  [if std.objectHas(h, 'basicAuth') then 'basic_auth']: { username: h.basicAuth.username, password_file: file(h.basicAuth.password) },
  // A page is looked at, not downloaded.
  body_size_limit: '4MB',
};

local module(m) = { timeout: m.timeout } + (
  if std.objectHas(m, 'http') then { prober: 'http', http: http(m.http) }
  else if std.objectHas(m, 'dns') then {
    prober: 'dns',
    dns: ip4 {
      query_name: m.dns.name,
      query_type: std.get(m.dns, 'type', 'A'),
      transport_protocol: if std.get(m.dns, 'tcp', false) then 'tcp' else 'udp',
    },
  }
  else if std.objectHas(m, 'grpc') then { prober: 'grpc', grpc: ip4 + m.grpc }
  else {
    prober: 'tcp',
    tcp: ip4 + optional(m.tcp, { tls: 'tls' })
         + (if std.objectHas(m.tcp, 'expect') then { query_response: [{ expect: m.tcp.expect }] } else {}),
  }
);

// Those of the modules; a missing Secret fails its probes, and no others.
local secrets(written) = std.set(std.flattenArrays([
  std.prune([
    if std.objectHas(m.http, 'bearerToken') then reference(m.http.bearerToken).name,
    if std.objectHas(m.http, 'basicAuth') then reference(m.http.basicAuth.password).name,
  ])
  for m in std.objectValues(written.modules)
  if std.objectHas(m, 'http')
]));

local ports(written, udp) = std.set([target.port for target in written.targets if std.get(target, 'udp', false) == udp]);

local job(namespace, written) = {
  job_name: name,
  metrics_path: '/probe',
  scrape_interval: written.interval,
  // The exporter ends a probe half a second before.
  scrape_timeout: written.interval,
  static_configs: [
    { targets: [target.address], labels: std.get(target, 'labels', {}) + { module: target.module } }
    for target in written.targets
  ],
  relabel_configs: [
    { source_labels: ['__address__'], target_label: '__param_target' },
    { source_labels: ['__address__'], target_label: 'instance' },
    { source_labels: ['module'], target_label: '__param_module' },
    { target_label: '__address__', replacement: exporter.address(namespace, name, port) },
  ],
};

function(cluster, namespace, written, networks)
  local mounted = secrets(written);
  local volume(i) = 'secret-%d' % i;
  local settings = k.configMap('exporter-' + name, {
    'blackbox.yaml': std.manifestYamlDoc({ modules: { [m]: module(written.modules[m]) for m in std.objectFields(written.modules) } }, quote_keys=false),
  });
  local tcp = ports(written, false);
  local udp = ports(written, true);
  {
    objects: exporter.objects({
      name: name,
      image: 'blackbox-exporter',
      memory: written.memory,
      port: port,
      probe: '/-/healthy',
      args: ['--config.file=/etc/exporter/blackbox.yaml', '--web.listen-address=:%d' % port],
      env: [],
      mounts: [k.mount('config', '/etc/exporter', { readOnly: true })]
              + std.mapWithIndex(function(i, secret) k.mount(volume(i), secretFolder + '/' + secret, { readOnly: true }), mounted),
      volumes: [k.configVolume('config', 'exporter-' + name)]
               + std.mapWithIndex(function(i, secret) { name: volume(i), secret: { secretName: secret, optional: true } }, mounted),
      config: settings,
      annotations: {},
      flows: ['internet:%d' % p for p in tcp] + ['internet:%d/UDP' % p for p in udp],
      egress: [exporter.outside(networks, tcp + ['%d/UDP' % p for p in udp])],
    }),
    flow: '%s/exporter-%s:%d' % [namespace, name, port],
    port: port,
    labels: exporter.labels(name),
    jobs: [job(namespace, written)],
  }
