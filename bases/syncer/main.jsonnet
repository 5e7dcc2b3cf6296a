// The syncer: one pod works, and where the sizing says so another one waits to take over. While none works nothing is lost:
// Cortex, Loki and the secrets stay as they are.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';
local proxy = import '../proxy/proxy.libsonnet';
local access = import 'access.libsonnet';
local secrets = import 'secrets.libsonnet';

local labels = k.labelsOf('syncer', 'syncer');

// Everything else has its default (syncer/config).
local config(cluster) = k.configMap('syncer', {
  'syncer.yaml': std.manifestYamlDoc({
    proxy: { url: proxy.internal, caFile: proxy.caFile, tokenFile: proxy.tokenFile },
    // A disabled component has no rules to keep.
    [if !std.get(cluster.enabled, 'cortex', false) then 'metrics']: { disabled: true },
    [if !std.get(cluster.enabled, 'loki', false) then 'logs']: { disabled: true },
    generatedSecrets: std.prune(secrets.generated(cluster)),
  }, quote_keys=false),
});

local container(size) = k.container('syncer', 'syncer', size, {
  args: ['run', '--config=/etc/syncer/syncer.yaml'],
  env: [k.goMemoryLimit(size)],
  ports: [k.port('admin', 9090)],
  // Ready says that the secrets exist, and not that Cortex or Loki answer: they wait for the secrets.
  startupProbe: k.httpProbe('/-/healthy', 'admin', { periodSeconds: 2, failureThreshold: 60 }),
  readinessProbe: k.httpProbe('/-/ready', 'admin', { periodSeconds: 5 }),
  livenessProbe: k.httpProbe('/-/healthy', 'admin', { periodSeconds: 10, failureThreshold: 6 }),
  volumeMounts: [
    k.mount('config', '/etc/syncer', { readOnly: true }),
    // A folder and not a single file, or changes would never arrive.
    k.mount('erase', '/etc/syncer-erase', { readOnly: true }),
    k.mount('apiserver', '/var/run/secrets/kubernetes.io/serviceaccount', { readOnly: true }),
  ] + proxy.mounts,
});

// The API server's credentials are mounted by name and not by default (automount): what a pod holds stands in its
// template.
local apiserver = {
  name: 'apiserver',
  projected: {
    sources: [
      { serviceAccountToken: { expirationSeconds: 3600, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
    ],
  },
};

// makes tells the checks which Secrets exist although no file has them.
local makes(cluster) = std.join(' ', [
  'Secret/%s/%s' % [place.namespace, name]
  for place in secrets.fixed(cluster)
  for name in place.names
]);

local deployment(cluster, size) =
  k.deployment('syncer', labels, size.replicas, k.pod('syncer', [container(size)], {
    terminationGracePeriodSeconds: 30,
    volumes: [
      k.configVolume('config', 'syncer'),
      // Which tenants to erase (tenants.jsonnet). Without the list nothing is deleted.
      { name: 'erase', configMap: { name: 'syncer-erase', optional: true } },
      apiserver,
    ] + proxy.volumes,
  } + k.spread(labels)), { strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } } })
  + k.configHash(config(cluster))
  + net.flows([proxy.flow, 'dns', 'apiserver'])
  + if secrets.fixed(cluster) == [] then {} else k.annotations({ 'opsgen.dev/makes': makes(cluster) });

function(cluster, bundle)
  [
    k.serviceAccount('syncer'),
    access.cluster(cluster),
    access.own,
    access.fixed(cluster),
    access.admission(cluster),
    config(cluster),
    deployment(cluster, cluster.sizing.syncer.syncer),
    if cluster.sizing.syncer.syncer.replicas > 1 then k.disruptionBudget('syncer', labels) else null,
    net.allow(
      'syncer',
      labels,
      ingress=[net.monitoring(9090)],
      egress=[proxy.egress, net.dns, net.apiServer],
    ),
  ]
