// What of the platform has metrics: the namespace of each component, and the name and number of the port. Rights, network
// policies and what is scraped all follow from this list. Caches and the bundled object storage have none.
local all = {
  cortex: { namespace: 'cortex', port: 'http', number: 8080 },
  loki: { namespace: 'loki', port: 'http', number: 8080 },
  proxy: { namespace: 'proxy', port: 'admin', number: 9090 },
  syncer: { namespace: 'syncer', port: 'admin', number: 9090 },
  flux: { namespace: 'flux-system', port: 'http-prom', number: 8080 },
  'cert-manager': { namespace: 'cert-manager', port: 'http-metrics', number: 9402 },
  'cluster-autoscaler': { namespace: 'cluster-autoscaler', port: 'http', number: 8085 },
  'external-dns': { namespace: 'external-dns', port: 'http', number: 7979 },
  collector: { namespace: 'collector', port: 'http', number: 9090 },
};

// targets of a cluster: [{name, namespace, port, number}].
function(cluster) [
  all[name] { name: name }
  for name in std.objectFields(all)
  if std.get(cluster.enabled, name, false)
]
