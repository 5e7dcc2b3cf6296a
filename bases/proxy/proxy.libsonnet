// What other bases need to know of the proxy, and its own files agree on.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';

{
  local proxy = self,

  labels: k.labelsOf('proxy', 'proxy'),

  // How pods of the cluster call it: with a service-account token for this audience. The audience is the same on every
  // cluster, so that a manifest is too; each cluster signs with keys of its own.
  audience: 'opsgen-proxy',
  internal: 'https://proxy-internal.proxy.svc',
  flow: 'proxy/proxy-internal:443',
  egress: net.to([net.peer('proxy', proxy.labels)], [8444]),
  // volumes and mounts of a pod that calls it: its token, and the authority that signed the internal certificate.
  volumes: [
    k.tokenVolume('proxy-token', proxy.audience),
    { name: 'internal-ca', secret: { secretName: 'internal-ca', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
  ],
  mounts: [
    k.mount('proxy-token', '/var/run/secrets/proxy', { readOnly: true }),
    k.mount('internal-ca', '/etc/internal-ca', { readOnly: true }),
  ],
  tokenFile: '/var/run/secrets/proxy/token',
  caFile: '/etc/internal-ca/ca.crt',

  // tenantShards are the ConfigMaps that list tenants, by the end of their names.
  tenantShards: std.stringChars('0123456789abcdef'),

  // grafana is how the proxy tells a tenant's Grafana who a person is: a header with a token that it signed.
  grafana: {
    issuer(cluster): 'https://auth.' + cluster.domain,
    audience(tenant): 'grafana:' + tenant.name,
    header: 'X-JWT-Assertion',
    keys: proxy.internal + '/.well-known/jwks.json',
  },
}
