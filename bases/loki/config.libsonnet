// loki.yaml: what all processes of Loki have in common. What depends on the size of one workload is a flag of that
// workload (process.libsonnet), so that resizing one does not restart the others. Marks such as L2 and M4 name the
// entries of docs/decisions/pains.md, where the reasons are told in full. Only what we need is written: every key is one
// that a later version may refuse (L12).
local k = import '../lib/k.libsonnet';
local memcached = import '../lib/memcached.libsonnet';
local limits = import 'limits.libsonnet';
local storage = import 'storage.libsonnet';

// The settings of one memcached client.
local cache(name) = {
  memcached_client: {
    // M2: found by names that stay when a pod's address changes.
    addresses: memcached.addresses('loki', name),
    // M4: 100 ms and 16 connections, the defaults, make bursts of time-outs under load.
    timeout: '500ms',
    max_idle_conns: 100,
    // M3: larger items are refused without a word.
    max_item_size: memcached.clientItemBytes,
  },
  // What waits to be written to a slow cache: 500 MB, the default, are more than some pods have.
  background: { writeback_buffer: 10000, writeback_size_limit: '64MB' },
};
// One process keeps its caches in its own memory.
local embedded(megabytes) = { embedded_cache: { enabled: true, max_size_mb: megabytes } };

