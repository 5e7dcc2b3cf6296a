// What a tenant may use. The cluster's defaults are part of loki.yaml; a tenant's own values go into the runtime
// configuration, and only where they differ, so that a thousand tenants stay a small file.
local units = { s: 1, m: 60, h: 3600, d: 24 * 3600, w: 7 * 24 * 3600, y: 365 * 24 * 3600 };
local seconds(duration) =
  local end = std.length(duration) - 1;
  std.parseInt(duration[:end]) * units[duration[end:]];

// longer is a duration ("30d") and one hour more.
local longer(duration) =
  local total = seconds(duration) + 3600;
  if total % 3600 == 0 then (total / 3600) + 'h' else total + 's';

// Loki's MB are 2^20 bytes. The rate is rounded up to 1/64 of one, so that it is written without an endless fraction.
local megabyte = 1024 * 1024;
local rate(bytesPerDay) = std.ceil(bytesPerDay / (24 * 3600) / megabyte * 64) / 64;

{
  local limits = self,

  // L6: Loki deletes by whole days, and refuses shorter times in a tenant's own rules.
  wholeDays(retention):
    if seconds(retention) >= 24 * 3600 then retention
    else error 'logs.retention is %s, but Loki keeps lines for a day at least; write 1d or more' % retention,

  // of are the limits that follow from a tenant's logs (or from what stands in for them).
  of(logs): {
    // The day's volume, spread evenly …
    ingestion_rate_mb: rate(logs.bytesPerDay),
    // … and for ten seconds, ten times as fast. L5: never less than one large push, or it could not get through at all.
    ingestion_burst_size_mb: std.max(16, std.ceil(10 * 10 * rate(logs.bytesPerDay))),
    // L4
    max_global_streams_per_user: logs.streams,
    // L6: both, or queries look for lines that are about to be deleted.
    retention_period: limits.wholeDays(logs.retention),
    max_query_lookback: logs.retention,
    // "The last 30 days" reach a little further than 30 days.
    max_query_length: longer(logs.maxQueryRange),
  },

  // shared are limits that many tenants have alike, by a letter for each group (what is kept, the rate, the range
  // of a query); those of a group follow from its first.
  shared: {
    k: ['retention_period', 'max_query_lookback'],
    r: ['ingestion_rate_mb', 'ingestion_burst_size_mb'],
    q: ['max_query_length'],
  },

  // defaults hold for every tenant that says nothing else.
  defaults(cluster): limits.of({
    // The smallest class of tenants; every tenant has a class, so that nobody lives by these alone.
    bytesPerDay: 20e9,
    streams: 5000,
    retention: cluster.capacity.logs.retention,
    maxQueryRange: cluster.capacity.logs.maxQueryRange,
    // What the cluster says for all tenants is not repeated for each.
  } + std.get(std.get(cluster, 'tenantDefaults', {}), 'logs', {})) + {
    // L5: counted over the whole cluster: each distributor takes its share.
    ingestion_rate_strategy: 'global',
    // L5: of one stream. A stream that is faster than shard_streams.desired_rate (1.5 MB/s) is split before it comes to that.
    per_stream_rate_limit: '5MB',
    per_stream_rate_limit_burst: '20MB',

    // The traces' IDs and the like, beside the line instead of in its labels.
    allow_structured_metadata: true,
    // A line that is too long is cut. Refusing it would make some agents drop the whole batch.
    max_line_size: '256KB',
    max_line_size_truncate: true,
    reject_old_samples: true,
    reject_old_samples_max_age: '7d',

    query_timeout: '2m',
    // L10: one query reads two days of all the cluster's lines at the most, and not all of a month.
    max_query_bytes_read: '%dGB' % std.max(100, std.ceil(2 * cluster.capacity.logs.bytesPerDay / 1e9)),
    max_querier_bytes_read: '50GB',

    // L6: lines can be deleted through the API, a day after the request.
    deletion_mode: 'filter-and-delete',

    ruler_max_rules_per_rule_group: 200,
    ruler_max_rule_groups_per_tenant: 500,
  },

  // overrides are the values of one tenant that differ from the cluster's defaults, which are made once for all tenants.
  overrides(defaults, tenant):
    local own = limits.of(tenant.logs);
    { [name]: own[name] for name in std.objectFields(own) if own[name] != defaults[name] },
}
