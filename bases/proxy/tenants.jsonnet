// Who the tenants are and who may call for them: ConfigMaps that the proxy reads again without a restart.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';
local proxy = import 'proxy.libsonnet';

// The front door's bounds follow from the tenant's limits, ten times the steady rate, as Cortex and Loki allow it for
// bursts: they shall never be what limits an honest tenant, only what keeps a broken one from the others. A sample costs
// about 43 bytes on the wire; agents send 500 and more of them in a request.
local limits(tenant) = {
  local bytes = (tenant.metrics.samplesPerSecond * 43 + tenant.logs.bytesPerDay / 86400) * 10,
  requestsPerSecond: std.max(200, std.ceil(tenant.metrics.samplesPerSecond / 100)),
  concurrentRequests: std.max(100, std.ceil(tenant.metrics.samplesPerSecond / 1000)),
  bytesPerSecond: std.max(8 * 1024 * 1024, std.ceil(bytes)),
};

local hasGrafana(tenant) = std.get(std.get(tenant, 'grafana', {}), 'enabled', true);

local entry(tenant) = {
  local roles = std.get(std.get(tenant, 'grafana', {}), 'roles', {}),
  name: tenant.name,
  [if tenant.id != tenant.name then 'id']: tenant.id,
  limits: limits(tenant),
  [if hasGrafana(tenant) then 'grafana']: {
    [role[0]]: std.get(roles, role[1])
    for role in [['admins', 'Admin'], ['editors', 'Editor'], ['viewers', 'Viewer']]
    if std.get(roles, role[1]) != null
  },
};

// Grafana shows what the tenant has, and silences alerts; Grafana itself checks who of its users may.
local grafana(tenant) = {
  namespace: 'tenant-' + tenant.name,
  serviceAccount: 'grafana',
  tenant: tenant.name,
  scopes: ['metrics:read', 'logs:read', 'alerts:read', 'alerts:write'],
};

local exporterKinds = ['azureMonitor', 'blackbox', 'cloudMonitoring', 'cloudwatch'];
local hasExporters(cluster, tenant) =
  std.get(std.get(cluster, 'enabled', {}), 'exporters', false)
  && std.any([std.objectHas(std.get(tenant, 'exporters', {}), kind) for kind in exporterKinds]);

// The scraper of a tenant's exporters writes what it scrapes, and can read nothing of it.
local scraper(tenant) = {
  namespace: 'tenant-' + tenant.name,
  serviceAccount: 'scraper',
  tenant: tenant.name,
  scopes: ['metrics:write'],
};

local caller(tenant, access) =
  local account = std.get(access, 'serviceAccount', '');
  {
    namespace: access.namespace,
    [if account != '' then 'serviceAccount']: account,
    tenant: tenant.name,
    scopes: access.scopes,
  };

// The collector writes the platform's own metrics, where there is a tenant for them.
local collector(cluster, tenants) =
  if std.get(std.get(cluster, 'enabled', {}), 'collector', false) && std.any([tenant.name == 'system' for tenant in tenants])
  then [{ namespace: 'collector', serviceAccount: 'collector', tenant: 'system', scopes: ['metrics:write'] }]
  else [];

// The syncer acts for every tenant. It says for whom; nobody else is asked. Rulers are not here: they evaluate beside
// the data, and send alerts to the Alertmanager directly.
local platform = [
  {
    namespace: 'syncer',
    serviceAccount: 'syncer',
    anyTenant: true,
    // With data:delete it has the data of removed tenants deleted that Git says shall be; the proxy takes it for no other.
    scopes: ['metrics:read', 'logs:read', 'rules:write', 'alerts:read', 'alerts:configure', 'data:delete'],
  },
];

local identity(caller) = caller.namespace + '/' + std.get(caller, 'serviceAccount', '');

// A caller acts for one tenant: entries of one tenant become one, and two tenants that claim the same caller are an
// error here, before the proxy would refuse the whole list. Sorted, equal callers stand side by side, so that a thousand
// tenants cost no million comparisons.
local union(callers) =
  local names = std.set([std.get(caller, 'tenant', 'the platform') for caller in callers]);
  if std.length(names) > 1 then
    error 'access: both %s would act as %s, and a caller acts for one tenant; give them service accounts of their own' % [std.join(' and ', names), identity(callers[0])]
  else callers[0] { scopes: std.set(std.flattenArrays([caller.scopes for caller in callers])) };

local merged(callers) =
  local sorted = std.sort(callers, identity);
  local ids = [identity(caller) for caller in sorted];
  local last = std.length(ids) - 1;
  [
    if i == last || ids[i + 1] != ids[i] then sorted[i] else union([caller for caller in sorted if identity(caller) == ids[i]])
    for i in std.range(0, last)
    if i == 0 || ids[i - 1] != ids[i]
  ];

local accessOf(tenants) = [caller(tenant, access) for tenant in tenants for access in std.get(tenant, 'access', [])];

// The namespaces of callers, which the policy in main.jsonnet does not know.
local policy(namespaces) = k.object('networking.k8s.io/v1', 'NetworkPolicy', 'proxy-callers', {
  spec: {
    podSelector: { matchLabels: proxy.labels },
    policyTypes: ['Ingress'],
    ingress: [net.from([{
      namespaceSelector: {
        matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: namespaces }],
      },
    }], [8444])],
  },
});

// A ConfigMap holds 1 MiB, some 2,000 tenants, so there are sixteen, by the tenant's name: a new one moves no other, and
// changes one of them. Those that nobody is in are left out. Callers stand with their tenant.
local shardOf(name) = std.md5(name)[0];
local list(tenants, callers) = {
  'tenants.yaml': std.manifestYamlDoc({
    [if tenants != [] then 'tenants']: tenants,
    [if callers != [] then 'callers']: callers,
  }, quote_keys=false),
};

function(cluster, bundle, tenants)
  local access = accessOf(tenants);
  local namespaces = std.set([caller.namespace for caller in access]);
  local callers = merged(platform + [grafana(tenant) for tenant in tenants if hasGrafana(tenant)]
                         + [scraper(tenant) for tenant in tenants if hasExporters(cluster, tenant)]
                         + collector(cluster, tenants) + access);
  // Worked out once for each, and not for each shard.
  local places = [shardOf(tenant.name) for tenant in tenants];
  local callerPlaces = [if std.objectHas(caller, 'tenant') then shardOf(caller.tenant) else '' for caller in callers];
  [
    k.configMap('proxy-callers', list([], [callers[i] for i in std.range(0, std.length(callers) - 1) if callerPlaces[i] == ''])),
    if namespaces == [] then null else policy(namespaces),
  ] + [
    k.configMap('proxy-tenants-' + shard, list(
      [entry(tenants[i]) for i in std.range(0, std.length(tenants) - 1) if places[i] == shard],
      [callers[i] for i in std.range(0, std.length(callers) - 1) if callerPlaces[i] == shard],
    ))
    for shard in proxy.tenantShards
    if std.member(places, shard)
  ]
