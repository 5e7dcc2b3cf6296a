package main

import (
	"strings"
	"testing"

	"github.com/opsgen/opsgen/test/cortexcheck/configuration"
	"github.com/opsgen/opsgen/test/cortexcheck/rendered"
)

// TestProblems changes each rendered command line for the worse, and expects to be told.
func TestProblems(t *testing.T) {
	clusters, err := rendered.Clusters(folder())
	if err != nil {
		t.Fatal(err)
	}
	for flag, want := range map[string]string{
		"querier.query-store-after=12h10m":                         "query_store_after >= query_ingesters_within",
		"querier.query-ingesters-within=20h":                       "C9",
		"blocks-storage.tsdb.close-idle-tsdb-timeout=1h":           "C9",
		"compactor.blocks-retention-period=0":                      "C8",
		"querier.max-query-lookback=1d":                            "C8",
		"distributor.extend-writes=true":                           "C2",
		"ingester.readiness-check-ring-health=true":                "C2",
		"ingester.max-series-per-user=1000":                        "C11",
		"distributor.shard-by-all-labels=false":                    "shard-by-all-labels",
		"server.http-write-timeout=30s":                            "cut off",
		"alertmanager.configs.fallback=/etc/cortex/fallback.yaml":  "fallback",
		"ruler-storage.backend=gcs":                                "a bucket has no name",
		"querier.scheduler-address=query-frontend.cortex.svc:9095": "L9",
		"ingester.instance-limits.no-such-limit=1":                 "not defined",
	} {
		t.Run(flag, func(t *testing.T) {
			told := false
			for _, cluster := range clusters {
				for _, process := range cluster.Processes {
					config, err := configuration.Parse(process.Config, append(process.Args, "-"+flag))
					if err != nil {
						told = told || strings.Contains(err.Error(), want)
						continue
					}
					told = told || strings.Contains(strings.Join(problems(config, process, cluster), "\n"), want)
				}
			}
			if !told {
				t.Errorf("no process of any cluster was refused with %q", want)
			}
		})
	}
}

// TestMisspeltKey is what strict parsing is for: one wrong letter in what we rendered.
func TestMisspeltKey(t *testing.T) {
	clusters, err := rendered.Clusters(folder())
	if err != nil {
		t.Fatal(err)
	}
	process := clusters[0].Processes[0]
	text := strings.Replace(string(process.Config), "compactor_blocks_retention_period", "compactor_block_retention_period", 1)
	if _, err := configuration.Parse([]byte(text), process.Args); err == nil || !strings.Contains(err.Error(), "compactor_block_retention_period not found") {
		t.Errorf("the error is %v, want one that names the misspelt key", err)
	}
}
