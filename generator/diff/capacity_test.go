package diff_test

import (
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/diff"
)

// TestCapacity is what a reviewer reads of what a change costs.
func TestCapacity(t *testing.T) {
	replace := func(file, old, new string) func(*testing.T, map[string]string) {
		return func(t *testing.T, files map[string]string) {
			if !strings.Contains(files[file], old) {
				t.Fatalf("%s has no %s", file, old)
			}
			files[file] = strings.Replace(files[file], old, new, 1)
		}
	}
	const container = `containers: [{name: cortex, image: "quay.io/cortexproject/cortex:v1.21.1"`
	for name, test := range map[string]struct {
		change func(*testing.T, map[string]string)
		want   string // a part of the line; empty: there is none
	}{
		"a label costs nothing": {replace(querier, "labels: {app: querier}", "labels: {app: querier, a: b}"), ""},
		"two replicas of a container that requests more": {
			replace(querier, container, container+`, resources: {requests: {cpu: 500m, memory: 1Gi}}`), "requested CPU +1, memory +2Gi",
		},
		"a claim is smaller": {replace("platform/cortex/persistentvolumeclaim-scratch.yaml", "storage: 10Gi", "storage: 512Mi"), "requested storage −9.5Gi"},
		"a workload is gone": {
			func(_ *testing.T, files map[string]string) {
				delete(files, "platform/cortex/persistentvolumeclaim-scratch.yaml")
			}, "requested storage −10Gi",
		},
		"a tenant may send more": {
			replace(cortexLimits, "max_global_series_per_user: 1000000", "max_global_series_per_user: 2000000"), "tenants' limits of active series 1.15M → 2.15M",
		},
		"a tenant may send little more": {
			replace(cortexLimits, "max_global_series_per_user: 1000000", "max_global_series_per_user: 1000300"), "tenants' limits of active series 1.15M → 1.15M (+300)",
		},
		"all tenants without a limit of their own may send more": {
			replace(cortexConfig, "max_global_series_per_user: 150000", "max_global_series_per_user: 250000"), "tenants' limits of active series 1.15M → 1.25M",
		},
		"a tenant comes with the defaults": {
			replace(proxyTenants, "{name: payments}", "{name: payments}, {name: orders}"), "tenants' limits of active series 1.15M → 1.3M",
		},
		"what tenants share is written with an anchor": {
			replace(cortexLimits, "search-x1: {compactor_blocks_retention_period: 365d, max_global_series_per_user: 1000000,", "search-x1: {<<: [&s {max_global_series_per_user: 500000}], compactor_blocks_retention_period: 365d,"),
			"tenants' limits of active series 1.15M → 650k",
		},
		"both": {
			func(t *testing.T, files map[string]string) {
				replace(querier, "replicas: 2", "replicas: 3")(t, files)
				replace(querier, container, container+`, resources: {requests: {cpu: "2"}}`)(t, files)
				replace(cortexLimits, "max_global_series_per_user: 1000000", "max_global_series_per_user: 850000")(t, files)
			},
			"requested CPU +6; tenants' limits of active series 1.15M → 1M",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := compare(t, nil, test.change)
			report := &diff.Report{From: "a", To: "b", Clusters: []diff.Cluster{*cluster}}
			comment := report.Markdown(diff.MaxComment)
			var text strings.Builder
			if err := report.Text(&text, diff.TextOptions{}); err != nil {
				t.Fatal(err)
			}
			if test.want == "" {
				if strings.Contains(comment, "Capacity") || strings.Contains(text.String(), "capacity:") {
					t.Errorf("there is a line:\n%s\n%s", comment, text.String())
				}
				return
			}
			if !strings.Contains(comment, "\nCapacity: "+test.want+".\n") || !strings.Contains(text.String(), "\n  capacity: "+test.want+"\n") {
				t.Errorf("the line %q is missing:\n%.600s\n%.600s", test.want, comment, text.String())
			}
		})
	}
}