function(cluster)
  local single = cluster.options.topology == 'single-binary';
  local store = storage.store(cluster);
  local ingesterMemory = cluster.sizing.loki[if single then 'loki' else 'ingester'].memoryBytes;

  local config = {
    // Every request names its tenant; the proxy sets the header, and network policies let nobody else in.
    auth_enabled: true,
    // Loki's default calls home.
    analytics: { reporting_enabled: false },
    // After SIGTERM a process is not ready but still answers, until the endpoints have lost it.
    shutdown_delay: '5s',

    server: {
      http_listen_port: 8080,
      grpc_listen_port: 9095,
      // The default, 30 s, would cut off queries that run longer; limits_config.query_timeout is the bound that counts.
      http_server_write_timeout: '3m',
      http_server_read_timeout: '1m',
      // Answers to queries and batches of lines outgrow the default of 4 MB.
      grpc_server_max_recv_msg_size: 100 * 1024 * 1024,
      grpc_server_max_send_msg_size: 100 * 1024 * 1024,
      // A distributor pushes to an ingester on one connection; 100 streams, the default, queue under load.
      grpc_server_max_concurrent_streams: 1000,
    },

    common: {
      // The only place that is written to: a volume, or an empty folder.
      path_prefix: '/data',
      // Without it Loki looks for a network interface called eth0 (L1b).
      instance_addr: '${POD_IP}',
      replication_factor: cluster.options.replication,
      // A member keeps its place in its ring over restarts.
      persist_tokens: true,
      ring: { kvstore: { store: if single then 'inmemory' else 'memberlist' } },
      // L6: which lines are deleted although they are still stored. The name is one of a headless Service (L9).
      [if !single then 'compactor_grpc_address']: 'compactor.loki.svc.cluster.local:9095',
    },

    [if !single then 'memberlist']: {
      // L1: pods of other rings that got an address of ours are turned away.
      cluster_label: 'loki.' + cluster.name,
      // C4: the headless Service lists pods that are not ready yet, so that a cluster that starts from nothing finds itself.
      join_members: ['dns+gossip-ring.loki.svc.cluster.local:7946'],
      abort_if_cluster_join_fails: false,
      // C4: heals a ring that was split while the network was.
      rejoin_interval: '5m',
    },

    // --- Writing ---

    distributor: {
      otlp_config: {
        // L4: labels make streams. The default list has the pod's name and the instance's ID: each restart of a pod would
        // make new streams. All other attributes are kept beside the lines, and can be asked for as well.
        default_resource_attributes_as_index_labels: [
          'service.name',
          'service.namespace',
          'deployment.environment.name',
          'k8s.cluster.name',
          'k8s.namespace.name',
          'k8s.container.name',
        ],
      },
    },
    ingester: {
      lifecycler: {
        ring: {
          // One copy in each zone, and answers of two zones are enough.
          zone_awareness_enabled: cluster.options.replication > 1,
        },
        num_tokens: 512,
        // An ingester that restarts stays in the ring. If it left, its zone would be missing there, the ring would think
        // that there are two zones, and take the answer of one for enough.
        unregister_on_shutdown: false,
        // L7: for the same reason nothing is forgotten: a replay of the log takes longer than the minute after which
        // others would forget the ingester. Pods keep their names and come back; before a zone is made smaller, POST
        // /ingester/shutdown writes everything out and takes the ingester off the ring.
        // C2: an ingester asks only for its own health.
        readiness_check_ring_health: false,
      },
      autoforget_unhealthy: false,
      wal: {
        // L3: a replay that comes near the memory limit writes chunks out and goes on. With the default, 4 GB, a smaller
        // pod is killed in every replay.
        replay_memory_ceiling: '%dMB' % std.floor(0.65 * ingesterMemory / (1024 * 1024)),
      },
      // As small as gzip's chunks nearly, and several times faster to read.
      chunk_encoding: 'snappy',
    },

    // --- Storing ---

    schema_config: {
      configs: [{
        // L12: fixed, and before the first line of any cluster. A later schema gets an entry of its own, with a date in
        // the future; entries are never changed.
        from: '2024-01-01',
        store: 'tsdb',
        object_store: store,
        schema: 'v13',
        index: { prefix: 'index_', period: '24h' },
      }],
    },
    storage_config: {
      use_thanos_objstore: true,
      object_store: storage.bucket(cluster, cluster.provider.storage.logs),
      [if !single then 'tsdb_shipper']: {
        // L9, L11: the name is one of a headless Service; each gateway has the whole index, so that any may be away.
        index_gateway_client: { server_address: 'dns+index-gateway.loki.svc.cluster.local:9095' },
      },
    },
    // L11: gateways in a ring of their own would stop answering over a few members that are gone.
    [if !single then 'index_gateway']: { mode: 'simple' },
    chunk_store_config: {
      chunk_cache_config: if single then embedded(64) else cache('chunks-cache'),
    },

    compactor: {
      // L6: off by default, and refused without a place for the requests.
      retention_enabled: true,
      delete_request_store: store,
    },

    // --- Reading ---

    frontend: {
      [if !single then 'scheduler_address']: 'query-scheduler.loki.svc.cluster.local:9095',
      encoding: 'protobuf',
      compress_responses: true,
      log_queries_longer_than: '10s',
    },
    [if !single then 'frontend_worker']: {
      // L9: the scheduler's Service is headless, so that every querier serves every scheduler.
      scheduler_address: 'query-scheduler.loki.svc.cluster.local:9095',
    },
    query_range: {
      // Off by default, both.
      cache_results: true,
      align_queries_with_step: true,
      // Volumes, statistics and labels get caches of their own, of the same kind and size.
      results_cache: {
        cache: if single then embedded(16) else cache('results-cache'),
        compression: 'snappy',
      },
    },

    // --- Alerting ---

    ruler: {
      enable_api: true,
      [if std.get(cluster.enabled, 'cortex', false) then 'alertmanager_url']: 'http://alertmanager.cortex.svc.cluster.local:8080/alertmanager',
      // L13: each group of rules is evaluated by one ruler.
      enable_sharding: true,
      // L13: on the writable folder. It stays empty: recording rules are not sent to Cortex yet.
      wal: { dir: '/data/ruler-wal' },
    },
    // Beside Cortex' rules in the same bucket, which are below rules/.
    ruler_storage: { backend: store, storage_prefix: 'loki' } + storage.bucket(cluster, cluster.provider.storage.rules),

    // --- Limits ---

    limits_config: limits.defaults(cluster),
    // Limits of single tenants (tenants.jsonnet), read again every 10 s: a new tenant restarts nothing.
    runtime_config: { file: '/etc/loki/limits/limits.yaml' },
  };

  k.configMap('loki', { 'loki.yaml': std.manifestYamlDoc(config, quote_keys=false) })
