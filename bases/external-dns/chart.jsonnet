// Values of external-dns' chart. It serves one Service, the proxy's, which carries the wildcard's name in an annotation;
// so it watches that namespace only, and no tenant's Service can take a name.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';

// What one provider's zones and limits are. A zone may have a private twin of the same name: only public ones count,
// also for a front door with a private address.
local provider(cluster) = {
  aws: {
    name: 'aws',
    arguments: {
      'aws-zone-type': 'public',
      // Listing zones counts against Route 53's five requests a second of the whole account; ours does not come and go.
      'aws-zones-cache-duration': '3h',
      'aws-batch-change-size': '200',
    },
  },
  gcp: {
    name: 'google',
    arguments: {
      'google-project': cluster.provider.account,
      'google-zone-visibility': 'public',
      'google-batch-change-size': '200',
    },
  },
}[cluster.provider.name];

function(cluster, bundle)
  local size = cluster.sizing['external-dns']['external-dns'];
  local zoneID = std.get(cluster.dns, 'zoneID', '');
  {
    provider: { name: provider(cluster).name },
    sources: ['service'],
    namespaced: true,
    sourceNamespace: 'proxy',

    // Both have lost their defaults or changed them from release to release, and a wrong one deletes every record.
    annotationPrefix: 'external-dns.kubernetes.io/',
    // Records are created and changed, never deleted: while a load balancer is replaced its old address is better than
    // "no such name", which resolvers remember. `bootstrap down` removes the zone.
    policy: 'upsert-only',

    // Who owns a record stands in a TXT record beside it. None of these three may ever change: records made before would
    // belong to nobody. The owner is the cluster's name with its domain, so that two clusters can share a zone.
    registry: 'txt',
    txtOwnerId: cluster.name + '-' + std.substr(std.sha256(cluster.domain), 0, 8),
    txtPrefix: '%{record_type}-edns.',

    domainFilters: [cluster.dns.zone],
    managedRecordTypes: ['A', 'AAAA', 'CNAME'],
    interval: '5m',
    triggerLoopOnEvent: true,
    logFormat: 'json',
    extraArgs: provider(cluster).arguments {
      'service-type-filter': 'LoadBalancer',
      // A TXT record cannot have an asterisk in the middle of its name. Frozen like the prefix.
      'txt-wildcard-replacement': 'wildcard',
      'min-event-sync-interval': '30s',
      [if zoneID != '' then 'zone-id-filter']: zoneID,
    },

    replicaCount: size.replicas,
    revisionHistoryLimit: 3,
    resources: k.resources(size),
    env: [k.goMemoryLimit(size)] + if cluster.provider.name == 'aws' then [k.env('AWS_REGION', cluster.provider.region)] else [],
    deploymentAnnotations: net.flows(['dns', 'apiserver', 'internet:443']).metadata.annotations,
    serviceAccount: { annotations: k.identity(cluster, 'external-dns') },
    podSecurityContext: { runAsNonRoot: true, fsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      capabilities: { drop: ['ALL'] },
    },
  }
