// How people log in for Grafana: what the proxy needs where cluster.yaml has the section `login`, and nothing elsewhere.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';

local secretFolder = '/etc/proxy-login';
local caFolder = '/etc/proxy-login-ca';

// given says that cluster.yaml names an object of a person's own.
local given(cluster, field) = std.get(cluster.login, field, '') != '';

// port is the provider's, from its URL. One that is no such URL is refused with the proxy's configuration.
local port(cluster) =
  local host = (std.split(cluster.login.issuer, '/') + ['', '', ''])[2];
  local digits = std.split(host, ':')[std.length(std.split(host, ':')) - 1];
  if std.length(std.findSubstr(':', host)) == 1 && std.length(digits) > 0 && std.length(digits) < 6
     && std.all([std.member('0123456789', digit) for digit in std.stringChars(digits)])
  then std.parseInt(digits) else 443;

{
  local login = self,

  // sessionSecret is made by the syncer (bases/syncer/secrets.libsonnet). All replicas seal cookies with its key.
  sessionSecret: { name: 'proxy-session', keys: { 'session-key': 64 } },

  enabled(cluster): std.get(cluster, 'login') != null,

  config(cluster): {
    issuer: cluster.login.issuer,
    clientID: cluster.login.clientID,
    [if given(cluster, 'clientSecret') then 'clientSecretFile']: secretFolder + '/client-secret',
    sessionKeyFile: '/etc/proxy-session/session-key',
    groupsClaim: cluster.login.groupsClaim,
    scopes: cluster.login.scopes,
    sessionLifetime: cluster.login.sessionLifetime,
    [if given(cluster, 'ca') then 'caFile']: caFolder + '/ca.crt',
  },

  // All are optional: a front door that waits for the secret of people's login would keep agents out, too.
  volumes(cluster): if !login.enabled(cluster) then [] else std.prune([
    { name: 'session-key', secret: { secretName: login.sessionSecret.name, optional: true } },
    if given(cluster, 'clientSecret') then { name: 'client-secret', secret: { secretName: cluster.login.clientSecret, optional: true } },
    if given(cluster, 'ca') then { name: 'login-ca', configMap: { name: cluster.login.ca, optional: true } },
  ]),

  mounts(cluster): if !login.enabled(cluster) then [] else std.prune([
    k.mount('session-key', '/etc/proxy-session', { readOnly: true }),
    if given(cluster, 'clientSecret') then k.mount('client-secret', secretFolder, { readOnly: true }),
    if given(cluster, 'ca') then k.mount('login-ca', caFolder, { readOnly: true }),
  ]),

  // The provider may be anywhere. That the proxy calls it, and it alone, is in its configuration.
  flows(cluster): if login.enabled(cluster) then ['internet:%d' % port(cluster)] else [],
  egress(cluster): if login.enabled(cluster) then [net.to([net.outside], [port(cluster)])] else [],
}
