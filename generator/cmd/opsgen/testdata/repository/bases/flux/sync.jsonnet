local k = import '../lib/k.libsonnet';

function(cluster, bundle, units) [
  k.configMap('units', { [unit.name]: std.join(' ', unit.dependsOn) for unit in units }) + k.inNamespace('flux-system'),
]
