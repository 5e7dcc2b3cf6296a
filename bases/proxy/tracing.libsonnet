// Where the proxy sends spans of its own requests: nowhere, unless cluster.yaml has the section `tracing`.
local net = import '../lib/net.libsonnet';

local digits(text) = text != '' && std.all([std.member('0123456789', c) for c in std.stringChars(text)]);

// receiver is host and port of the endpoint, which is a URL of scheme, host and port.
local receiver(cluster) =
  local endpoint = cluster.tracing.endpoint;
  local parts = std.split(endpoint, '/');
  local host = std.split(parts[std.length(parts) - 1], ':');
  if std.length(parts) != 3 || !std.member(['http:', 'https:'], parts[0]) || parts[1] != '' || host[0] == ''
     || std.length(host) > 2 || std.length(host) == 2 && !digits(host[1]) then
    error 'cluster.yaml: tracing.endpoint is "%s"; write scheme, host and port only, such as "http://collector.observability.svc:4318"' % endpoint
  else {
    name: host[0],
    labels: std.split(host[0], '.'),
    port: if std.length(host) == 2 then std.parseInt(host[1]) else if parts[0] == 'https:' then 443 else 80,
    inside: std.length(self.labels) > 2 && self.labels[2] == 'svc',
    address: std.length(self.labels) == 4 && std.all([digits(label) for label in self.labels]),
  };

// peer is as much of the receiver as a policy can name: its namespace, its address, or, for a name outside, any address.
local peer(to) =
  if to.inside then net.peer(to.labels[1])
  else if to.address then { ipBlock: { cidr: to.name + '/32' } }
  else net.outside;

{
  local tracing = self,

  enabled(cluster): std.get(cluster, 'tracing') != null,

  config(cluster): {
    endpoint: cluster.tracing.endpoint,
    [if std.get(cluster.tracing, 'sample', 0) > 0 then 'sample']: cluster.tracing.sample,
  },

  // A receiver in another namespace, or at an address, is none that opsgen could look for.
  flows(cluster):
    if !tracing.enabled(cluster) || receiver(cluster).inside || receiver(cluster).address then []
    else ['internet:%d' % receiver(cluster).port],

  egress(cluster): if !tracing.enabled(cluster) then [] else [net.to([peer(receiver(cluster))], [receiver(cluster).port])],
}
