package syncertest

import (
	"fmt"
	"os/exec"
	"testing"
)

// startCortex starts Cortex as one process and answers its URL.
func startCortex(t *testing.T, program, folder string) string {
	t.Helper()
	url, _ := runCortex(t, program, folder, somewhere(t))
	return url
}

// ports are where a component listens.
type ports struct{ http, grpc int }

func somewhere(t *testing.T) ports {
	t.Helper()
	return ports{port(t), port(t)}
}

// runCortex starts Cortex at its ports. Flags beat what its file says.
func runCortex(t *testing.T, program, folder string, at ports, flags ...string) (string, *exec.Cmd) {
	t.Helper()
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
`, at.http, at.grpc, folder))
	cmd := start(t, folder, "cortex", program, append([]string{"-config.file=" + file}, flags...)...)
	url := fmt.Sprintf("http://127.0.0.1:%d", at.http)
	answers(t, "Cortex", url+"/ready")
	return url, cmd
}

// startLoki starts Loki as one process, with Cortex' Alertmanager, and answers its URL.
func startLoki(t *testing.T, program, folder, cortex string) string {
	t.Helper()
	url, _ := runLoki(t, program, folder, cortex, somewhere(t), lokiStore{
		kind: "filesystem", chunks: "{filesystem: {dir: " + folder + "/loki/chunks}}", rules: "{dir: " + folder + "/loki/stored}",
	})
	return url
}

// lokiStore is where Loki stores: a kind, and the configuration of that kind for lines and for rules.
type lokiStore struct{ kind, chunks, rules string }

// runLoki starts Loki at its ports. Flags beat what its file says.
func runLoki(t *testing.T, program, folder, cortex string, at ports, store lokiStore, flags ...string) (string, *exec.Cmd) {
	t.Helper()
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
  configs: [{from: 2024-01-01, store: tsdb, object_store: %[5]s, schema: v13, index: {prefix: index_, period: 24h}}]
storage_config: {use_thanos_objstore: true, object_store: %[6]s}
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
ruler_storage: {backend: %[5]s, %[5]s: %[7]s}
`, at.http, at.grpc, folder, cortex, store.kind, store.chunks, store.rules))
	cmd := start(t, folder, "loki", program, append([]string{"-config.file=" + file}, flags...)...)
	url := fmt.Sprintf("http://127.0.0.1:%d", at.http)
	answers(t, "Loki", url+"/ready")
	return url, cmd
}
