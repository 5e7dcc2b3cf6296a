local k = import '../lib/k.libsonnet';

function(cluster, bundle, tenant) [k.configMap('hello', { retention: tenant.metrics.retention })]
