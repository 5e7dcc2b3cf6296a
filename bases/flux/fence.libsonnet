// A namespace with its fence: Pod Security, no traffic, and no API token for pods that name no service account.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';

{
  // namespace is never pruned: its deletion would take volumes and Secrets with it. Whoever wants it gone deletes it.
  namespace(name, privileges='restricted', labels={}): [
    k.namespace(name) + k.neverPruned + k.labels({
      ['pod-security.kubernetes.io/' + mode]: privileges
      for mode in ['enforce', 'audit', 'warn']
    } + labels),
  ],
  // contents stay as long as the namespace does, so that it is never left open while its last pods go.
  contents(name): [
    net.defaultDeny + k.inNamespace(name) + k.neverPruned,
    k.serviceAccount('default') + k.inNamespace(name) + k.neverPruned,
  ],
}
