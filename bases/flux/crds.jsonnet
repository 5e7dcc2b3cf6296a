// The custom resources of Flux. source-controller and kustomize-controller start a watch on every kind below and stop
// where one is missing, so Buckets, HelmCharts and the like are installed although nothing here uses them. Only
// ExternalArtifact stays out: it is watched behind a feature gate.
local k = import '../lib/k.libsonnet';

local bases = 'config/crd/bases';
local unused = ['externalartifacts.source.toolkit.fluxcd.io'];

function(cluster, bundle) [
  // Deleting a definition deletes every object of its kind: Flux must never prune one.
  crd + k.neverPruned
  for crd in std.native('source')('source-controller', bases) + std.native('source')('kustomize-controller', bases)
  if !std.member(unused, crd.metadata.name)
]
