// The dashboard that every tenant gets: what it uses of what it may. It reads only the tenant's own data, since that is
// all that its Grafana can see; so series and samples are counted by what the tenant's own collectors report.
local prometheus = { type: 'prometheus', uid: 'metrics' };
local loki = { type: 'loki', uid: 'logs' };

local target(datasource, expr, legend='') = {
  refId: std.substr(std.sha256(expr), 0, 8),
  datasource: datasource,
  expr: expr,
  legendFormat: legend,
};

// limited shows a value against its limit, which is a line.
local limited(title, description, unit, limit, targets, at, width=12) = {
  type: 'timeseries',
  title: title,
  description: description,
  datasource: targets[0].datasource,
  targets: targets,
  gridPos: at { w: width, h: 8 },
  fieldConfig: {
    defaults: {
      unit: unit,
      min: 0,
      custom: { fillOpacity: 10, [if limit > 0 then 'thresholdsStyle']: { mode: 'line' } },
      [if limit > 0 then 'thresholds']: {
        mode: 'absolute',
        steps: [{ color: 'green', value: null }, { color: 'orange', value: limit * 0.8 }, { color: 'red', value: limit }],
      },
    },
    overrides: [],
  },
  options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
};

local text(tenant) = {
  type: 'text',
  title: 'Limits',
  gridPos: { x: 0, y: 0, w: 24, h: 7 },
  options: {
    mode: 'markdown',
    content: |||
      | | limit |
      |---|---|
      | active series | %d |
      | samples a second | %d, bursts may be ten times as many |
      | metrics are kept | %s |
      | log bytes a day | %d, bursts may be ten times as fast |
      | log streams | %d |
      | logs are kept | %s |

      They are in `tenants/%s/tenant.yaml`; a pull request there changes them without a restart.
    ||| % [
      tenant.metrics.activeSeries,
      tenant.metrics.samplesPerSecond,
      tenant.metrics.retention,
      tenant.logs.bytesPerDay,
      tenant.logs.streams,
      tenant.logs.retention,
      tenant.name,
    ],
  },
};

function(tenant) {
  uid: 'opsgen-usage',
  title: 'Usage and limits',
  tags: ['opsgen'],
  schemaVersion: 39,
  version: 1,
  editable: false,
  graphTooltip: 1,
  time: { from: 'now-6h', to: 'now' },
  refresh: '1m',
  templating: { list: [] },
  annotations: { list: [] },
  panels: std.mapWithIndex(function(i, panel) panel { id: i + 1 }, [
    text(tenant),
    limited(
      'Series',
      'The samples of one scrape of every target: an estimate of active series. Series that are pushed are not counted.',
      'short',
      tenant.metrics.activeSeries,
      [target(prometheus, 'sum(max_over_time(scrape_samples_post_metric_relabeling[5m]))', 'series')],
      { x: 0, y: 7 },
    ),
    limited(
      'Samples a second',
      'What Prometheus servers and agents of this tenant sent, if they send metrics of their own.',
      'short',
      tenant.metrics.samplesPerSecond,
      [target(prometheus, 'sum(rate(prometheus_remote_storage_samples_total[5m]))', 'samples')],
      { x: 12, y: 7 },
    ),
    limited(
      'Samples that did not arrive',
      'Failed and dropped samples are lost. Retried ones were refused for a moment, most often by a rate limit.',
      'short',
      0,
      [
        target(prometheus, 'sum(rate(prometheus_remote_storage_samples_failed_total[5m]))', 'failed'),
        target(prometheus, 'sum(rate(prometheus_remote_storage_samples_dropped_total[5m]))', 'dropped'),
        target(prometheus, 'sum(rate(prometheus_remote_storage_samples_retried_total[5m]))', 'retried'),
      ],
      { x: 0, y: 15 },
    ),
    limited(
      'Targets',
      'Scrape targets that answer and that do not.',
      'short',
      0,
      [
        target(prometheus, 'count(up == 1)', 'up'),
        target(prometheus, 'count(up == 0)', 'down'),
      ],
      { x: 12, y: 15 },
    ),
    limited(
      'Log volume',
      'Bytes of log lines a second, over all streams. The limit is that of a day, spread evenly.',
      'Bps',
      tenant.logs.bytesPerDay / 86400,
      [target(loki, 'sum(bytes_rate({service_name=~".+"}[$__auto]))', 'bytes')],
      { x: 0, y: 23 },
    ),
    limited(
      'Log volume by service',
      'The ten services that send the most.',
      'Bps',
      0,
      [target(loki, 'topk(10, sum by (service_name) (bytes_rate({service_name=~".+"}[$__auto])))', '{{service_name}}')],
      { x: 12, y: 23 },
    ),
  ]),
}
