local k = import '../lib/k.libsonnet';

function(cluster, bundle, shard, tenants) [k.namespace('tenant-' + name) for name in tenants]
