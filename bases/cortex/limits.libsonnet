// What a tenant may use. The cluster's defaults are part of cortex.yaml; a tenant's own values go into the runtime
// configuration, and only where they differ, so that a thousand tenants stay a small file.
local seconds = { s: 1, m: 60, h: 3600, d: 24 * 3600, w: 7 * 24 * 3600, y: 365 * 24 * 3600 };
// longer is a duration ("30d") and one hour more.
local longer(duration) =
  local end = std.length(duration) - 1;
  (std.parseInt(duration[:end]) * seconds[duration[end:]] + 3600) + 's';

{
  local limits = self,

  // of are the limits that follow from a tenant's metrics (or from what stands in for them).
  of(metrics): {
    ingestion_rate: metrics.samplesPerSecond,
    // A restarted agent sends what it has kept.
    ingestion_burst_size: 10 * metrics.samplesPerSecond,
    max_global_series_per_user: metrics.activeSeries,
    // C8: both, or blocks that are about to be deleted are still queried.
    compactor_blocks_retention_period: metrics.retention,
    max_query_lookback: metrics.retention,
    // The range selector of a query over exactly the longest range reaches a little further.
    max_query_length: longer(metrics.maxQueryRange),
    out_of_order_time_window: std.get(metrics, 'outOfOrder', '0s'),
    // Over all zones; 0 is every ingester.
    ingestion_tenant_shard_size: std.get(metrics, 'shardSize', 0),
  },

  // shared are limits that many tenants have alike, by a letter for each group (what is kept, the rate, the range
  // of a query, how late a sample may be); those of a group follow from its first.
  shared: {
    k: ['compactor_blocks_retention_period', 'max_query_lookback'],
    r: ['ingestion_rate', 'ingestion_burst_size'],
    q: ['max_query_length'],
    l: ['out_of_order_time_window'],
  },

  // dedup are the limits of a tenant that sends everything twice.
  dedup(metrics):
    local labels = std.get(metrics, 'haDedup');
    if labels == null then {} else {
      accept_ha_samples: true,
      ha_cluster_label: labels.clusterLabel,
      ha_replica_label: labels.replicaLabel,
    },

  // defaults hold for every tenant that says nothing else.
  defaults(cluster): limits.of({
    // The smallest class of tenants; every tenant has a class, so that nobody lives by these alone.
    samplesPerSecond: 10000,
    activeSeries: 150000,
    retention: cluster.capacity.metrics.retention,
    maxQueryRange: cluster.capacity.metrics.maxQueryRange,
    // C11: agents that send again after an outage are late.
    outOfOrder: '10m',
    // What the cluster says for all tenants is not repeated for each.
  } + std.get(std.get(cluster, 'tenantDefaults', {}), 'metrics', {})) + {
    // C11: counted over the whole cluster, not by each distributor.
    ingestion_rate_strategy: 'global',
    // C11: 0 switches off the limits that each ingester would count for itself.
    max_series_per_user: 0,
    max_series_per_metric: 0,
    // Kubernetes and OpenTelemetry label more richly than the 30 of the default.
    max_label_names_per_series: 40,
    // OpenTelemetry's exponential histograms arrive as native ones, and would be dropped without a word.
    enable_native_histograms: true,
    // Otherwise these are found in target_info only, and every query has to join it.
    promote_resource_attributes: [
      'deployment.environment.name',
      'k8s.cluster.name',
      'k8s.namespace.name',
      'k8s.container.name',
      'k8s.pod.name',
    ],

    // A dashboard of ranges over months is split by days.
    max_outstanding_requests_per_tenant: 800,

    // C12: samples that are still on their way would make recording rules wrong for good.
    ruler_query_offset: '1m',
    ruler_max_rules_per_rule_group: 200,
    ruler_max_rule_groups_per_tenant: 500,

    alertmanager_max_config_size_bytes: 1024 * 1024,
    alertmanager_max_templates_count: 50,
    alertmanager_max_template_size_bytes: 128 * 1024,
    alertmanager_max_dispatcher_aggregation_groups: 5000,
    alertmanager_max_alerts_count: 20000,
    alertmanager_max_alerts_size_bytes: 32 * 1024 * 1024,
    alertmanager_max_silences_count: 5000,
    alertmanager_max_silences_size_bytes: 8 * 1024 * 1024,
    // Tenants write the addresses that notifications go to, so these must not reach inside. On premises, chat and
    // paging are on private addresses too; there the network policy alone says which ports.
    alertmanager_receivers_firewall_block_private_addresses: cluster.provider.name != 'existing',
    alertmanager_receivers_firewall_block_cidr_networks: '0.0.0.0/8,100.64.0.0/10,127.0.0.0/8,169.254.0.0/16,::1/128,fe80::/10',
  },

  // overrides are the values of one tenant that differ from the cluster's defaults, which are made once for all tenants.
  overrides(defaults, tenant):
    local own = limits.of(tenant.metrics) + limits.dedup(tenant.metrics);
    { [name]: own[name] for name in std.objectFields(own) if own[name] != std.get(defaults, name) },
}
