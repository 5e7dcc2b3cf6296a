// The authorities, and the certificates of the front door.
local k = import '../lib/k.libsonnet';
local internal = import 'internal.libsonnet';

local issuer(name, spec) = k.object('cert-manager.io/v1', 'ClusterIssuer', name, { spec: spec });

// The internal authority: a root that signs itself, kept in the namespace cert-manager. It lives for ten years and keeps
// its key when it is renewed a year before the end, so that what the old root signed and who trusts only the old root
// go on working until the last leaf was renewed, which takes 90 days.
local authority = [
  issuer('self-signed', { selfSigned: {} }),
  k.object('cert-manager.io/v1', 'Certificate', 'internal-ca', {
    spec: {
      secretName: 'internal-ca',
      isCA: true,
      commonName: 'opsgen internal',
      issuerRef: { group: 'cert-manager.io', kind: 'ClusterIssuer', name: 'self-signed' },
      duration: '87600h',
      renewBefore: '8760h',
      privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Never' },
      revisionHistoryLimit: 2,
    },
  }),
  issuer('internal', { ca: { secretName: 'internal-ca' } }),
];

// How a challenge is written into the zone. Credentials are the controller's own cloud identity; there is no key.
local solver(cluster) =
  local provider = cluster.provider;
  local zoneID = std.get(cluster.dns, 'zoneID', '');
  {
    selector: { dnsZones: [cluster.dns.zone] },
    dns01: {
      aws: { route53: { region: provider.region, [if zoneID != '' then 'hostedZoneID']: zoneID } },
      gcp: { cloudDNS: { project: provider.account, [if zoneID != '' then 'hostedZoneName']: zoneID } },
      existing: error 'certificates.issuer %s proves the domain by a DNS record, which needs the provider aws or gcp; write certificates.issuer: self-signed, or bring a Certificate of your own in patches/' % cluster.certificates.issuer,
    }[provider.name],
  };

// The account's key is made by cert-manager and never pruned: with it goes the right to renew without counting against
// the authority's limits. Staging has an account of its own.
local acme(cluster) =
  local staging = cluster.certificates.issuer == 'acme-staging';
  local email = std.get(cluster.certificates, 'email', '');
  issuer('public', {
    acme: {
      server: 'https://acme%s-v02.api.letsencrypt.org/directory' % if staging then '-staging' else '',
      [if email != '' then 'email']: email,
      privateKeySecretRef: { name: if staging then 'acme-staging-account' else 'acme-account' },
      solvers: [solver(cluster)],
    },
  });

function(cluster, bundle)
  local selfSigned = cluster.certificates.issuer == 'self-signed';
  [
    authority,
    if selfSigned then null else acme(cluster),

    // One wildcard for all hosts: a new tenant asks for no certificate, and the limit of five duplicates a week is only
    // in reach of somebody who deletes the Secret five times.
    internal.certificate('proxy', if selfSigned then 'internal' else 'public', [cluster.domain, '*.' + cluster.domain], {
      secretName: 'proxy-tls',
    }) + k.inNamespace('proxy'),

    // The listener for pods of this cluster.
    internal.certificate('proxy-internal', 'internal', [
      'proxy-internal.proxy.svc',
      'proxy-internal.proxy.svc.cluster.local',
      'proxy-internal.proxy',
    ], { secretName: 'proxy-internal-tls' }) + k.inNamespace('proxy'),

    // Loki's ruler calls the proxy too. Tenants' namespaces get theirs with the namespace (bases/flux/shard.jsonnet).
    if std.get(cluster.enabled, 'loki', false) then internal.authority('loki') else null,
  ]
