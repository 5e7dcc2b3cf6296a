// The authority that the collector trusts when it calls the proxy.
local internal = import '../cert-manager/internal.libsonnet';

function(cluster, bundle) [internal.authority('collector')]
