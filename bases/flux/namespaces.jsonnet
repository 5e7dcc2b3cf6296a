// Every namespace of a component, fenced before anything runs in it.
local fence = import 'fence.libsonnet';

function(cluster, bundle, namespaces) [
  fence.namespace(namespace.name, namespace.privileges) + fence.contents(namespace.name)
  for namespace in namespaces
]
