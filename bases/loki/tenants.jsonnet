// The limits of single tenants. Loki reads the file again every 10 s, so that adding a tenant restarts nothing.
//
// Tenants that were removed keep the retention that they had: without it their lines would be kept as the cluster's
// default says, which may be shorter.
local k = import '../lib/k.libsonnet';
local limits = import 'limits.libsonnet';

function(cluster, bundle, tenants, removed=[])
  local defaults = limits.defaults(cluster);
  local overrides = { [tenant.id]: limits.overrides(defaults, tenant) for tenant in tenants } + {
    [tenant.id]: { retention_period: limits.wholeDays(tenant.logsRetention) }
    for tenant in removed
    if std.objectHas(tenant, 'logsRetention')
  };
  [
    k.configMap('loki-limits', {
      'limits.yaml': std.manifestYamlDoc({
        overrides: { [name]: overrides[name] for name in std.objectFields(overrides) if overrides[name] != {} },
      }, quote_keys=false),
    }),
  ]
