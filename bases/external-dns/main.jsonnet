// What external-dns may talk to. Its Deployment comes from the chart.
local net = import '../lib/net.libsonnet';

function(cluster, bundle) [
  net.allow(
    'external-dns',
    { 'app.kubernetes.io/name': 'external-dns' },
    ingress=[net.monitoring(7979)],
    egress=[net.dns, net.apiServer, net.https] + net.cloudIdentity(cluster.provider.name),
  ),
]
