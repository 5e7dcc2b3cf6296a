// The limits of single tenants. Cortex reads the file again every 10 s, so that adding a tenant restarts nothing.
//
// Tenants that were removed keep the retention that they had: without it their data would be kept as the cluster's default
// says, which may be shorter.
local k = import '../lib/k.libsonnet';
local limits = import 'limits.libsonnet';

function(cluster, bundle, tenants, removed=[])
  // Read back from its text, since Jsonnet would work each value out anew for each tenant.
  local defaults = std.parseJson(std.manifestJsonMinified(limits.defaults(cluster)));
  local own = { [tenant.id]: limits.overrides(defaults, tenant) for tenant in tenants } + {
    [tenant.id]: { compactor_blocks_retention_period: tenant.metricsRetention }
    for tenant in removed
    if std.objectHas(tenant, 'metricsRetention')
  };
  [
    k.configMap('cortex-limits', {
      'limits.yaml': std.native('overrides')(own, limits.shared),
    }),
  ]
