package diff_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/opsgen/opsgen/generator/diff"
	"github.com/opsgen/opsgen/generator/tree"
)

// world is a small cluster's rendered files: enough for each danger.
func world() map[string]string {
	files := map[string]string{}
	for name, text := range map[string]string{
		"crds/flux/customresourcedefinition-things.yaml": `
			apiVersion: apiextensions.k8s.io/v1
			kind: CustomResourceDefinition
			metadata: {name: things.example.com, annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}}
			spec:
			  group: example.com
			  scope: Namespaced
			  versions: [{name: v1beta1, served: true, storage: false}, {name: v1, served: true, storage: true}]`,
		"crds/namespaces/namespace-cortex.yaml": `
			apiVersion: v1
			kind: Namespace
			metadata: {name: cortex, annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}}`,
		"platform/cortex/configmap-cortex.yaml": configMap("cortex", "cortex", "cortex.yaml", `
			blocks_storage: {backend: s3, s3: {bucket_name: acme-metrics}}
			ingester: {lifecycler: {ring: {replication_factor: 3}}}
			limits: {compactor_blocks_retention_period: 90d, max_global_series_per_user: 150000, max_query_lookback: 90d}`),
		"platform/loki/configmap-loki.yaml": configMap("loki", "loki", "loki.yaml", `
			limits_config: {retention_period: 720h, ingestion_rate_mb: 4, max_global_streams_per_user: 5000}
			schema_config:
			  configs:
			  - {from: "2024-01-01", store: tsdb, schema: v13}
			  - {from: "2026-06-01", store: tsdb, schema: v14}
			  - {from: "2027-01-01", store: tsdb, schema: v15}`),
		"config/cortex-tenants/configmap-cortex-limits.yaml": configMap("cortex", "cortex-limits", "limits.yaml", `
			overrides:
			  archive: {compactor_blocks_retention_period: 0}
			  search-x1: {compactor_blocks_retention_period: 365d, max_global_series_per_user: 1000000, ingestion_tenant_shard_size: 6}`),
		"config/proxy-tenants/configmap-proxy-tenants.yaml": configMap("proxy", "proxy-tenants", "tenants.yaml", `
			tenants: [{name: payments}, {name: search, id: search-x1}]`),
		"config/syncer-tenants/configmap-syncer-erase.yaml": configMap("syncer", "syncer-erase", "erase.yaml", `
			tenants: []`),
		"platform/cortex/statefulset-ingester-zone-a.yaml": ingester("a"),
		"platform/cortex/statefulset-ingester-zone-b.yaml": ingester("b"),
		"platform/cortex/statefulset-ingester-zone-c.yaml": ingester("c"),
		"platform/cortex/deployment-querier.yaml": `
			apiVersion: apps/v1
			kind: Deployment
			metadata: {name: querier, namespace: cortex, labels: {app.kubernetes.io/name: cortex}}
			spec:
			  replicas: 2
			  selector: {matchLabels: {app: querier}}
			  template: {metadata: {labels: {app: querier}}, spec: {containers: [{name: cortex, image: "quay.io/cortexproject/cortex:v1.21.1"}]}}`,
		"platform/cortex/poddisruptionbudget-ingester.yaml": `
			apiVersion: policy/v1
			kind: PodDisruptionBudget
			metadata: {name: ingester, namespace: cortex}
			spec: {maxUnavailable: 1, selector: {matchLabels: {app: ingester}}}`,
		"platform/cortex/persistentvolumeclaim-scratch.yaml": `
			apiVersion: v1
			kind: PersistentVolumeClaim
			metadata: {name: scratch, namespace: cortex}
			spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}`,
		"platform/cortex/networkpolicy-querier.yaml": `
			apiVersion: networking.k8s.io/v1
			kind: NetworkPolicy
			metadata: {name: querier, namespace: cortex}
			spec:
			  podSelector: {matchLabels: {app: querier}}
			  policyTypes: [Ingress, Egress]
			  ingress: [{from: [{podSelector: {matchLabels: {app: frontend}}}], ports: [{port: 9095}]}]`,
		"cluster/kustomization-platform-cortex.yaml": `
			apiVersion: kustomize.toolkit.fluxcd.io/v1
			kind: Kustomization
			metadata: {name: platform-cortex, namespace: flux-system}
			spec: {path: ./clusters/prod/rendered/platform/cortex, prune: true, deletionPolicy: Orphan}`,
		"cluster/kustomization-platform-proxy.yaml": `
			apiVersion: kustomize.toolkit.fluxcd.io/v1
			kind: Kustomization
			metadata: {name: platform-proxy, namespace: flux-system}
			spec: {path: ./clusters/prod/rendered/platform/proxy, prune: true}`,
		"tenants/search/configmap-rules.yaml": configMap("tenant-search", "rules-metrics-slo", "slo.yaml", `
			groups:
			- name: slo
			  rules:
			  - {alert: TooSlow, expr: "latency > 1"}
			  - {alert: TooMany, expr: "errors > 1"}
			  - {record: "job:errors:rate5m", expr: "rate(errors[5m])"}`),
	} {
		files[name] = text
	}
	maps.Copy(files, tenantFiles("search"))
	files["platform/cortex/kustomization.yaml"] = "resources: [configmap-cortex.yaml]"
	return files
}

