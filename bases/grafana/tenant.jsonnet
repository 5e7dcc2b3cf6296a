// A tenant's Grafana: one pod, two containers. The only way in is the proxy; the only way out is the proxy as well.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';
local proxy = import '../proxy/proxy.libsonnet';
local dashboards = import 'dashboards.libsonnet';
local datasources = import 'datasources.libsonnet';
local ini = import 'ini.libsonnet';

local labels = k.labelsOf('grafana', 'grafana');
// The user of the image.
local user = 472;

// What Grafana reads at its start.
local config(cluster, tenant, boards) = k.configMap('grafana', {
  'grafana.ini': ini(cluster, tenant),
  'datasources.yaml': std.manifestYamlDoc(datasources(cluster), quote_keys=false),
  'dashboards.yaml': std.manifestYamlDoc(boards.providers, quote_keys=false),
});

// The volume is named after the ID: a new tenant of the same name must not find what people of the removed one made.
local claim(tenant) = 'grafana-' + tenant.id;
local stored(tenant) = std.objectHas(std.get(tenant, 'grafana', {}), 'storage');
local volume(tenant) = if !stored(tenant) then [] else [
  k.object('v1', 'PersistentVolumeClaim', claim(tenant), {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: tenant.grafana.storage } } },
  }) + k.neverPruned,
];

// sizeOf is the cluster's size with what the tenant asks for instead.
local sizeOf(size, tenant) =
  local own = std.get(tenant, 'grafana', {});
  size { [name]: own[name] for name in ['cpu', 'memory', 'memoryBytes'] if std.objectHas(own, name) };

local volumes(tenant, boards) = [
  {
    name: 'config',
    configMap: {
      name: 'grafana',
      items: [
        { key: 'grafana.ini', path: 'grafana.ini' },
        { key: 'datasources.yaml', path: 'provisioning/datasources/datasources.yaml' },
        { key: 'dashboards.yaml', path: 'provisioning/dashboards/dashboards.yaml' },
      ],
    },
  },
  boards.volume('dashboards'),
  if stored(tenant) then { name: 'data', persistentVolumeClaim: { claimName: claim(tenant) } } else k.emptyDir('data', '1Gi'),
  k.emptyDir('tmp', '256Mi'),
] + proxy.volumes;

local grafana(size, boards) = k.container('grafana', 'grafana', size, {
  env: [
    k.secretEnv('GF_SECURITY_SECRET_KEY', 'grafana', 'secret-key'),
    // The image sets this one, and the environment is stronger than grafana.ini.
    k.env('GF_PATHS_LOGS', '/var/lib/grafana/log'),
    // The authority behind the proxy's keys (auth.jwt). Grafana calls nobody else over TLS.
    k.env('SSL_CERT_FILE', proxy.caFile),
    k.goMemoryLimit(size),
  ],
  ports: [k.port('http', 3000)],
  startupProbe: k.httpProbe('/api/health', 'http', { periodSeconds: 2, failureThreshold: 90 }),
  readinessProbe: k.httpProbe('/api/health', 'http', { periodSeconds: 10 }),
  livenessProbe: k.httpProbe('/api/health', 'http', { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }),
  volumeMounts: [
    k.mount('config', '/etc/grafana', { readOnly: true }),
    k.mount('dashboards', boards.path, { readOnly: true }),
    k.mount('data', '/var/lib/grafana'),
    k.mount('tmp', '/tmp'),
    // The authority, but not the token: that is the sidecar's alone.
    k.mount('internal-ca', '/etc/internal-ca', { readOnly: true }),
  ],
});

local sidecar(cluster, size) = k.container('sidecar', 'proxy', size, {
  args: [
    'sidecar',
    '--metrics=127.0.0.1:8081',
    '--logs=127.0.0.1:8082',
    '--admin=:9090',
    '--upstream=' + proxy.internal,
    '--domain=' + cluster.domain,
    '--ca-file=' + proxy.caFile,
    '--token-file=' + proxy.tokenFile,
  ],
  env: [k.goMemoryLimit(size)],
  ports: [k.port('admin', 9090)],
  startupProbe: k.httpProbe('/-/ready', 'admin', { periodSeconds: 2, failureThreshold: 60 }),
  readinessProbe: k.httpProbe('/-/ready', 'admin', { periodSeconds: 10 }),
  livenessProbe: k.httpProbe('/-/healthy', 'admin', { periodSeconds: 10, failureThreshold: 6 }),
  volumeMounts: proxy.mounts,
});

local deployment(cluster, tenant, boards, config) =
  local sizes = cluster.sizing.grafana;
  local pod = k.pod('grafana', [grafana(sizeOf(sizes.grafana, tenant), boards), sidecar(cluster, sizes.sidecar)], { volumes: volumes(tenant, boards) }, user=user);
  // One pod, and the old one is gone before the new one comes: two would work on two databases, and people would change
  // between them.
  k.deployment('grafana', labels, 1, pod, { strategy: { type: 'Recreate' } })
  + k.configHash(config)
  + net.flows([proxy.flow, 'dns'])
  // The syncer makes the Secret (bases/syncer), and changes it never: what Grafana encrypted stays readable.
  + k.annotations({ 'opsgen.dev/makes': 'Secret/tenant-%s/grafana' % tenant.name });

function(cluster, bundle, tenant)
  if !std.get(std.get(tenant, 'grafana', {}), 'enabled', true) then []
  else
    local boards = dashboards(tenant);
    local settings = config(cluster, tenant, boards);
    [
      k.serviceAccount('grafana'),
      settings,
      boards.configMaps,
      volume(tenant),
      deployment(cluster, tenant, boards, settings),
      k.service('grafana', labels, [k.servicePort('http', 3000)]),
      net.allow(
        'grafana',
        labels,
        ingress=[net.from([net.peer('proxy', proxy.labels)], [3000])],
        egress=[proxy.egress, net.dns],
      ),
    ]
