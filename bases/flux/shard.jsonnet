// What the platform makes for each tenant of one shard: a fenced namespace, an account that may work in it and nowhere
// else, the authority to trust, and the Kustomization that applies the tenant's own folder as that account.
//
// A shard is a sixteenth of all tenants, so that adding a tenant changes one small Kustomization. Removing a tenant
// removes its Kustomization, which deletes what it made. All else here stays: the account must outlive the Kustomization,
// since Flux deletes a tenant's objects as that account and skips them when it is gone; and the namespace keeps its
// volumes, its Secrets and its fence. `kubectl delete namespace tenant-NAME` is the last step, taken by a person.
local internal = import '../cert-manager/internal.libsonnet';
local k = import '../lib/k.libsonnet';
local syncer = import '../syncer/access.libsonnet';
local fence = import 'fence.libsonnet';
local flux = import 'kustomization.libsonnet';

local tenant(cluster, shard, name) =
  local namespace = 'tenant-' + name;
  local marked = k.labels({ 'opsgen.dev/tenant': name });
  [
    fence.namespace(namespace, labels={ 'opsgen.dev/tenant': name }),
    [object + marked for object in fence.contents(namespace)],
    // Flux impersonates accounts of the Kustomization's own namespace, and without cross-namespace references a
    // Kustomization lives beside its source. So the account is in flux-system, and its rights are in the tenant's.
    k.serviceAccount(namespace) + k.inNamespace('flux-system') + marked + k.neverPruned,
    k.roleBinding('flux', 'opsgen-tenant', namespace, 'flux-system', kind='ClusterRole')
    + k.inNamespace(namespace) + marked + k.neverPruned,
    internal.authority(namespace) + marked,
    // What the syncer reads and makes in it; a tenant's own Kustomization may give no rights.
    if std.get(cluster.enabled, 'syncer', false) then syncer.inTenant(namespace) + marked else null,
    flux.kustomization(
      namespace,
      'clusters/%s/rendered/tenants/%s' % [cluster.name, name],
      namespace,
      // The shard is applied after the platform, at the same revision; so are its tenants.
      flux.dependsOn(['tenants-' + shard]) + {
        wait: true,
        // A broken tenant takes one of kustomize-controller's workers while it is waited for: half of the time, not
        // five minutes of six.
        timeout: '3m',
        retryInterval: '3m',
      }
    ) + marked,
  ];

function(cluster, bundle, shard, tenants) [tenant(cluster, shard, name) for name in tenants]
