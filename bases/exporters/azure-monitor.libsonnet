// Azure Monitor, by azure-metrics-exporter. What is asked for stands in the scraper's requests.
local k = import '../lib/k.libsonnet';
local exporter = import 'exporter.libsonnet';

local name = 'azure-monitor';
local port = 8080;

// iso is a period in Azure's notation.
local iso(period) =
  local seconds = k.secondsOf(period);
  if seconds % 86400 == 0 then 'P%dD' % (seconds / 86400)
  else if seconds % 3600 == 0 then 'PT%dH' % (seconds / 3600)
  else 'PT%dM' % (seconds / 60);

local job(namespace, written, i) =
  local query = written.queries[i];
  {
    job_name: '%s-%d' % [name, i],
    metrics_path: '/probe/metrics/list',
    scrape_interval: written.interval,
    scrape_timeout: '50s',
    params: {
      subscription: written.subscriptions,
      resourceType: [query.resourceType],
      metric: query.metrics,
      aggregation: query.aggregations,
      interval: [iso(query.period)],
      timespan: [iso(query.period)],
    },
    static_configs: [{
      targets: [exporter.address(namespace, name, port)],
      labels: { job: name, instance: query.resourceType },
    }],
  };

function(cluster, namespace, written, networks)
  local token = exporter.token('api://AzureADTokenExchange');
  {
    objects: exporter.objects({
      name: name,
      image: 'azure-monitor-exporter',
      memory: written.memory,
      port: port,
      // Its metrics of itself; it asks Azure for none of them.
      probe: '/metrics',
      args: ['--server.bind=:%d' % port],
      env: [
        k.env('AZURE_TENANT_ID', written.directory),
        k.env('AZURE_CLIENT_ID', written.clientID),
        k.env('AZURE_FEDERATED_TOKEN_FILE', token.file),
        k.env('AZURE_AUTHORITY_HOST', 'https://login.microsoftonline.com/'),
      ],
      mounts: [token.mount],
      volumes: [token.volume],
      config: null,
      annotations: {},
      flows: ['internet:443'],
      egress: [exporter.outside(networks, [443])],
    }),
    flow: '%s/exporter-%s:%d' % [namespace, name, port],
    port: port,
    labels: exporter.labels(name),
    jobs: [job(namespace, written, i) for i in std.range(0, std.length(written.queries) - 1)],
  }
