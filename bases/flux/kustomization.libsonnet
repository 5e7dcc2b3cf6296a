// Flux Kustomizations as they are written here. Two features are never used: postBuild, which would replace every ${…}
// in dashboards and pipelines, and targetNamespace, which renames Namespaces. force is off: it would delete and recreate
// a stateful set whose immutable field changed.
local k = import '../lib/k.libsonnet';

{
  // repository is the one source of a cluster.
  repository: 'opsgen',

  // kustomization applies a folder of the repository as a service account of flux-system (with the lock-down of
  // kustomize-controller, an account that is left out may do nothing).
  kustomization(name, path, serviceAccount, body={}): k.object('kustomize.toolkit.fluxcd.io/v1', 'Kustomization', name, {
    spec: {
      path: './' + path,
      sourceRef: { kind: 'GitRepository', name: $.repository },
      serviceAccountName: serviceAccount,
      interval: '10m',
      retryInterval: '1m',
      timeout: '5m',
      prune: true,
      force: false,
    } + body,
  }) + k.inNamespace('flux-system'),

  // dependsOn is absent where it would be empty.
  dependsOn(names): if std.length(names) == 0 then {} else { dependsOn: [{ name: name } for name in names] },
}
