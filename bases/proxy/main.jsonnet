// The proxy: Deployment, its two Services, its configuration, and who may reach it. What depends on the list of tenants
// is in tenants.jsonnet.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';
local login = import 'login.libsonnet';
local proxy = import 'proxy.libsonnet';
local tracing = import 'tracing.libsonnet';
local upstreams = import 'upstreams.libsonnet';

// How long a proxy that was told to end goes on taking connections (until the load balancer has noticed), and how long
// requests may then still take: as long as the longest query.
local drainDelay = 30;
local drain = 300;

// Everything else has its default (proxy/config). The paths are those of the volumes below.
local config(cluster, size) = {
  cluster: cluster.name,
  domain: cluster.domain,
  replicas: size.replicas,
  tenantsFile: '/etc/proxy-tenants',
  listeners: {
    public: { address: ':8443', certificates: ['/etc/proxy-tls/public'] },
    internal: { address: ':8444', certificates: ['/etc/proxy-tls/internal'] },
    admin: { address: ':9090' },
  },
  tokens: {
    keysFile: '/etc/proxy-keys/jwks.json',
    revocationsFile: '/etc/proxy-keys/revocations.yaml',
  },
  serviceAccounts: {
    audience: proxy.audience,
    caFile: '/var/run/secrets/apiserver/ca.crt',
    tokenFile: '/var/run/secrets/apiserver/token',
  },
  upstreams: {
    [kind[0]]: upstreams.urls(cluster, kind[1])
    for kind in [['metrics', 'cortex'], ['logs', 'loki']]
    if std.get(cluster.enabled, kind[1], false)
  },
  grafana: {
    upstream: 'http://grafana.tenant-{tenant}.svc:3000',
    signingKey: '/etc/proxy-signing',
  },
  [if login.enabled(cluster) then 'login']: login.config(cluster),
  [if tracing.enabled(cluster) then 'tracing']: tracing.config(cluster),
  timeouts: {
    query: '%ds' % drain,
    drainDelay: '%ds' % drainDelay,
    drain: '%ds' % drain,
  },
};

local tenantsSource(configMap, file) =
  { configMap: { name: configMap, items: [{ key: 'tenants.yaml', path: file + '.yaml' }] } };

local volumes(cluster) = [
  k.configVolume('config', 'proxy'),
  // The lists of tenants.jsonnet, in one folder. A shard that has no tenant yet is not there, and appears in running pods.
  {
    name: 'tenants',
    projected: {
      sources: [tenantsSource('proxy-callers', 'callers')] + [
        tenantsSource('proxy-tenants-' + shard, 'tenants-' + shard) + { configMap+: { optional: true } }
        for shard in proxy.tenantShards
      ],
    },
  },
  // Public keys and revocations come by pull request. A cluster for which no key was made yet has none: the proxy runs,
  // and refuses every tenant's token.
  { name: 'keys', configMap: { name: 'proxy-keys', optional: true } },
  k.secretVolume('public-certificate', 'proxy-tls'),
  k.secretVolume('internal-certificate', 'proxy-internal-tls'),
  k.secretVolume('signing-key', 'proxy-signing'),
  // The keys of service accounts are fetched from the API server, with a token that is good for nothing else.
  {
    name: 'apiserver',
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: 3600, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      ],
    },
  },
] + login.volumes(cluster);

// Whole folders, never a single file: only so do changes reach a running pod.
local mounts(cluster) = [
  k.mount('config', '/etc/proxy', { readOnly: true }),
  k.mount('tenants', '/etc/proxy-tenants', { readOnly: true }),
  k.mount('keys', '/etc/proxy-keys', { readOnly: true }),
  k.mount('public-certificate', '/etc/proxy-tls/public', { readOnly: true }),
  k.mount('internal-certificate', '/etc/proxy-tls/internal', { readOnly: true }),
  k.mount('signing-key', '/etc/proxy-signing', { readOnly: true }),
  k.mount('apiserver', '/var/run/secrets/apiserver', { readOnly: true }),
] + login.mounts(cluster);

local container(cluster, size) = k.container('proxy', 'proxy', size, {
  args: ['serve', '--config=/etc/proxy/proxy.yaml'],
  env: [k.goMemoryLimit(size)],
  ports: [k.port('public', 8443), k.port('internal', 8444), k.port('admin', 9090)],
  // Ready says that certificates and configuration were read, not that Cortex or Loki answer: a front door that closes
  // when one of them is slow would take the other with it.
  startupProbe: k.httpProbe('/-/ready', 'admin', { periodSeconds: 2, failureThreshold: 60 }),
  readinessProbe: k.httpProbe('/-/ready', 'admin', { periodSeconds: 5, failureThreshold: 2 }),
  livenessProbe: k.httpProbe('/-/healthy', 'admin', { periodSeconds: 10, failureThreshold: 6 }),
  volumeMounts: mounts(cluster),
});

// All files are read again when they change, so that no hash of them is in the template: no change of configuration
// restarts a proxy, and no connection is dropped for it.
local deployment(cluster, size) =
  k.deployment('proxy', proxy.labels, size.replicas, k.pod('proxy', [container(cluster, size)], {
    terminationGracePeriodSeconds: drainDelay + drain + 15,
    volumes: volumes(cluster),
  } + k.spread(proxy.labels)), {
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
  })
  + net.flows(upstreams.flows(cluster) + login.flows(cluster) + tracing.flows(cluster) + ['dns', 'apiserver']);

// One record for all hosts: a new tenant waits for no DNS. Local keeps the client's address, and spares a hop; nodes
// without a proxy drop out of the load balancer by its health check.
local public(cluster) = k.service('proxy', proxy.labels, [k.servicePort('https', 443, 'public')], {
  type: 'LoadBalancer',
  externalTrafficPolicy: 'Local',
}) + k.annotations({
  'external-dns.kubernetes.io/hostname': '%s,*.%s' % [cluster.domain, cluster.domain],
});

local policy(cluster) = net.allow(
  'proxy',
  proxy.labels,
  ingress=[
    net.from([net.anywhere], [8443]),
    // Other namespaces whose pods may call are in tenants.jsonnet.
    net.from([net.tenants(), net.peer('syncer', k.labelsOf('syncer', 'syncer')), net.collector], [8444]),
    net.monitoring(9090),
  ],
  egress=upstreams.egress(cluster) + login.egress(cluster) + tracing.egress(cluster) + [
    net.to([net.tenants({ 'app.kubernetes.io/name': 'grafana' })], [3000]),
    net.dns,
    net.apiServer,
  ],
);

function(cluster, bundle)
  local size = cluster.sizing.proxy.proxy;
  [
    k.serviceAccount('proxy'),
    // The only right it has: to read the public keys of service-account tokens.
    k.clusterRoleBinding('proxy-issuer-discovery', 'system:service-account-issuer-discovery', 'proxy', 'proxy'),
    k.configMap('proxy', { 'proxy.yaml': std.manifestYamlDoc(config(cluster, size), quote_keys=false) }),
    deployment(cluster, size),
    k.autoscaler('proxy', size),
    public(cluster),
    k.service('proxy-internal', proxy.labels, [k.servicePort('https', 443, 'internal')]),
    k.disruptionBudget('proxy', proxy.labels),
    policy(cluster),
  ]
