// The custom resources of cert-manager. Deleting a definition would delete every certificate: Flux must never prune one.
local k = import '../lib/k.libsonnet';

function(cluster, bundle) [crd + k.neverPruned for crd in std.native('source')('cert-manager', 'deploy/crds')]
