// The random secrets that only the cluster needs to know. The syncer makes each once; they are in no repository.
local login = import '../proxy/login.libsonnet';

{
  // generated is syncer.yaml's list. What is made for every tenant is chosen by a label, so that nothing here grows with
  // tenants; bases/grafana/tenant.jsonnet says so for the checks.
  generated(cluster): [
    {
      name: 'grafana',
      namespaceSelector: 'opsgen.dev/tenant',
      keys: { 'secret-key': 40 },
    },
    // Credentials of the bundled S3 server: its own, and those of its two clients.
    if cluster.bundledStorage then {
      name: cluster.objectStorage.secret,
      namespaces: [name for name in ['object-store', 'cortex', 'loki'] if std.get(cluster.enabled, name, false)],
      keys: { 'access-key': 20, 'secret-key': 40 },
    },
    // What the proxies seal people's sessions with.
    if login.enabled(cluster) then login.sessionSecret { namespaces: ['proxy'] },
  ],

  // fixed are the namespaces with their secrets' names, for rights: [{namespace, names}].
  fixed(cluster):
    local shared = [secret for secret in std.prune(self.generated(cluster)) if std.objectHas(secret, 'namespaces')];
    [
      { namespace: namespace, names: std.set([secret.name for secret in shared if std.member(secret.namespaces, namespace)]) }
      for namespace in std.set(std.flattenArrays([secret.namespaces for secret in shared]))
    ],
  // perTenant are the names of the secrets that each tenant gets.
  perTenant(cluster): std.set([
    secret.name
    for secret in std.prune(self.generated(cluster))
    if std.objectHas(secret, 'namespaceSelector')
  ]),
}
