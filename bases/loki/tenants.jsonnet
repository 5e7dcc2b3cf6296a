// The limits of single tenants. Loki reads the file again every 10 s, so that adding a tenant restarts nothing.
local k = import '../lib/k.libsonnet';
local limits = import 'limits.libsonnet';

function(cluster, bundle, tenants)
  local defaults = limits.defaults(cluster);
  local overrides = { [tenant.id]: limits.overrides(defaults, tenant) for tenant in tenants };
  [
    k.configMap('loki-limits', {
      'limits.yaml': std.manifestYamlDoc({
        overrides: { [name]: overrides[name] for name in std.objectFields(overrides) if overrides[name] != {} },
      }, quote_keys=false),
    }),
  ]
