local k = import '../lib/k.libsonnet';

function(cluster, bundle, zone) [k.configMap('hello-zone-' + zone.id, { zone: zone.name })]
