// A Prometheus agent: it scrapes, keeps what is not written yet in a log, and writes all of it into one tenant, through
// the proxy and as its service account. It stores nothing else and answers no queries. What it may take and keep is
// bounded at every place: what it scrapes is other people's.
local proxy = import '../proxy/proxy.libsonnet';
local k = import 'k.libsonnet';

{
  local agent = self,

  // The image's user.
  user: 65534,
  port: 9090,

  // config is prometheus.yaml. sampleLimit bounds one answer: one with more is dropped as a whole, and `up` is 0.
  config(labels, sampleLimit, scrapes): {
    global: {
      scrape_interval: '30s',
      scrape_timeout: '10s',
      external_labels: labels,
      sample_limit: sampleLimit,
      body_size_limit: '64MB',
      label_limit: 64,
      label_name_length_limit: 256,
      label_value_length_limit: 4096,
    },
    scrape_configs: scrapes,
    remote_write: [{
      url: proxy.internal + '/api/v1/push',
      // It reads both files again: the token is a new one every hour.
      authorization: { credentials_file: proxy.tokenFile },
      tls_config: { ca_file: proxy.caFile },
      follow_redirects: false,
      queue_config: {
        max_shards: 4,
        capacity: 4000,
        max_samples_per_send: 1000,
        max_backoff: '30s',
        // A limit that was reached for a moment loses nothing; after an hour it is better to go on with what is new.
        retry_on_http_429: true,
        sample_age_limit: '1h',
      },
      metadata_config: { max_samples_per_send: 500 },
    }],
  },

  // itself lets the tenant see what its agent sends, and what was refused.
  itself(job): {
    job_name: job,
    static_configs: [{ targets: ['127.0.0.1:%d' % agent.port], labels: { instance: job } }],
    metric_relabel_configs: [{
      source_labels: ['__name__'],
      regex: 'prometheus_(agent|remote_storage|target)_.+|process_(cpu_seconds_total|resident_memory_bytes|start_time_seconds)|go_goroutines',
      action: 'keep',
    }],
  },

  container(name, size): k.container(name, 'prometheus', size, {
    args: [
      '--agent',
      '--config.file=/etc/prometheus/prometheus.yaml',
      '--storage.agent.path=/data',
      // What could not be written is kept for an hour, within the volume's bound.
      '--storage.agent.retention.max-time=1h',
      '--storage.agent.wal-truncate-frequency=15m',
      '--web.listen-address=:%d' % agent.port,
    ],
    ports: [k.port('http', agent.port)],
    startupProbe: k.httpProbe('/-/ready', 'http', { periodSeconds: 2, failureThreshold: 60 }),
    readinessProbe: k.httpProbe('/-/ready', 'http', { periodSeconds: 10 }),
    livenessProbe: k.httpProbe('/-/healthy', 'http', { periodSeconds: 10, failureThreshold: 6 }),
    volumeMounts: [
      k.mount('config', '/etc/prometheus', { readOnly: true }),
      k.mount('data', '/data'),
    ] + proxy.mounts,
  }),

  // volumes: config is the name of the ConfigMap.
  volumes(config, logSize): [k.configVolume('config', config), k.emptyDir('data', logSize)] + proxy.volumes,
}
