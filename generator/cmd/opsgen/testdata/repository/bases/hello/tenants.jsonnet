local k = import '../lib/k.libsonnet';

function(cluster, bundle, tenants) [k.configMap('hello-tenants', { [tenant.name]: tenant.class for tenant in tenants })]
