// Which removed tenants' data the syncer has deleted: those that tenants/removed.yaml marks. It reads the list again at
// each look.
local k = import '../lib/k.libsonnet';

function(cluster, bundle, tenants, removed=[]) [
  k.configMap('syncer-erase', {
    'erase.yaml': std.manifestYamlDoc({
      tenants: [{ id: tenant.id, name: tenant.name } for tenant in removed if std.get(tenant, 'erase', false)],
    }, quote_keys=false),
  }),
]
