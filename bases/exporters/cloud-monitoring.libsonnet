// Google's Cloud Monitoring, by stackdriver_exporter.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';
local exporter = import 'exporter.libsonnet';

local name = 'cloud-monitoring';
local port = 9255;

// external tells Google's library to change the pod's token for one of Google's. There is no secret in it.
local external(written, token) = {
  type: 'external_account',
  audience: '//iam.googleapis.com/' + written.workloadIdentityProvider,
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  token_url: 'https://sts.googleapis.com/v1/token',
  credential_source: { file: token.file },
  [if std.objectHas(written, 'serviceAccount') then 'service_account_impersonation_url']:
    'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/%s:generateAccessToken' % written.serviceAccount,
};

// On Google's own clusters the metadata server says who the pod is; elsewhere a provider that trusts the cluster.
local identity(cluster, written) =
  local provider = std.get(written, 'workloadIdentityProvider', '');
  local token = exporter.token('https://iam.googleapis.com/' + provider);
  if cluster.provider.name == 'gcp' || provider == '' then {
    env: [],
    mounts: [],
    volumes: [],
    config: null,
    annotations: if std.objectHas(written, 'serviceAccount') then { 'iam.gke.io/gcp-service-account': written.serviceAccount } else {},
    egress: net.cloudIdentity(cluster.provider.name),
  } else {
    env: [k.env('GOOGLE_APPLICATION_CREDENTIALS', '/etc/exporter/credentials.json')],
    mounts: [k.mount('config', '/etc/exporter', { readOnly: true }), token.mount],
    volumes: [k.configVolume('config', 'exporter-' + name), token.volume],
    config: k.configMap('exporter-' + name, { 'credentials.json': std.manifestJsonEx(external(written, token), '  ') }),
    annotations: {},
    egress: [],
  };

function(cluster, namespace, written, networks)
  local who = identity(cluster, written);
  local filters = std.get(written, 'filters', {});
  {
    objects: exporter.objects(who {
      name: name,
      image: 'cloud-monitoring-exporter',
      memory: written.memory,
      port: port,
      // The page that names the others: asking for metrics would ask Google.
      probe: '/',
      args: ['--web.listen-address=:%d' % port]
            + ['--google.project-ids=' + project for project in written.projects]
            + ['--monitoring.metrics-prefixes=' + prefix for prefix in written.metrics]
            + ['--monitoring.filters=%s:%s' % [prefix, filters[prefix]] for prefix in std.objectFields(filters)]
            + ['--monitoring.metrics-interval=5m', '--monitoring.descriptor-cache-ttl=1h', '--stackdriver.http-timeout=30s'],
      flows: ['internet:443'],
      egress: who.egress + [exporter.outside(networks, [443])],
    }),
    flow: '%s/exporter-%s:%d' % [namespace, name, port],
    port: port,
    labels: exporter.labels(name),
    jobs: [{
      job_name: name,
      scrape_interval: written.interval,
      scrape_timeout: '50s',
      static_configs: [{ targets: [exporter.address(namespace, name, port)], labels: { instance: 'exporter-' + name } }],
    }],
  }
