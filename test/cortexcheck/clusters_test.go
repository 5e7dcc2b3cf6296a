package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cortexproject/cortex/pkg/cortex"
	"github.com/cortexproject/cortex/pkg/storage/bucket"

	"github.com/opsgen/opsgen/test/cortexcheck/configuration"
	"github.com/opsgen/opsgen/test/cortexcheck/rendered"
)

// folder has the rendered clusters, as <folder>/<cluster>/rendered: this repository's own, or those of OPSGEN_CLUSTERS.
func folder() string {
	if folder := os.Getenv("OPSGEN_CLUSTERS"); folder != "" {
		return folder
	}
	return "../../clusters"
}

// mostLimits keeps the ConfigMap of limits well below what Kubernetes stores in one object (1 MiB).
const mostLimits = 900 << 10

// TestClusters parses what every process of every rendered cluster would, and holds it against what operators of Cortex
// have lost data by (docs/decisions/pains.md).
func TestClusters(t *testing.T) {
	clusters, err := rendered.Clusters(folder())
	if err != nil {
		t.Fatal(err)
	}
	for _, cluster := range clusters {
		t.Run(cluster.Name, func(t *testing.T) {
			for _, process := range cluster.Processes {
				t.Run(process.Workload, func(t *testing.T) {
					config, err := configuration.Parse(process.Config, process.Args)
					if err != nil {
						t.Fatalf("Cortex would not start: %v", err)
					}
					checkLimits(t, process, config)
					for _, problem := range problems(config, process, cluster) {
						t.Error(problem)
					}
				})
			}
		})
	}
}

// checkLimits parses the limits of tenants from the file that the configuration names.
func checkLimits(t *testing.T, process rendered.Process, config *cortex.Config) {
	t.Helper()
	file := config.RuntimeConfig.LoadPath
	text, ok := process.Files[file]
	if !ok {
		t.Errorf("runtime_config.file %q is in no ConfigMap that the container mounts: no tenant would have limits of its own", file)
		return
	}
	values, err := configuration.ParseLimits(text, config)
	if err != nil {
		t.Errorf("a changed limit would never be taken: %v", err)
		return
	}
	if len(text) > mostLimits {
		t.Errorf("the limits of %d tenants are %d bytes, more than %d: Kubernetes will soon refuse the ConfigMap", len(values.TenantLimits), len(text), mostLimits)
	}
	for tenant, limits := range values.TenantLimits {
		if limits.CompactorBlocksRetentionPeriod == 0 || limits.MaxQueryLookback != limits.CompactorBlocksRetentionPeriod {
			t.Errorf("tenant %s keeps blocks for %v and is asked for %v back", tenant, limits.CompactorBlocksRetentionPeriod, limits.MaxQueryLookback)
		}
	}
}

