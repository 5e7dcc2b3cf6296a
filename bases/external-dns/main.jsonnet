// What external-dns may talk to. Its Deployment comes from the chart.
local net = import '../lib/net.libsonnet';

function(cluster, bundle) [
  net.allow(
    'external-dns',
    { 'app.kubernetes.io/name': 'external-dns' },
    egress=[net.dns, net.apiServer, net.https] + net.cloudIdentity(cluster.provider.name),
  ),
]
