local k = import '../lib/k.libsonnet';

function(cluster, bundle, namespaces) [k.namespace(namespace.name) for namespace in namespaces]
