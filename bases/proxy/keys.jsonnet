// The public keys of tenants' tokens and what was revoked, from clusters/<name>/keys/: one ConfigMap, which the proxy reads
// again without a restart. A cluster for which no key was made yet has none.
local k = import '../lib/k.libsonnet';

function(cluster, bundle, keys)
  if keys == null then [] else [k.configMap('proxy-keys', keys)]
