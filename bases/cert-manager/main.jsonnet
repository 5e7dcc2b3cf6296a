// Who may talk to cert-manager, and it to whom. Its Deployments come from the chart.
local net = import '../lib/net.libsonnet';

local pods(name, workload) = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/component': workload };

function(cluster, bundle)
  local acme = std.startsWith(cluster.certificates.issuer, 'acme');
  [
    net.allow(
      'cert-manager',
      pods('cert-manager', 'controller'),
      ingress=[net.monitoring(9402)],
      egress=[net.dns, net.apiServer] + if !acme then [] else [
        net.https,
        // The resolvers that check whether a challenge is visible to the world.
        net.to([net.outside], ['53/UDP', 53]),
      ] + net.cloudIdentity(cluster.provider.name),
    ),
    net.allow(
      'cert-manager-webhook',
      pods('webhook', 'webhook'),
      // The API server calls it, from an address that no policy can name in a portable way. It answers with TLS and
      // tells nothing but whether an object is valid.
      ingress=[net.from([net.anywhere], [10250]), net.monitoring(9402)],
      egress=[net.apiServer],
    ),
    net.allow(
      'cert-manager-cainjector',
      pods('cainjector', 'cainjector'),
      ingress=[net.monitoring(9402)],
      egress=[net.apiServer],
    ),
  ]