// tenantFiles are what the cluster's own folder holds of a tenant.
func tenantFiles(name string) map[string]string {
	folder := "cluster/tenants-2/"
	return map[string]string{
		folder + "namespace-tenant-" + name + ".yaml": fmt.Sprintf(`
			apiVersion: v1
			kind: Namespace
			metadata: {name: tenant-%s, labels: {opsgen.dev/tenant: %s}, annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}}`, name, name),
		folder + "kustomization-tenant-" + name + ".yaml": fmt.Sprintf(`
			apiVersion: kustomize.toolkit.fluxcd.io/v1
			kind: Kustomization
			metadata: {name: tenant-%s, namespace: flux-system, labels: {opsgen.dev/tenant: %s}}
			spec: {path: ./clusters/prod/rendered/tenants/%s, prune: true}`, name, name, name),
		folder + "networkpolicy-" + name + ".yaml": fmt.Sprintf(`
			apiVersion: networking.k8s.io/v1
			kind: NetworkPolicy
			metadata: {name: dns, namespace: tenant-%s}
			spec: {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 53}]}]}`, name),
	}
}

func configMap(namespace, name, key, text string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s}\ndata:\n  %s: |%s\n",
		name, namespace, key, strings.ReplaceAll(outdent(text), "\n", "\n    "))
}

func ingester(zone string) string {
	return strings.ReplaceAll(`
			apiVersion: apps/v1
			kind: StatefulSet
			metadata: {name: ingester-zone-ZONE, namespace: cortex, labels: {app.kubernetes.io/name: cortex}}
			spec:
			  replicas: 2
			  selector: {matchLabels: {app: ingester, zone: ZONE}}
			  template:
			    metadata: {labels: {app: ingester, zone: ZONE}, annotations: {opsgen.dev/config-hash: "1"}}
			    spec:
			      containers: [{name: cortex, image: "quay.io/cortexproject/cortex:v1.21.1", args: [-target=ingester, -zone=ZONE]}]
			      volumes: [{name: config, configMap: {name: cortex}}]
			  volumeClaimTemplates: [{metadata: {name: data}, spec: {resources: {requests: {storage: 20Gi}}}}]`, "ZONE", zone)
}

// outdent takes away the tabs that the tests' YAML stands behind.
func outdent(text string) string { return strings.ReplaceAll(text, "\t\t\t", "") }

func treeOf(files map[string]string) *diff.Tree {
	t := &diff.Tree{Sums: map[string]string{}}
	for name, text := range files {
		t.Sums[name] = tree.Sum([]byte(text))
	}
	t.Read = func(names []string) (map[string][]byte, error) {
		texts := map[string][]byte{}
		for _, name := range names {
			text, ok := files[name]
			if !ok {
				return nil, errors.New("no such file: " + name)
			}
			texts[name] = []byte(outdent(text))
		}
		return texts, nil
	}
	return t
}

// edit replaces the one place in a file that reads old.
func edit(file, old, current string) func(*testing.T, map[string]string) {
	return func(t *testing.T, files map[string]string) {
		t.Helper()
		if strings.Count(files[file], old) != 1 {
			t.Fatalf("%s holds %q %d times", file, old, strings.Count(files[file], old))
		}
		files[file] = strings.Replace(files[file], old, current, 1)
	}
}

func without(names ...string) func(*testing.T, map[string]string) {
	return func(t *testing.T, files map[string]string) {
		t.Helper()
		for _, name := range names {
			if files[name] == "" {
				t.Fatalf("there is no %s", name)
			}
			delete(files, name)
		}
	}
}

func with(name, text string) func(*testing.T, map[string]string) {
	return func(_ *testing.T, files map[string]string) { files[name] = text }
}

func rename(from, to string) func(*testing.T, map[string]string) {
	return func(t *testing.T, files map[string]string) {
		with(to, files[from])(t, files)
		without(from)(t, files)
	}
}

func all(edits ...func(*testing.T, map[string]string)) func(*testing.T, map[string]string) {
	return func(t *testing.T, files map[string]string) {
		t.Helper()
		for _, change := range edits {
			change(t, files)
		}
	}
}

// today is when the tests compare: the world's second period of Loki's schema has begun, its third has not.
var today = time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC)

// compare compares the world with itself after an edit.
func compare(t *testing.T, usage diff.Usage, change func(*testing.T, map[string]string)) *diff.Cluster {
	t.Helper()
	files := world()
	change(t, files)
	cluster, err := diff.Compare(diff.Trees{Name: "prod", Old: treeOf(world()), New: treeOf(files), Now: today}, usage)
	if err != nil {
		t.Fatal(err)
	}
	if cluster == nil {
		t.Fatal("nothing changed")
	}
	return cluster
}
