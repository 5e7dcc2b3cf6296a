// The limits of single tenants. Cortex reads the file again every 10 s, so that adding a tenant restarts nothing.
//
// Tenants that were removed keep the retention that they had: without it their data would be kept as the cluster's default
// says, which may be shorter.
local k = import '../lib/k.libsonnet';
local limits = import 'limits.libsonnet';

function(cluster, bundle, tenants, removed=[])
  local defaults = limits.defaults(cluster);
  local overrides = { [tenant.id]: limits.overrides(defaults, tenant) for tenant in tenants } + {
    [tenant.id]: { compactor_blocks_retention_period: tenant.metricsRetention }
    for tenant in removed
    if std.objectHas(tenant, 'metricsRetention')
  };
  [
    k.configMap('cortex-limits', {
      'limits.yaml': std.manifestYamlDoc({
        overrides: { [name]: overrides[name] for name in std.objectFields(overrides) if overrides[name] != {} },
      }),
    }),
  ]
