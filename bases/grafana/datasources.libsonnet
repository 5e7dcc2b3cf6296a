// The data sources. Each goes to the sidecar in the same pod, which shows the pod's own token to the proxy; the token
// says which tenant's data that is, so that nothing here names it.
//
// A uid never changes: Grafana refuses to start with a data source of a known name and another uid, and dashboards
// refer to it. It depends on the kind only, so that one dashboard serves every tenant: "metrics", "logs", "alerts".
//
// Grafana expands environment variables here: a dollar sign that is meant is written twice.
local metrics = 'http://127.0.0.1:8081';
local logs = 'http://127.0.0.1:8082';

local source(name, uid, type, url, body={}) = {
  name: name,
  uid: uid,
  type: type,
  access: 'proxy',
  url: url,
  editable: false,
} + body;

// correlation is a link from a result of one source to a query of another. Each variable is read from the labels.
local correlation(target, label, field, query, transformations=[]) = {
  targetUID: target,
  label: label,
  config: { type: 'query', field: field, target: query, [if transformations != [] then 'transformations']: transformations },
};

local labelOf(name) = { type: 'regex', field: 'labels', expression: '"%s":"([^"]+)"' % name, mapValue: name };

function(cluster) {
  apiVersion: 1,
  datasources: [
    source('Metrics', 'metrics', 'prometheus', metrics + '/prometheus', {
      isDefault: true,
      jsonData: {
        httpMethod: 'POST',
        prometheusType: 'Cortex',
        timeInterval: cluster.capacity.metrics.scrapeInterval,
        manageAlerts: true,
        allowAsRecordingRulesTarget: false,
        alertmanagerUid: 'alerts',
      },
      correlations: [
        correlation('logs', 'Logs of this pod', 'pod', {
          expr: '{namespace="$${namespace}", pod="$${pod}"}',
        }),
      ],
    }),
    source('Logs', 'logs', 'loki', logs, {
      jsonData: { maxLines: 1000, manageAlerts: true, alertmanagerUid: 'alerts' },
      correlations: [
        correlation('metrics', 'Processor time of this pod', 'labels', {
          expr: 'sum by (container) (rate(container_cpu_usage_seconds_total{namespace="$${namespace}", pod="$${pod}"}[5m]))',
        }, [labelOf('namespace'), labelOf('pod')]),
        correlation('metrics', 'Memory of this pod', 'labels', {
          expr: 'sum by (container) (container_memory_working_set_bytes{namespace="$${namespace}", pod="$${pod}"})',
        }, [labelOf('namespace'), labelOf('pod')]),
      ],
    }),
    source('Alerts', 'alerts', 'alertmanager', metrics, {
      jsonData: { implementation: 'cortex', handleGrafanaManagedAlerts: false },
    }),
  ],
}
