// One class, `opsgen`, that claims name (overlays/aws and overlays/gcp), so that a cluster's default class, which others
// may change, decides nothing. It is a base and not an overlay's resource since an overlay is applied to several units
// of a component, and the class may exist once.
local k = import '../lib/k.libsonnet';

local classes = {
  aws: { provisioner: 'ebs.csi.aws.com', parameters: { type: 'gp3', encrypted: 'true' } },
  // Persistent disks are always encrypted.
  gcp: { provisioner: 'pd.csi.storage.gke.io', parameters: { type: 'pd-balanced' } },
};

function(cluster, bundle) [
  k.object('storage.k8s.io/v1', 'StorageClass', 'opsgen', classes[cluster.provider.name] {
    // A volume is made in the zone where its pod was placed.
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
    reclaimPolicy: 'Delete',
  })
  // Parameters are immutable. Replacing a class harms no volume made with it, so that Flux may.
  + k.annotations({ 'kustomize.toolkit.fluxcd.io/force': 'enabled' }),
]