// problems are the settings that Cortex accepts and operators regret.
func problems(c *cortex.Config, process rendered.Process, cluster rendered.Cluster) []string {
	var found []string
	must := func(ok bool, problem string) {
		if !ok {
			found = append(found, problem)
		}
	}
	within := c.Querier.QueryIngestersWithin
	must(c.Querier.QueryStoreAfter < within, "C9: there is a time that queriers ask neither ingesters nor blocks for")
	must(within <= c.BlocksStorage.TSDB.Retention, "C9: queriers ask ingesters for samples that these have deleted")
	must(within <= c.BlocksStorage.TSDB.CloseIdleTSDBTimeout, "C9: idle tenants' samples are deleted while queriers ask ingesters for them")
	must(c.LimitsConfig.CompactorBlocksRetentionPeriod > 0, "C8: blocks are kept for ever")
	must(c.LimitsConfig.MaxQueryLookback == c.LimitsConfig.CompactorBlocksRetentionPeriod, "C8: queries reach for blocks that are deleted")
	must(!c.Distributor.ExtendWrites && !c.Ingester.LifecyclerConfig.UnregisterOnShutdown, "C2: a rollout doubles the series")
	must(!c.Ingester.LifecyclerConfig.ReadinessCheckRingHealth, "C2: one unhealthy ingester keeps all others from becoming ready")
	must(c.LimitsConfig.MaxLocalSeriesPerUser == 0 && c.LimitsConfig.MaxGlobalSeriesPerUser > 0, "C11: the limit of series depends on the number of ingesters")
	must(c.Server.HTTPServerWriteTimeout > c.Querier.Timeout, "answers are cut off before the query's own time-out")
	must(c.Alertmanager.FallbackConfigFile == "", "a fallback configuration overwrites tenants' configurations")
	must(process.Replicas > 0, "there are no pods")
	must(storageNamed(c.BlocksStorage.Bucket) && storageNamed(c.RulerStorage.Config) && storageNamed(c.AlertmanagerStorage.Config),
		"a bucket has no name or no endpoint; Cortex notices only after it has started")
	found = append(found, guards(c, process)...)
	if c.Ingester.LifecyclerConfig.RingConfig.ReplicationFactor > 1 {
		found = append(found, zones(c, process)...)
	}
	for _, address := range []string{c.Worker.SchedulerAddress, c.Frontend.FrontendV2.SchedulerAddress} {
		service, _, _ := strings.Cut(address, ".")
		must(address == "" || slices.Contains(cluster.Headless, service), "L9: "+address+" is not headless: some queries would wait for ever")
	}
	return found
}

// guards are the bounds by which a process refuses work before it runs out of memory.
func guards(c *cortex.Config, process rendered.Process) []string {
	var found []string
	runs := func(target string) bool {
		return slices.Contains(c.Target, target) || slices.Contains(c.Target, cortex.All)
	}
	limits := c.Ingester.DefaultLimits
	if runs(cortex.Ingester) && (limits.MaxInMemorySeries == 0 || limits.MaxInMemoryTenants == 0 || limits.MaxInflightPushRequests == 0) {
		found = append(found, "C6: the ingester takes series until it is killed")
	}
	if runs(cortex.StoreGateway) && c.BlocksStorage.BucketStore.MaxInflightRequests == 0 {
		found = append(found, "C10: the store-gateway takes requests until it is killed")
	}
	if (runs(cortex.Querier) || runs(cortex.Ruler)) && (c.LimitsConfig.MaxFetchedSeriesPerQuery == 0 || c.LimitsConfig.MaxFetchedDataBytesPerQuery == 0) {
		found = append(found, "C10: one query may take all memory")
	}
	if runs(cortex.Querier) && c.Querier.MaxConcurrent < 4 {
		found = append(found, "C10: too few queries at a time")
	}
	return found
}

// zones are the settings by which a whole zone may fail.
func zones(c *cortex.Config, process rendered.Process) []string {
	var found []string
	if !c.Ingester.LifecyclerConfig.RingConfig.ZoneAwarenessEnabled || !c.StoreGateway.ShardingRing.ZoneAwarenessEnabled {
		found = append(found, "C1: copies of a series may all be in one zone")
	}
	if slices.Contains(c.Target, cortex.Ingester) && c.Ingester.LifecyclerConfig.Zone == "" {
		found = append(found, "C1: the ingester does not know its zone")
	}
	if slices.Contains(c.Target, cortex.StoreGateway) && c.StoreGateway.ShardingRing.InstanceZone == "" {
		found = append(found, "C1: the store-gateway does not know its zone")
	}
	if c.MemberlistKV.RejoinInterval < time.Second || c.MemberlistKV.AbortIfJoinFails {
		found = append(found, "C4: a cluster that starts from nothing does not find itself")
	}
	return found
}

func storageNamed(b bucket.Config) bool {
	if b.Backend == bucket.GCS {
		return b.GCS.BucketName != ""
	}
	return b.S3.BucketName != "" && b.S3.Endpoint != ""
}
