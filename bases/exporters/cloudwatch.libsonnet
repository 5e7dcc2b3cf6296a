// CloudWatch, by yet-another-cloudwatch-exporter.
local k = import '../lib/k.libsonnet';
local exporter = import 'exporter.libsonnet';

local name = 'cloudwatch';
local port = 5000;

local metrics(job) = [
  // Twice the period: CloudWatch has a value a while after the period that it stands for.
  metric { period: k.secondsOf(job.period), length: 2 * k.secondsOf(job.period) }
  for metric in job.metrics
];

local common(job) = {
  regions: job.regions,
  [if std.objectHas(job, 'roles') then 'roles']: [{ roleArn: role } for role in job.roles],
  [if std.objectHas(job, 'dimensions') then 'dimensionNameRequirements']: job.dimensions,
  metrics: metrics(job),
};

// A job with tags finds resources and asks for theirs; one without lists the metrics of its namespace.
local config(written) =
  local tagged = [job for job in written.jobs if std.objectHas(job, 'tags')];
  local listed = [job for job in written.jobs if !std.objectHas(job, 'tags')];
  {
    apiVersion: 'v1alpha1',
    'sts-region': written.regions[0],
    [if tagged != [] then 'discovery']: {
      jobs: [
        common(job) { type: job.namespace, searchTags: [{ key: key, value: job.tags[key] } for key in std.objectFields(job.tags)] }
        for job in tagged
      ],
    },
    [if listed != [] then 'customNamespace']: std.mapWithIndex(
      function(i, job) common(job) { name: 'job-%d' % i, namespace: job.namespace }, listed
    ),
  };

function(cluster, namespace, written, networks)
  local token = exporter.token('sts.amazonaws.com');
  local settings = k.configMap('exporter-' + name, { 'cloudwatch.yaml': std.manifestYamlDoc(config(written), quote_keys=false) });
  {
    objects: exporter.objects({
      name: name,
      image: 'cloudwatch-exporter',
      memory: written.memory,
      port: port,
      probe: '/healthz',
      args: [
        '--listen-address=:%d' % port,
        '--config.file=/etc/exporter/cloudwatch.yaml',
        '--scraping-interval=%d' % k.secondsOf(written.interval),
      ],
      env: [
        k.env('AWS_ROLE_ARN', written.role),
        k.env('AWS_WEB_IDENTITY_TOKEN_FILE', token.file),
        k.env('AWS_REGION', written.regions[0]),
        // It is the role, and nobody else: never the node that it runs on.
        k.env('AWS_EC2_METADATA_DISABLED', 'true'),
      ],
      mounts: [k.mount('config', '/etc/exporter', { readOnly: true }), token.mount],
      volumes: [k.configVolume('config', 'exporter-' + name), token.volume],
      config: settings,
      annotations: {},
      flows: ['internet:443'],
      egress: [exporter.outside(networks, [443])],
    }),
    flow: '%s/exporter-%s:%d' % [namespace, name, port],
    port: port,
    labels: exporter.labels(name),
    // The exporter asks by itself and keeps the answers.
    jobs: [{
      job_name: name,
      scrape_interval: '1m',
      static_configs: [{ targets: [exporter.address(namespace, name, port)], labels: { instance: 'exporter-' + name } }],
    }],
  }
