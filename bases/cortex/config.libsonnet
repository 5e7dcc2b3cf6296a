// cortex.yaml: what all processes of Cortex have in common. What depends on the size of one workload is a flag of that
// workload (process.libsonnet), so that resizing one does not restart the others. Marks such as C2 and M4 name the
// entries of docs/decisions/pains.md, where the reasons are told in full.
local k = import '../lib/k.libsonnet';
local memcached = import '../lib/memcached.libsonnet';
local limits = import 'limits.libsonnet';
local storage = import 'storage.libsonnet';

// The settings of one memcached client of the store-gateways and queriers.
local cache(name) = {
  backend: 'memcached',
  memcached: {
    addresses: memcached.addresses('cortex', name),
    // M4: 100 ms and 16 connections, the defaults, make bursts of time-outs under load.
    timeout: '500ms',
    max_idle_connections: 100,
    max_get_multi_concurrency: 100,
    max_get_multi_batch_size: 100,
    max_async_concurrency: 50,
    max_async_buffer_size: 25000,
    // M3: larger items are refused without a word.
    max_item_size: memcached.clientItemBytes,
    // M4: a slow cache must not slow the queries down.
    set_async_circuit_breaker_config: { enabled: true },
  },
};

function(cluster)
  local single = cluster.options.topology == 'single-binary';
  local replication = cluster.options.replication;
  local zoneAware = std.length(cluster.zones) > 1;
  local size(workload) = cluster.sizing.cortex[workload];
  // A ring has no more copies than members.
  local copies(workload) = if single then 1 else std.min(replication, size(workload).replicas);

  local alertmanagers = if single then 1 else size('alertmanager').replicas;

  // Where members of a ring find each other. One process needs no gossip.
  local kvstore = { store: if single then 'inmemory' else 'memberlist' };

  local config = {
    // Every request names its tenant; the proxy sets the header, and network policies let nobody else in.
    auth_enabled: true,

    server: {
      http_listen_port: 8080,
      grpc_listen_port: 9095,
      // The default, 30 s, would cut off queries that run longer; querier.timeout is the bound that counts.
      http_server_write_timeout: '3m',
      // Answers to queries and batches of samples outgrow the default of 4 MB.
      grpc_server_max_recv_msg_size: 100 * 1024 * 1024,
      grpc_server_max_send_msg_size: 100 * 1024 * 1024,
      // A distributor pushes to an ingester on one connection; 100 streams, the default, queue under load.
      grpc_server_max_concurrent_streams: 1000,
    },
    api: { response_compression_enabled: true },

    [if !single then 'memberlist']: {
      // C4: the headless Service lists pods that are not ready yet, so that a cluster that starts from nothing finds itself.
      join_members: ['dns+gossip-ring.cortex.svc.cluster.local:7946'],
      abort_if_cluster_join_fails: false,
      // C4: heals a ring that was split while the network was.
      rejoin_interval: '5m',
      // C4: the default of 100 refuses connections in larger clusters. In steps, so that adding a pod changes nothing.
      // C3: Cortex 1.21 knows no cluster label; network policies keep foreign rings out (network.libsonnet).
      local members = std.foldl(
        function(sum, name) sum + size(name).replicas * std.max(1, std.get(size(name), 'zones', 1)),
        ['distributor', 'ingester', 'querier', 'store-gateway', 'compactor', 'ruler', 'alertmanager'],
        0
      ),
      max_concurrent_connections: 250 * std.max(1, std.ceil(members / 100)),
    },

    // --- Writing ---

    distributor: {
      // C6: without it, limits for the whole cluster are refused, and one metric name is one ingester's burden.
      shard_by_all_labels: true,
      // C2: a restarting ingester comes back with its series; giving them to its neighbours would double them.
      extend_writes: false,
      // C11: lets distributors count each other, which limits for the whole cluster need.
      ring: { kvstore: kvstore },
      // Which ingesters a tenant's series go to. A tenant without a metrics.shardSize goes to all of them.
      sharding_strategy: 'shuffle-sharding',
      // For tenants with metrics.haDedup; of all others it takes everything. One process alone has no gossip, in which
      // the distributors would tell each other whose samples they take.
      [if !single then 'ha_tracker']: { enable_ha_tracker: true, kvstore: kvstore },
    },
    ingester: {
      lifecycler: {
        ring: {
          kvstore: kvstore,
          replication_factor: replication,
          zone_awareness_enabled: zoneAware,
        },
        num_tokens: 512,
        // C2: an ingester keeps its place in the ring over restarts, and asks only for its own health.
        tokens_file_path: '/data/tokens-ingester',
        unregister_on_shutdown: false,
        readiness_check_ring_health: false,
        // It stays in the ring, so nothing has to hear of its leaving.
        final_sleep: '0s',
      },
    },
    blocks_storage: storage.bucket(cluster, cluster.provider.storage.metrics) + {
      tsdb: {
        dir: '/data/tsdb',
        // C9: longer than queriers ask ingesters for (12h5m, a flag), so that there is no gap before the blocks.
        retention_period: '13h',
        // As long: a shorter time would close a tenant's database while queriers still ask for it.
        close_idle_tsdb_timeout: '13h',
        // C6: a restart reads a snapshot and replays only what came after it.
        memory_snapshot_on_shutdown: true,
        // The write-ahead log is on a volume that comes back with the pod.
        flush_blocks_on_shutdown: false,
        wal_compression_type: 'snappy',
      },
      // --- Reading ---
      bucket_store: {
        sync_dir: '/data/tsdb-sync',
        // C14: one object a tenant instead of a listing of the bucket by every pod.
        bucket_index: { enabled: true },
        block_discovery_strategy: 'bucket_index',
        // C10: only the blocks that are asked for take memory.
        index_header_lazy_loading_enabled: true,
        index_cache:
          if single then { backend: 'inmemory', inmemory: { max_size_bytes: 64 * 1024 * 1024 } }
          else cache('index-cache'),
        [if !single then 'chunks_cache']: cache('chunks-cache'),
        [if !single then 'metadata_cache']: cache('metadata-cache') + {
          // An index of many blocks is larger than the default of 1 MiB.
          bucket_index_max_size_bytes: memcached.clientItemBytes,
        },
      },
    },
    store_gateway: {
      // C9: blocks are dealt out to the store-gateways, one copy in each zone.
      sharding_enabled: true,
      sharding_ring: {
        kvstore: kvstore,
        replication_factor: replication,
        zone_awareness_enabled: zoneAware,
        // A restart does not move blocks: the other zones answer meanwhile.
        tokens_file_path: '/data/tokens-store-gateway',
        keep_instance_in_the_ring_on_shutdown: true,
        wait_stability_min_duration: if single then '0s' else '10s',
      },
    },
    querier: {
      timeout: '2m',
      // The root file system is read-only.
      active_query_tracker_dir: '/data/active-queries',
    },
    frontend_worker: {
      // The scheduler's Service is headless, so that every querier serves every scheduler.
      [if !single then 'scheduler_address']: 'query-scheduler.cortex.svc.cluster.local:9095',
      // C10: as many queries at a time as querier.max-concurrent says, however many schedulers there are.
      match_max_concurrent: true,
      // Answers of more than 16 MiB, the default, would fail on their way to the query-frontend.
      grpc_client_config: { max_send_msg_size: 100 * 1024 * 1024 },
    },
    frontend: {
      [if !single then 'scheduler_address']: 'query-scheduler.cortex.svc.cluster.local:9095',
      log_queries_longer_than: '10s',
      query_stats_enabled: true,
    },
    query_range: {
      // Off by default, both.
      split_queries_by_interval: '24h',
      cache_results: true,
      // Cached answers of one step but another phase would be glued together otherwise.
      align_queries_with_step: true,
      results_cache: {
        compression: 'snappy',
        cache: if single then {
          enable_fifocache: true,
          fifocache: { max_size_bytes: '64MB', validity: '24h' },
        } else {
          memcached: { expiration: '24h' },
          memcached_client: {
            addresses: memcached.addresses('cortex', 'results-cache'),
            timeout: '500ms',
            max_idle_conns: 100,
            max_item_size: memcached.clientItemBytes,
          },
        },
      },
    },

    // --- Keeping ---

    compactor: {
      data_dir: '/data/compactor',
      // C7: one broken block must not stop its tenant's compaction for ever.
      skip_blocks_with_out_of_order_chunks_enabled: true,
      compaction_interval: '30m',
      sharding_enabled: true,
      sharding_ring: {
        kvstore: kvstore,
        // Alone, there is nobody to wait for.
        [if copies('compactor') == 1 then 'wait_stability_min_duration']: '0s',
      },
    },

    // --- Alerting ---

    ruler: {
      enable_api: true,
      rule_path: '/data/rules',
      poll_interval: '30s',
      external_url: 'https://metrics.%s' % cluster.domain,
      alertmanager_url: 'http://%s:8080/alertmanager'
                        % (if single then '127.0.0.1' else 'alertmanager.cortex.svc.cluster.local'),
      // C12: several rulers know each rule group; when the first does not answer, the next one evaluates it. Rulers are
      // a Deployment, whose pods do not know their zone, so copies are spread by the scheduler, not by the ring.
      enable_sharding: true,
      ring: { kvstore: kvstore, replication_factor: copies('ruler') },
      enable_ha_evaluation: copies('ruler') > 1,
      api_deduplicate_rules: copies('ruler') > 1,
    },
    ruler_storage: storage.bucket(cluster, cluster.provider.storage.rules),
    alertmanager: {
      enable_api: true,
      data_dir: '/data/alertmanager',
      external_url: 'https://metrics.%s/alertmanager' % cluster.domain,
      // There is no fallback_config_file. With one, the first request for a tenant that an Alertmanager does not know yet
      // replaces the tenant's stored configuration by an empty one: after an upload, or when tenants move between members.
      // The syncer gives every tenant a configuration instead.
      // C12: silences and notifications are held by several members, and in the bucket. One member alone holds them on its
      // volume. With sharding and one copy, it would tell each tenant of one alert and never of another: the first one
      // ends what shares its state, and all later ones wait for that to run (pkg/alertmanager/state_replication.go).
      sharding_enabled: alertmanagers > 1,
      [if alertmanagers > 1 then 'sharding_ring']: { kvstore: kvstore, replication_factor: std.min(3, alertmanagers) },
      // Sharding replaces the gossip of its own.
      cluster: { listen_address: '' },
    },
    // Cortex puts what it stores under fixed names: rules/ here, alerts/ and alertmanager/ there. So one bucket holds both.
    alertmanager_storage: storage.bucket(cluster, cluster.provider.storage.rules),

    // --- Limits ---

    limits: limits.defaults(cluster),
    // Limits of single tenants (tenants.jsonnet), read again every 10 s: a new tenant restarts nothing.
    runtime_config: { file: '/etc/cortex-limits/limits.yaml' },
  };

  k.configMap('cortex', {
    'cortex.yaml': std.manifestYamlDoc(config, quote_keys=false),
  }) + if single then {} else k.annotations({
    'opsgen.dev/waive': 'cluster-label: Cortex 1.21 has no such setting, and the network policy gossip admits its own pods only',
  })
