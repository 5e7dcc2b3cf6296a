package syncertest

import (
	"fmt"
	"testing"
)

// startCortex starts Cortex as one process and answers its URL.
func startCortex(t *testing.T, program, folder string) string {
	t.Helper()
	http, grpc := port(t), port(t)
	file := write(t, folder, "cortex.yaml", fmt.Sprintf(`
auth_enabled: true
target: all
server: {http_listen_address: 127.0.0.1, http_listen_port: %[1]d, grpc_listen_address: 127.0.0.1, grpc_listen_port: %[2]d, log_level: warn}
distributor: {shard_by_all_labels: true, ring: {kvstore: {store: inmemory}, instance_addr: 127.0.0.1}}
ingester: {lifecycler: {address: 127.0.0.1, min_ready_duration: 0s, ring: {kvstore: {store: inmemory}, replication_factor: 1}}}
blocks_storage:
  backend: filesystem
  filesystem: {dir: %[3]s/cortex/blocks}
  tsdb: {dir: %[3]s/cortex/tsdb}
  bucket_store: {sync_dir: %[3]s/cortex/sync}
compactor: {data_dir: %[3]s/cortex/compactor, sharding_ring: {kvstore: {store: inmemory}, instance_addr: 127.0.0.1}}
store_gateway: {sharding_ring: {kvstore: {store: inmemory}, instance_addr: 127.0.0.1}}
frontend_worker: {frontend_address: 127.0.0.1:%[2]d}
ruler:
  enable_api: true
  rule_path: %[3]s/cortex/rules
  poll_interval: 1s
  resend_delay: 2s
  evaluation_interval: 2s
  alertmanager_url: http://127.0.0.1:%[1]d/alertmanager
ruler_storage: {backend: filesystem, filesystem: {dir: %[3]s/cortex/stored}}
alertmanager:
  enable_api: true
  data_dir: %[3]s/cortex/alertmanager
  external_url: http://127.0.0.1:%[1]d/alertmanager
  poll_interval: 1s
  cluster: {listen_address: ""}
alertmanager_storage: {backend: filesystem, filesystem: {dir: %[3]s/cortex/stored}}
`, http, grpc, folder))
	start(t, folder, "cortex", program, "-config.file="+file)
	url := fmt.Sprintf("http://127.0.0.1:%d", http)
	answers(t, "Cortex", url+"/ready")
	return url
}

// startLoki starts Loki as one process, with Cortex' Alertmanager, and answers its URL.
func startLoki(t *testing.T, program, folder, cortex string) string {
	t.Helper()
	http, grpc := port(t), port(t)
	file := write(t, folder, "loki.yaml", fmt.Sprintf(`
auth_enabled: true
target: all
server: {http_listen_address: 127.0.0.1, http_listen_port: %[1]d, grpc_listen_address: 127.0.0.1, grpc_listen_port: %[2]d, log_level: warn}
common:
  path_prefix: %[3]s/loki
  replication_factor: 1
  instance_addr: 127.0.0.1
  ring: {instance_addr: 127.0.0.1, kvstore: {store: inmemory}}
schema_config:
  configs: [{from: 2024-01-01, store: tsdb, object_store: filesystem, schema: v13, index: {prefix: index_, period: 24h}}]
storage_config: {use_thanos_objstore: true, object_store: {filesystem: {dir: %[3]s/loki/chunks}}}
ingester: {lifecycler: {min_ready_duration: 0s}}
frontend: {encoding: protobuf}
frontend_worker: {frontend_address: 127.0.0.1:%[2]d}
analytics: {reporting_enabled: false}
ruler:
  enable_api: true
  rule_path: %[3]s/loki/rules
  poll_interval: 1s
  resend_delay: 2s
  evaluation_interval: 2s
  alertmanager_url: %[4]s/alertmanager
  enable_alertmanager_v2: true
ruler_storage: {backend: filesystem, filesystem: {dir: %[3]s/loki/stored}}
`, http, grpc, folder, cortex))
	start(t, folder, "loki", program, "-config.file="+file)
	url := fmt.Sprintf("http://127.0.0.1:%d", http)
	answers(t, "Loki", url+"/ready")
	return url
}
